#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# planted.sh CHECK_RULES: plants one violation after the other in a small clean tree and expects the script to name
# each with its file and line, and to pass the clean tree.
set -eu
check=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
failures=0
cases=0

head='// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A file of the test.'

fresh() {
  rm -rf "$dir/tree"
  mkdir -p "$dir/tree/cmake" "$dir/tree/include/candor/core" "$dir/tree/include/candor/io" \
    "$dir/tree/include/candor/nn" "$dir/tree/include/candor/objective" "$dir/tree/include/candor/backend/host"
  cd "$dir/tree"
  printf '%s\n#include <vector>\n' "$head" >include/candor/core/a.hpp
  printf '%s\n#include <candor/core/a.hpp>\n#include <unistd.h>\n' "$head" >include/candor/core/a_impl.hpp
  printf '%s\n#include <candor/core/a.hpp>\n' "$head" >include/candor/nn/b.hpp
  printf '%s\n#include <Eigen/Core>\n' "$head" >include/candor/backend/host/c_impl.hpp
  printf '%s\n' "$head" >include/candor/backend/team.hpp
  printf '%s\n#include <candor/backend/team.hpp>\n' "$head" >include/candor/objective/d.hpp
  printf '%s\n' "$head" | cat - >include/candor/candor.hpp
  for header in core/a core/a_impl nn/b backend/host/c_impl objective/d; do
    echo "#include <candor/$header.hpp>" >>include/candor/candor.hpp
  done
}

# expect NAME PATTERN: the check fails and names the planted place
expect() {
  cases=$((cases + 1))
  if output=$(sh "$check" "$dir/tree"); then
    echo "not found: $1"
    failures=$((failures + 1))
  elif ! echo "$output" | grep -q -e "$2"; then
    echo "$1: expected '$2', got: $output"
    failures=$((failures + 1))
  elif [ "$(echo "$output" | wc -l)" -ne 2 ]; then
    echo "$1: expected one violation and the count, got: $output"
    failures=$((failures + 1))
  fi
  fresh
}

fresh
if ! sh "$check" "$dir/tree" >"$dir/clean"; then
  echo "the clean tree is refused:"
  cat "$dir/clean"
  exit 1
fi

plant() { # FILE LINE: appends the line
  echo "$2" >>"$dir/tree/include/candor/$1"
}

plant core/a.hpp '#include <candor/nn/b.hpp>'
expect "an arrow upwards" '^include/candor/core/a.hpp:6: core may not include candor/nn/b.hpp'
plant io/e.hpp "$head"
plant io/e.hpp '#include <candor/nn/b.hpp>'
plant candor.hpp '#include <candor/io/e.hpp>'
expect "io knows nn" '^include/candor/io/e.hpp:5: io may not include'
plant objective/d.hpp '#include <candor/backend/host/c_impl.hpp>'
expect "an objective knows the host backend" '^include/candor/objective/d.hpp:6: objective may not include'
plant nn/b.hpp '#include <candor/candor.hpp>'
expect "the umbrella inside a room" '^include/candor/nn/b.hpp:6: candor/candor.hpp from inside a room'
plant nn/b.hpp '#include <candor/nn/absent.hpp>'
expect "a header that is not there" '^include/candor/nn/b.hpp:6: candor/nn/absent.hpp does not exist'
plant nn/b.hpp '#include "a.hpp"'
cases=$((cases + 1))
sh "$check" "$dir/tree" | grep -q '^include/candor/nn/b.hpp:6: "a.hpp": write' ||
  { echo "not found: a quoted include"; failures=$((failures + 1)); }
fresh
plant core/a_impl.hpp '#include <Eigen/Core>'
expect "Eigen outside backend/host" '^include/candor/core/a_impl.hpp:7: <Eigen/Core> outside backend/host'
plant core/a_impl.hpp '#include <tbb/task_arena.h>'
expect "TBB outside backend/host" '^include/candor/core/a_impl.hpp:7: <tbb/task_arena.h> outside'
plant core/a_impl.hpp '#include <cuda_runtime.h>'
expect "CUDA outside backend/cuda" '^include/candor/core/a_impl.hpp:7: <cuda_runtime.h> outside backend/cuda'
plant core/a.hpp '#include <nlohmann/json.hpp>'
expect "third-party in a public header" '^include/candor/core/a.hpp:6: <nlohmann/json.hpp> in a public header'
plant core/a.hpp '#include <iostream>'
expect "a slow standard header" '^include/candor/core/a.hpp:6: <iostream> is slow'
plant core/e.cuh "$head"
plant candor_cuda.cuh "$head"
plant candor_cuda.cuh '#include <candor/core/e.cuh>'
plant core/a.hpp '#include <candor/core/e.cuh>'
expect "a device header in a .hpp" '^include/candor/core/a.hpp:6: a .hpp includes the device header'
sed -i 1d include/candor/core/a.hpp
expect "no licence" '^include/candor/core/a.hpp:1: the first line is not the licence'
sed -i 2d include/candor/core/a.hpp
expect "no guard" '^include/candor/core/a.hpp:2: no include guard'
sed -i 3d include/candor/core/a.hpp
expect "no file comment" '^include/candor/core/a.hpp:3: no file comment'
echo 'echo hello' >cmake/x.sh
expect "a script without licence" '^cmake/x.sh:1: no licence'
awk 'BEGIN { for (i = 0; i < 400; ++i) print "// line" }' >>include/candor/core/a.hpp
expect "a long file" '^include/candor/core/a.hpp:405: 405 lines: split'
awk 'BEGIN { for (i = 0; i < 400; ++i) print "// line" }' >>include/candor/core/a.hpp
echo 'include/candor/core/a.hpp' >cmake/long_files.txt
expect "a long file without a reason" '^cmake/long_files.txt:1: a file is listed without a reason'
echo 'include/candor/core/a.hpp: it was long once' >cmake/long_files.txt
expect "a file that is long no more" '^cmake/long_files.txt:1: include/candor/core/a.hpp has no more'
plant nn/b.hpp '// TO''DO: later'
expect "a note" '^include/candor/nn/b.hpp:6: a note about work to do'
plant nn/b.hpp 'inline int my__name = 1;'
expect "two underscores" '^include/candor/nn/b.hpp:6: the name my__name is reserved'
plant nn/b.hpp 'template <class _Type> struct s {};'
expect "underscore and capital" '^include/candor/nn/b.hpp:6: the name _Type is reserved'
plant nn/b.hpp 'namespace {'
expect "an unnamed namespace" '^include/candor/nn/b.hpp:6: an unnamed namespace'
plant nn/b.hpp 'using namespace std;'
expect "using namespace" '^include/candor/nn/b.hpp:6: `using namespace`'
plant nn/lonely.hpp "$head"
expect "a header that nobody includes" '^include/candor/nn/lonely.hpp:1: not reached from an umbrella'
rm include/candor/candor.hpp
expect "no umbrella" '^include/candor/candor.hpp:1: the umbrella header is missing'

echo "$((cases - failures)) of $cases planted violations found"
[ "$failures" -eq 0 ]
