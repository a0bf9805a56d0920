#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# old_toolkit.sh CMAKE SOURCE WORK: configures for CUDA with compilers that are too old, or are none, and looks for the
# sentence that says so.
set -eu
cmake=$1 source=$2 work=$3
rm -rf "$work"
mkdir -p "$work"

# refuses NAME WHAT-IT-SAYS EXPECTED
refuses() {
  printf '#!/bin/sh\nprintf "%%s\\n" "%s"\n' "$2" > "$work/$1"
  chmod +x "$work/$1"
  if "$cmake" -S "$source" -B "$work/build_$1" -DCANDOR_CUDA=ON -DCANDOR_BUILD_TESTS=OFF -DCANDOR_BUILD_BENCH=OFF \
      -DCANDOR_BUILD_EXAMPLES=OFF "-DCMAKE_CUDA_COMPILER=$work/$1" > "$work/$1.txt" 2>&1; then
    echo "$1: configured, but must not"
    exit 1
  fi
  tr '\n' ' ' < "$work/$1.txt" | tr -s ' ' | grep -qF "$3" || {
    echo "$1: does not say: $3"
    cat "$work/$1.txt"
    exit 1
  }
}
refuses nvcc_11 "Cuda compilation tools, release 11.8, V11.8.89" "CUDA needs version 12 or newer"
refuses not_nvcc "hello" "nvcc is not found: install the CUDA toolkit, version 12 or newer"
