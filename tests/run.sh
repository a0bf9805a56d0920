#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [preset]: installs what is missing, configures, builds, and runs all tests. The preset is dev unless named.
# The last lines are ctest's summary; the exit status is not 0 when anything failed.
set -eu
preset=${1:-dev}
cd "$(dirname "$0")/.."

started=$(date +%s)
step() {
  printf '== %s (at %s s)\n' "$1" "$(($(date +%s) - started))"
}
step "packages"
sh cmake/install_packages.sh tests
step "configure"
cmake --preset "$preset"
step "build"
cmake --build --preset "$preset"
step "test"
exec ctest --preset "$preset" -j "$(nproc)"
