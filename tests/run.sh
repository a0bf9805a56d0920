#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [--long] [preset]: installs what is missing, configures, builds, and runs all tests. The preset is dev unless
# named. --long adds the tests that take many minutes.
# The last lines are ctest's summary; the exit status is not 0 when anything failed.
set -eu
long=
if [ "${1:-}" = --long ]; then
  long="-C long"
  shift
fi
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
# shellcheck disable=SC2086  # two words or none
exec ctest --preset "$preset" $long -j "$(nproc)"
