#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# spills.sh NVCC ROOT SCRATCH: compiles the attention kernels of tensor cores for 8.0 and 9.0, and fails where one keeps
# registers in memory or takes more shared memory than any of these devices gives a block. Prints what each takes.
set -eu
nvcc=$1 root=$2 scratch=$3
mkdir -p "$scratch"
cat > "$scratch/kernels.cu" <<'KERNELS'
#include <candor/backend/cuda/attention_launch.hpp>
#include <candor/backend/cuda/device_lane.cuh>
#include <cstdio>
using namespace candor::device;
template <int Width>
struct kernels {
  static_assert(attention_forward_kernel<Width>::shared_bytes <= 99 * 1024);
  static_assert(query_gradient_kernel<Width>::shared_bytes <= 99 * 1024);
  static_assert(key_gradient_kernel<Width>::shared_bytes <= 99 * 1024);
  static_assert(decode_kernel<Width>::shared_bytes <= 99 * 1024);
  void* all[4] = {(void*)run_kernel<attention_forward_kernel<Width>>, (void*)run_kernel<query_gradient_kernel<Width>>,
                  (void*)run_kernel<key_gradient_kernel<Width>>, (void*)run_kernel<decode_kernel<Width>>};
};
kernels<64> narrow;
kernels<96> middle;
kernels<128> wide;
KERNELS
for arch in 80 90; do
  "$nvcc" -std=c++20 --expt-relaxed-constexpr -arch=sm_$arch -cubin -Xptxas -v -I"$root/include" \
    -o "$scratch/kernels.cubin" "$scratch/kernels.cu" > "$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
  awk -v arch="$arch" '
    /Compiling entry function/ {
      match($0, /[a-z_]+kernelILi[0-9]+/)
      name = substr($0, RSTART, RLENGTH)
      sub(/ILi/, "<", name)
    }
    /bytes stack frame/ { frame = $0 }
    /Used [0-9]+ registers/ {
      match($0, /[0-9]+ registers/)
      printf "sm_%s %s>: %s,%s\n", arch, name, substr($0, RSTART, RLENGTH), frame
      ++seen
      if (frame !~ / 0 bytes spill stores, 0 bytes spill loads/) ++bad
    }
    END { exit seen != 12 || bad > 0 }' "$scratch/log" || { echo "sm_$arch: a kernel spills, or not all 12 were compiled"; exit 1; }
done
