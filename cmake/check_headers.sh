#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_headers.sh [--costs FILE] INCLUDE_DIR COMPILER [FLAGS...]: compiles every public header alone, in
# parallel, syntax only. The *_impl.hpp are not here: each is a unit of candor::compiled. --costs writes what
# memory g++ took for each, in MB.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
costs=
if [ "$1" = --costs ]; then
  costs=$2
  shift 2
fi
include=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

(cd "$include" && find candor -name '*.hpp' ! -name '*_impl.hpp') | sort >"$dir/list"
count=$(wc -l <"$dir/list")
[ "$count" -gt 0 ] || { echo "no headers below $include: name the folder that holds candor/"; exit 1; }

# One compiler per header, as many at once as there are cores; a failure leaves its messages in $dir/failed.
export include dir
if [ -n "$costs" ]; then
  . "$here/../bench/compile/cost.sh"
  set -- "$@" $cost_flags
fi
xargs -P "$(nproc)" -I '{}' sh -c '
  header=$1; shift
  if ! printf "#include <%s>\n" "$header" |
      "$@" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I"$include" -x c++ - 2>"$dir/log.$$"; then
    { echo "$header does not compile alone:"; head -n 20 "$dir/log.$$"; } >"$dir/failed.$$"
  fi
  { echo "$header"; cat "$dir/log.$$"; } >"$dir/cost.$$"' sh '{}' "$@" <"$dir/list"

failed=$(find "$dir" -name 'failed.*' | wc -l)
if [ "$failed" -gt 0 ]; then
  cat "$dir"/failed.*
  echo "$failed of $count headers do not compile alone: include in each what it uses"
  exit 1
fi
if [ -n "$costs" ]; then
  for cost in "$dir"/cost.*; do
    printf '%s %s\n' "$(head -n 1 "$cost")" "$(memory_in <"$cost")"
  done >"$costs"
fi
echo "$count headers compile alone"
