#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds the RLAIF-V example and runs it on the embedded world of scenes, where a model that
# hallucinates corrects itself: about ten minutes on two cores. Arguments are passed on to it (rlaif_v --help).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
started=$(pwd)
cd "$root"
sh cmake/install_packages.sh
cmake --preset release -DCANDOR_BUILD_TESTS=OFF -DCANDOR_BUILD_BENCH=OFF
cmake --build --preset release --target rlaif_v
cd "$started"
"$root/build/release/bin/rlaif_v" "$@"
echo "The program is $root/build/release/bin/rlaif_v; '--help' shows how to give it your own model and data."
