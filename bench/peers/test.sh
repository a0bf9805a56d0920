#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh PROGRAMS WORK PYTHON [long]: run_device.py with the tiny shape on the CPU, by $CANDOR_PYTHON where that is set.
# Exit code 1 where a part fails. `long`: also that a race goes on where it was stopped, and that a wrong reference is
# found before anything is timed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
programs=$1 work=$2
python=${CANDOR_PYTHON:-$3}
if ! "$python" -c 'import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in
    ("torch", "transformers", "peft", "safetensors")))' 2> /dev/null; then
  echo "[candor skipped] $python lacks torch, transformers, peft or safetensors; set CANDOR_PYTHON"
  exit 0
fi
rm -rf "$work"
mkdir -p "$work"
race() {  # RESULTS OPTION...
  results=$1
  shift
  "$python" "$here/run_device.py" --programs "$programs" --shape tiny --device cpu --threads 1 --pairs 2 --warmup 0 --steps 1 \
    --world "$work/world" --results "$work/$results" "$@"
}
race first --rounds 1
[ "$(grep -c '^| \(full\|lora\) | \(150\|40-300\) | \(candor\|trl\|tuned\|shared\) | [1-4] ' "$work/first.md")" -eq 16 ]
[ "$(grep -c '^| \(full\|lora\) | \(f32\|bf16\), ' "$work/first.md")" -eq 16 ]
[ "${4:-}" = long ] || exit 0

# Late from the beginning, it ends after each part, and goes on behind it until all are there.
calls=0
until code=0 && race parts --rounds 1 --modes lora --loops shared --minutes 0.0001 || code=$? && [ "$code" -eq 0 ]; do
  [ "$code" -eq 75 ]
  calls=$((calls + 1))
  [ "$calls" -lt 20 ]
done
[ "$calls" -eq 3 ]  # agreement, and two sides timed

# A nat more for one token of one reference.
"$python" - "$work/world/thin/40-300.safetensors" <<'PYTHON'
import sys
from safetensors.torch import load_file, save_file
pairs = load_file(sys.argv[1])
pairs["reference.chosen.0"][0] += 1
save_file(pairs, sys.argv[1])
PYTHON
! race planted --parity only --modes full 2> "$work/planted.txt"
grep -q "no speed is measured: full, f32, trl: losses of 5 steps differ" "$work/planted.txt"
rm -rf "$work"
