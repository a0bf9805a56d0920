#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh TABLE COSTS COMPILER FLAGS...: compares what candor.hpp costs now with the kept table, and the memory
# of every header with candor::compiled, which check_headers.sh has left in COSTS. +15 % fails, as do headers that
# the table has no row for when they are a tenth of all. Seconds count as multiples of a calibration unit that is
# compiled in turn with the header; other work on the machine slows both, so the least of up to six runs counts.
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
trap 'rm -f "$measured" "$measured.verdict"' EXIT
sed 's/^/header /' "$costs" >"$measured"
for run in 1 2 3 4 5 6; do
  {
    echo "calibration $(cost_of "$@" <"$here/calibration.cpp")"
    echo "header-only $(unit_of candor/candor.hpp | cost_of "$@")"
    echo "compiled $(unit_of candor/candor.hpp | cost_of "$@" -DCANDOR_COMPILED=1)"
  } >>"$measured"
  awk -f "$here/compare.awk" "$table" "$measured" >"$measured.verdict" && break
done
cat "$measured.verdict"
awk -f "$here/compare.awk" "$table" "$measured" >/dev/null
