#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh COMPILER FLAGS...: each snippet must compile, and with CANDOR_MUST_FAIL=1 must not. Its lines `//
# expect: REGEX` must match what the compiler then says; `// first: REGEX` its first error.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
export dir
count=$(find "$(dirname "$0")" -name '*.cpp' | wc -l)

find "$(dirname "$0")" -name '*.cpp' | sort | xargs -P "$(nproc)" -I '{}' sh -c '
  snippet=$1; shift
  name=$(basename "$snippet" .cpp)
  compile() { LC_ALL=C "$@" -std=c++20 -fsyntax-only -Wall -Wextra -Werror "$snippet" 2>"$dir/$name.log"; }
  complain() { { echo "$name: $1"; head -n 30 "$dir/$name.log"; } >"$dir/$name.failed"; exit 0; }
  compile "$@" -DCANDOR_MUST_FAIL=0 || complain "does not compile where it should"
  if compile "$@" -DCANDOR_MUST_FAIL=1; then complain "compiles where it should not"; fi
  grep -q "^// expect: ." "$snippet" || complain "has no line // expect: REGEX"
  sed -n "s|^// expect: ||p" "$snippet" >"$dir/$name.expect"
  while IFS= read -r expected; do
    grep -qE -- "$expected" "$dir/$name.log" || complain "the compiler does not say: $expected"
  done <"$dir/$name.expect"
  first=$(sed -n "s|^// first: ||p" "$snippet")
  grep -m 1 "error:" "$dir/$name.log" | grep -qE -- "$first" || complain "the first error does not say: $first"
' sh '{}' "$@"

if [ -n "$(find "$dir" -name '*.failed')" ]; then
  cat "$dir"/*.failed
  exit 1
fi
echo "$count snippets fail to compile with the messages that they should give"
