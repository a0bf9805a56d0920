#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_rules.sh [ROOT]: checks the rules of the source tree that no compiler checks. Each violation is one line,
# `file:line: what is wrong: what to do`. Exit status 1 when there is any.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}"

find include examples tests bench cmake -type f \( -name '*.hpp' -o -name '*.cuh' -o -name '*.cpp' -o -name '*.cu' \
  -o -name '*.sh' -o -name '*.cmake' -o -name '*.awk' -o -name '*.py' -o -name CMakeLists.txt \) 2>/dev/null |
  sort | awk -f "$here/check_rules.awk"
