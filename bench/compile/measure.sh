#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# measure.sh COMPILER FLAGS...: writes what each public header costs to compile alone, header-only and with
# candor::compiled, as a table in Markdown. Some minutes on two cores. The flags are those with which a unit finds
# the libraries; the target compile_table knows them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../include
. "$here/cost.sh"
set -- "$@" "-I$include"

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
calibration=$(least_cost_of 3 "$@" <"$here/calibration.cpp")
cat <<END
# What a header costs

User CPU seconds and memory of g++ for a unit that includes one header, without generating code: header-only, and
with \`candor::compiled\`, where units only see declarations and templates. The compiler's garbage collection is off,
so the memory is the same in every run; with it on, seconds are some tenths more. A test compares candor.hpp with
this table, in memory and in seconds as multiples of the calibration, and the memory of all headers: more than +15 %
fails. Parquet is not in it: Arrow's headers are Arrow's. \`cmake --build --preset dev --target compile_table\` writes it again.

- date: $(date -u +%Y-%m-%d)
- compiler: g++ $("$1" -dumpfullversion)
- machine: ${cpu:-unknown}
- calibration: ${calibration% *} s, the least of three, as are the seconds of candor.hpp

| header | header-only, s | compiled, s | header-only, MB | compiled, MB |
|---|---|---|---|---|
END
export here
# candor.hpp alone, as the calibration was, since the two are compared; the others as many at once as there are cores.
{
  row 3 candor/candor.hpp "$@"
  (cd "$include" && find candor -name '*.hpp' ! -name '*_impl.hpp' ! -name candor.hpp) | xargs -P "$(nproc)" -I '{}' sh -c '
    . "$here/cost.sh"
    row 1 "$@"' sh '{}' "$@"
} | LC_ALL=C sort
