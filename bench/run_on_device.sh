#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_on_device.sh [--headers DIR] [--build DIR] [--out DIR] [--minutes N] build|test|sanitize|measure|real|race
#
# Whoever has a machine with a GPU for half an hour gets the whole picture from these stages. Each stops itself after
# --minutes (8) and goes on where it stopped when it is called again; `stage complete` is its last line when nothing is
# left. What came out lies in --out (device_results).
#   build     configures and compiles what the others need
#   test      every case of tests_device, one process each; a skipped one counts as failed: the machine has a device
#   sanitize  compute-sanitizer's memcheck, racecheck and initcheck over the cases with the tag [sanitize]
#   measure   device_bench: one file of numbers for each group
#   real      real_size.sh: a folder of 7B goes through the programs. Skipped, and says so, where --work has no 35 GB
#   race      peers/run_device.py: against PyTorch loops. Skipped, and says so, where --work has no 22 GB or Python no PyTorch
# --work DIR: where `real` and `race` keep their folders (--out); they want CANDOR_PYTHON (python3) with torch, transformers
# and, for `race`, peft.
# --headers DIR: third-party headers and libraries, as bench/collect_headers.sh gathers them, for a machine that reaches
# no package registry. It needs nvcc, g++, CMake and make or Ninja of its own.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
headers='' build="$source/build/device" out="$source/device_results" work='' minutes=8 stage='' failed=''
usage() {
  sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$0" >&2 # the comment at the top
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --headers) headers=$(cd "$2" && pwd); shift ;;
    --build) mkdir -p "$2" && build=$(cd "$2" && pwd); shift ;;
    --out) mkdir -p "$2" && out=$(cd "$2" && pwd); shift ;;
    --work) mkdir -p "$2" && work=$(cd "$2" && pwd); shift ;;
    --minutes) minutes=$2; shift ;;
    build | test | sanitize | measure | real | race) stage=$1 ;;
    *) usage ;;
  esac
  shift
done
[ -n "$stage" ] || usage
mkdir -p "$out"
deadline=$(($(date +%s) + 60 * minutes))
if [ -n "$headers" ]; then
  LD_LIBRARY_PATH="$headers/lib/$(g++ -dumpmachine)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export LD_LIBRARY_PATH
fi

left() { echo $((deadline - $(date +%s))); }
stop_when_late() {
  [ "$(left)" -gt 5 ] && return
  echo "time is up: call the stage again, it goes on here"
  exit 75
}

# build TARGET...
build() {
  if [ ! -f "$build/configured" ]; then
    generator="Unix Makefiles"
    ! command -v ninja > /dev/null || generator=Ninja
    cmake -S "$source" -B "$build" -G "$generator" -DCMAKE_BUILD_TYPE=Release -DCANDOR_CUDA=ON -DCANDOR_NATIVE=ON \
      -DCANDOR_CUDNN=ON -DCMAKE_CUDA_ARCHITECTURES="${CANDOR_DEVICE_ARCH:-native}" -DCANDOR_PARQUET=OFF \
      ${headers:+"-DCMAKE_PREFIX_PATH=$headers"}
    touch "$build/configured"
  fi
  # A compiler that is stopped loses one unit; the others are there when the stage is called again.
  timeout "$(left)" cmake --build "$build" -j "$(nproc)" --target "$@" || {
    [ $? -eq 124 ] || exit 1
    stop_when_late
  }
}

# has_room GB BEGUN: whether $work, which is made, has so much; where the file BEGUN is, most of it is taken already.
has_room() {
  mkdir -p "$work"
  [ ! -f "$2" ] || return 0
  free_gb=$(df -Pk "$work" | awk 'NR == 2 { printf "%d", $4 / 1000000 }')
  [ "$free_gb" -lt "$1" ] || return 0
  echo "skipped: $work has $free_gb GB free, a folder of 7B needs $1; name another place with --work"
  return 1
}

# describe FILE: the machine, once.
describe() {
  {
    date -u +%Y-%m-%d
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit --format=csv,noheader
    nvcc --version | tail -n 2
    git -C "$source" log -1 --format='candor %h' 2> /dev/null || true
  } > "$1"
}

cases() { "$build/bin/tests_device" "$@" --list-test-names-only || true; }  # Catch2 version 2 returns their number

# each_case FOLDER TAG COMMAND...: runs the command with every case that FOLDER/passed does not name yet.
each_case() {
  folder=$1 tag=$2
  shift 2
  mkdir -p "$folder"
  touch "$folder/passed"
  : > "$folder/failed"
  cases "$tag" > "$folder/cases"
  while IFS= read -r name; do
    [ -n "$name" ] || continue
    ! grep -qxF "$name" "$folder/passed" || continue
    stop_when_late
    pattern=$(printf '%s' "$name" | sed 's/[],[]/\\&/g')
    if timeout "$(left)" "$@" "$pattern" > "$folder/last.txt" 2>&1 < /dev/null &&
      ! grep -qF '[candor skipped]' "$folder/last.txt"; then
      printf '%s\n' "$name" >> "$folder/passed"
    else
      stop_when_late
      printf '%s\n' "$name" >> "$folder/failed"
      { printf '== %s\n' "$name"; cat "$folder/last.txt"; } >> "$folder/failures.txt"
      printf 'failed: %s\n' "$name"
    fi
  done < "$folder/cases"
  printf '%s of %s passed\n' "$(wc -l < "$folder/passed")" "$(grep -c . "$folder/cases")"
  [ ! -s "$folder/failed" ]
}

case $stage in
  build) build tests_device device_bench random_llava dpo score export peer_candor ;;
  test)
    build tests_device
    describe "$out/machine.txt"
    each_case "$out/test" '[device],[autograd]' "$build/bin/tests_device"
    ;;
  sanitize)
    build tests_device
    for tool in memcheck racecheck initcheck; do
      echo "$tool"
      each_case "$out/sanitize/$tool" '[sanitize]' compute-sanitizer --tool "$tool" --error-exitcode 9 \
        --kernel-name kernel_substring=candor "$build/bin/tests_device" || failed=1
    done
    [ -z "$failed" ] || exit 1
    ;;
  measure)
    build device_bench
    describe "$out/machine.txt"
    mkdir -p "$out/measure"
    for group in $("$build/bin/device_bench" --list); do
      [ ! -s "$out/measure/$group.json" ] || continue
      stop_when_late
      if timeout "$(left)" "$build/bin/device_bench" "$group" > "$out/measure/$group.part"; then
        mv "$out/measure/$group.part" "$out/measure/$group.json"
        echo "$group"
      else
        stop_when_late
        echo "failed: $group" >&2
        exit 1
      fi
    done
    ;;
  real)
    work=${work:-$out}/real_size
    if has_room 35 "$work/results.jsonl"; then
      build random_llava dpo score export
      describe "$out/machine.txt"
      stop_when_late
      timeout "$(left)" sh "$source/bench/real_size.sh" --programs "$build/bin" --work "$work" --minutes "$minutes" || {
        code=$?
        stop_when_late
        exit "$code"
      }
      cp "$work/results.jsonl" "$out/real_size.jsonl"
    fi
    ;;
  race)
    work=${work:-$out}/race python=${CANDOR_PYTHON:-python3}
    if ! "$python" -c 'import torch, transformers, peft, safetensors' 2> /dev/null; then
      echo "skipped: $python lacks torch, transformers, peft or safetensors; name another with CANDOR_PYTHON"
    elif has_room 22 "$work/made.json"; then
      build random_llava peer_candor
      describe "$out/machine.txt"
      stop_when_late
      timeout "$(left)" "$python" "$source/bench/peers/run_device.py" --programs "$build/bin" --shape 7b --world "$work" \
        --results "$out/race_7b" --minutes "$(left | awk '{ print $1 / 60 }')" || {
        code=$?
        stop_when_late
        exit "$code"
      }
    fi
    ;;
esac
echo "stage complete"
