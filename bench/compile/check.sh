#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh TABLE COSTS COMPILER FLAGS...: compares what candor.hpp costs now with the kept table, and the memory
# of every header with candor::compiled, which check_headers.sh has left in COSTS. Memory fails above +15 %,
# seconds above +30 %. Seconds count as multiples of a calibration unit that is compiled in turn with the header,
# the least of several runs: other work on the machine slows both.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
table=$1 costs=$2
shift 2
. "$here/cost.sh"
set -- "$@" "-I$here/../../include"

kept=$(sed -n 's/^- compiler: g++ //p' "$table")
now=$("$1" -dumpfullversion)
if [ "$kept" != "$now" ]; then
  echo "[candor skipped] the table is of g++ $kept, this is $now"
  exit 0
fi
measured=$(mktemp)
trap 'rm -f "$measured"' EXIT
for run in 1 2 3; do
  echo "calibration $(cost_of "$@" <"$here/calibration.cpp")"
  echo "header-only $(unit_of candor/candor.hpp | cost_of "$@")"
  echo "compiled $(unit_of candor/candor.hpp | cost_of "$@" -DCANDOR_COMPILED=1)"
  echo "calibration $(cost_of "$@" <"$here/calibration.cpp")"
done >"$measured"
sed 's/^/header /' "$costs" >>"$measured"
awk -f "$here/compare.awk" "$table" "$measured"
