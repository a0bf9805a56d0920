#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# planted.sh: compare.awk must find each of its five figures when it is above its limit of 15 %, and accept it just
# below; and find that too many headers have no row.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/table" <<'END'
- calibration: 1.00 s
| candor/candor.hpp | 7.00 | 2.00 | 700.0 | 200.0 |
| candor/core/a.hpp | 1.00 | 1.00 | 100.0 | 100.0 |
END
cat >"$dir/same" <<'END'
calibration 1.5 10
calibration 1 10
header-only 19 700
header-only 7 700
compiled 2 200
header candor/core/a.hpp 100
END

# judge LINE FIELD FACTOR: the figures above with one of them multiplied.
judge() {
  awk -v line="$1" -v field="$2" -v factor="$3" 'NR == line { $field *= factor } { print }' "$dir/same" >"$dir/now"
  awk -f "$here/compare.awk" "$dir/table" "$dir/now" >"$dir/out"
}
# Line, field, and factors below and above the limit.
for figure in "4 2 1.14 1.16" "4 3 1.14 1.16" "5 2 1.14 1.16" "5 3 1.14 1.16" "6 3 1.14 1.16"; do
  # shellcheck disable=SC2086  # four words
  set -- $figure
  judge "$1" "$2" "$3" || { cat "$dir/out"; echo "$3 at line $1, field $2 was refused"; exit 1; }
  if judge "$1" "$2" "$4"; then
    cat "$dir/out"
    echo "$4 at line $1, field $2 was not found"
    exit 1
  fi
done
for n in 1 2 3 4 5 6 7 8 9; do echo "header candor/core/a.hpp 100"; done >>"$dir/same"
echo "header candor/new.hpp 900" >>"$dir/same"
judge 1 2 1 || { cat "$dir/out"; echo "one new header of eleven was refused"; exit 1; }
echo "header candor/newer.hpp 900" >>"$dir/same"
if judge 1 2 1; then
  cat "$dir/out"
  echo "two headers of twelve without a row were not found"
  exit 1
fi
echo "all planted costs are found"
