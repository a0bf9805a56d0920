#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# programs.sh SIMULATOR PROGRAMS WORK: programs that were built for CUDA run on the simulated device: every group of
# device_bench, a folder through bench/real_size.sh (with CANDOR_PYTHON that has torch and transformers also its last
# part), and a training whose device is lost in a step and goes on. Exit code 1 where a part fails.
set -eu
source=$(cd "$(dirname "$0")/../../.." && pwd)
simulator=$1 programs=$2 work=$3
rm -rf "$work"
mkdir -p "$work/bin"
for program in device_bench dpo export random_llava score; do
  printf '#!/bin/sh\nLD_PRELOAD=%s exec %s "$@"\n' "$simulator" "$programs/$program" > "$work/bin/$program"
  chmod +x "$work/bin/$program"
done

groups=$("$work/bin/device_bench" --list)
[ -n "$groups" ]
for group in $groups; do
  "$work/bin/device_bench" "$group" --tiny > "$work/$group.json"
  [ -s "$work/$group.json" ]
done

sh "$source/bench/real_size.sh" --programs "$work/bin" --work "$work/real" --shape tiny --device cuda \
  --python "${CANDOR_PYTHON:-python3}"
grep -q '"name": "score the export in fp32"' "$work/real/results.jsonl"

world=$work/real/world
train() {  # OUTPUT OPTION...
  output=$1
  shift
  "$work/bin/dpo" --device cuda --model "$world/model" --data "$world/pairs.jsonl" --images "$world/images" --lora-r 4 \
    --learning-rate 1e-3 --batch-size 2 --max-steps 4 --save-steps 1 --output "$work/$output" "$@"
}
CANDOR_SIMULATOR_COUNTS=$work/counts.txt train whole
launches=$(awk 'NR > 1 { n += $1 } END { print n }' "$work/counts.txt")
code=0
CANDOR_SIMULATOR_FAULT_AT=$((launches - launches / 20)) train lost 2> "$work/lost.txt" || code=$?
[ "$code" -eq 7 ]
grep -q -- '--resume auto' "$work/lost.txt"
[ -d "$work/lost/checkpoint-3" ] || [ -d "$work/lost/checkpoint-2" ]
train lost --resume auto
cmp "$work/whole/adapter/adapter_model.safetensors" "$work/lost/adapter/adapter_model.safetensors"
rm -rf "$work"
