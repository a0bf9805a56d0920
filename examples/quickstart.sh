#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds the RLHF-V example and runs it on the embedded world of scenes: about ten minutes on
# two cores. Arguments are passed on to the example (rlhf_v --help lists them).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
started=$(pwd)
cd "$root"
sh cmake/install_packages.sh
cmake --preset release -DCANDOR_BUILD_TESTS=OFF -DCANDOR_BUILD_BENCH=OFF
cmake --build --preset release --target rlhf_v
cd "$started"
"$root/build/release/bin/rlhf_v" "$@"
echo "The program is $root/build/release/bin/rlhf_v; '--help' shows how to give it your own model and data."
