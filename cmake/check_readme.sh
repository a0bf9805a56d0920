#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_readme.sh README INCLUDE_DIR COMPILER FLAGS...: compiles the C++ blocks of a page, without code generation.
# A block that declares a struct stands at namespace scope; all others are the body of one function.
set -eu
readme=$1 include=$2 compiler=$3
shift 3
unit=$(mktemp -d)/readme.cpp
trap 'rm -rf "$(dirname "$unit")"' EXIT
awk '
  /^```cpp$/ { inside = 1; block = ""; outer = 0; next }
  /^```$/ && inside { inside = 0; outer ? (scope = scope block) : (body = body block); ++blocks; next }
  inside && /^#include/ { includes = includes $0 "\n"; next }
  inside { if (/^struct /) outer = 1; block = block $0 "\n" }
  END {
    if (blocks == 0) exit 1
    printf "%s%s\nvoid readme() {\n%s}\n", includes, scope, body
    if (scope ~ /struct slic/) print "static_assert(candor::objective<slic>);"
  }' "$readme" >"$unit" || { echo "$readme has no C++ block" >&2; exit 1; }
"$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I"$include" "$@" "$unit"
