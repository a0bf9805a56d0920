#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# real_size.sh --programs DIR --work DIR [--shape 7b|tiny] [--device cpu|cuda[:N]] [--python PYTHON] [--minutes N]
#
# A model folder of real size goes through the programs: random weights are written as fp16 shards (14 GB), loaded,
# trained with LoRA for 30 steps, the trainer is killed with SIGKILL between them and resumes, the adapter is merged
# into a folder of its own, and the log-probs of that one are compared with transformers' on this machine. Stops itself
# between parts after --minutes (8) with exit code 75 and goes on there when it is called again. WORK/results.jsonl has
# a line for each part: its seconds and the most memory that its process took of the host (what was mapped from files
# included).
#   --programs DIR  where dpo, score, export and random_llava lie
#   --work DIR      35 GB for 7b; the same folder goes on where it stopped
#   --python        with torch, transformers, sentencepiece and pillow; without, the last part says so and is left out
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
programs='' work='' shape=7b device=cuda python=${CANDOR_PYTHON:-python3} minutes=8
usage() { sed -n '3,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
while [ $# -gt 1 ]; do
  case $1 in
    --programs) programs=$(cd "$2" && pwd) ;;
    --work) mkdir -p "$2" && work=$(cd "$2" && pwd) ;;
    --shape) shape=$2 ;;
    --device) device=$2 ;;
    --python) python=$2 ;;
    --minutes) minutes=$2 ;;
    *) usage ;;
  esac
  shift 2
done
{ [ $# -eq 0 ] && [ -n "$programs" ] && [ -n "$work" ]; } || usage
deadline=$(($(date +%s) + 60 * minutes))

# measured COMMAND...: runs it; `seconds` and `peak_kib` say what it took.
measured() {
  begin=$(date +%s.%N) peak_kib=0
  "$@" > "$work/last.txt" 2>&1 &
  process=$!
  while kill -0 "$process" 2> /dev/null; do
    now_kib=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$process/status" 2> /dev/null || true)
    [ -z "$now_kib" ] || peak_kib=$now_kib
    sleep 0.05
  done
  wait "$process" || {
    code=$?
    cat "$work/last.txt" >&2
    echo "real_size.sh: exit code $code of: $*" >&2
    exit "$code"
  }
  seconds=$(echo "$begin $(date +%s.%N)" | awk '{ printf "%.2f", $2 - $1 }')
}

# part NAME FUNCTION: once in a work folder.
part() {
  ! grep -qs "\"name\": \"$1\"" "$work/results.jsonl" || return 0
  [ "$(date +%s)" -lt "$deadline" ] || { echo "time is up: call it again, it goes on here"; exit 75; }
  echo "$1"
  "$2"
  printf '{"name": "%s", "shape": "%s", "device": "%s", "seconds": %s, "host_peak_gib": %s%s}\n' "$1" "$shape" "$device" \
    "$seconds" "$(echo "$peak_kib" | awk '{ printf "%.2f", $1 / 1048576 }')" "$more" >> "$work/results.jsonl"
  more=''
}
more=''

write() {
  rm -rf "$work/world"
  measured "$programs/random_llava" "$work/world" "$shape" "$source/examples/scenes/base"
}
scored() {  # FOLDER TYPE FILE
  measured "$programs/score" --model "$1" --input "$work/world/answers.jsonl" --images "$work/world/images" \
    --output "$3" --dtype "$2" --device "$device" --quiet
}
load() { scored "$work/world/model" bf16 "$work/base_scores.jsonl"; }

trainer() {
  set -- --resume auto
  [ -d "$work/run" ] || set --
  exec "$programs/dpo" --model "$work/world/model" --data "$work/world/pairs.jsonl" --images "$work/world/images" \
    --output "$work/run" --device "$device" --dtype bf16 --lora-r 64 --lora-alpha 128 --learning-rate 1e-4 --max-steps 30 \
    --batch-size 8 --save-steps 5 --quiet true "$@"
}
steps() { tail -n 1 "$work/run/metrics.jsonl" 2> /dev/null | sed -n 's/.*"global_step": *\([0-9]*\).*/\1/p'; }

# Kills the trainer as soon as its second checkpoint is there.
train_and_kill() {
  rm -rf "$work/run"
  begin=$(date +%s.%N)
  (trainer) > "$work/last.txt" 2>&1 &
  process=$!
  while [ ! -d "$work/run/checkpoint-10" ]; do
    kill -0 "$process" 2> /dev/null || {
      cat "$work/last.txt" >&2
      echo "real_size.sh: the trainer ended before its tenth step" >&2
      exit 1
    }
    sleep 0.02
  done
  peak_kib=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$process/status")
  kill -KILL "$process"
  code=0
  wait "$process" 2> /dev/null || code=$?
  [ "$code" -eq 137 ] || { echo "real_size.sh: the trainer was done before SIGKILL came (exit code $code)" >&2; exit 1; }
  seconds=$(echo "$begin $(date +%s.%N)" | awk '{ printf "%.2f", $2 - $1 }')
  more=", \"killed_after_step\": $(steps)"
  [ ! -d "$work/run/adapter" ] || { echo "real_size.sh: a killed trainer left an adapter" >&2; exit 1; }
}
resume() {
  measured trainer
  [ "$(steps)" = 30 ] || { echo "real_size.sh: the resumed run ends with step $(steps), not 30" >&2; exit 1; }
  [ -f "$work/run/adapter/adapter_model.safetensors" ] || { echo "real_size.sh: no adapter came out" >&2; exit 1; }
}
merge() {
  rm -rf "$work/merged"
  measured "$programs/export" --model "$work/world/model" --adapter "$work/run/adapter" --output "$work/merged" --quiet
}
score_export() { scored "$work/merged" f32 "$work/scores.jsonl"; }
compare() {
  measured "$python" "$source/tests/interop.py" model --folder "$work/merged" --input "$work/world/answers.jsonl" \
    --images "$work/world/images" --scores "$work/scores.jsonl" --template llava_hf --image-transform pad \
    --threads "$(nproc)"
  more=", \"what\": \"$(tail -n 1 "$work/last.txt")\""
}

part "write fp16 shards" write
part "load and score four answers" load
part "train with LoRA until SIGKILL" train_and_kill
part "resume to step 30" resume
part "export" merge
part "score the export in fp32" score_export
if "$python" -c 'import torch, transformers, sentencepiece, PIL' 2> /dev/null; then
  part "log-probs are transformers'" compare
else
  echo "not compared with transformers: $python lacks torch, transformers, sentencepiece or pillow"
fi
cat "$work/results.jsonl"
