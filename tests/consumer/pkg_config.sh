#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pkg_config.sh PREFIX COMPILER SOURCE OUTPUT MODEL: builds a program with candor.pc and no build system, with
# neither CUDA's compiler nor its headers in reach, and runs it. No header of CUDA may be opened.
set -eu
prefix=$1 compiler=$2 source=$3 output=$4 model=$5
if ! command -v pkg-config >/dev/null 2>&1; then
  echo "[candor skipped] pkg-config is not installed"
  exit 0
fi
export PKG_CONFIG_PATH="$prefix/share/pkgconfig" PATH=/usr/bin:/bin
unset CPATH CPLUS_INCLUDE_PATH CUDA_HOME CUDA_PATH LIBRARY_PATH 2>/dev/null || true
pkg-config --exists --print-errors candor
mkdir -p "$(dirname "$output")"
"$compiler" -O0 "$source" -o "$output" -MD -MF "$output.d" $(pkg-config --cflags --libs candor)
if grep -iE '(^|/)(cuda|cublas|thrust|cub)[^ ]*' "$output.d"; then
  echo "a host-only program opened the headers of CUDA above"
  exit 1
fi
grep -qF "$prefix/share/pkgconfig/../../include/candor/candor.hpp" "$output.d" || { echo "candor.hpp came from elsewhere"; exit 1; }
exec "$output" "$model"
