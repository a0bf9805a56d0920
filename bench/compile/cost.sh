# SPDX-License-Identifier: Apache-2.0
# Sourced by measure.sh, check.sh and check_headers.sh: what a unit costs g++ to read, without generating code.
#   memory   MB that the compiler takes for all it builds, its garbage collection off: the same in every run on
#            any machine with the same compiler and libraries, however busy
#   seconds  of user CPU time in that run

cost_flags="-fsyntax-only -fmem-report --param ggc-min-heapsize=16000000 --param ggc-min-expand=1000"

# The memory in a report of g++; fails where there is none, since the unit does not compile.
memory_in() {
  awk '/^Total +[0-9]+[kM]? +[0-9]/ && !found {
         found = 1; n = $3 + 0; if ($3 ~ /k$/) n /= 1024; else if ($3 !~ /M$/) n /= 1048576
         printf "%.1f\n", n }
       END { exit !found }'
}

# cost_of COMPILER [FLAGS...] <UNIT: "SECONDS MB". The last line of `times` is that of the compiler.
cost_of() {
  report=$( ("$@" -std=c++20 $cost_flags -x c++ - 2>&1; times) )
  memory=$(printf '%s\n' "$report" | memory_in) || { printf '%s\n' "$report" | head -n 5 >&2; return 1; }
  printf '%s\n' "$report" | awk -v memory="$memory" \
    'END { split($1, t, /[ms]/); printf "%.2f %s\n", 60 * t[1] + t[2], memory }'
}

# unit_of HEADER: a unit that includes it.
unit_of() { printf '#include <%s>\n' "$1"; }

# least_cost_of RUNS COMPILER [FLAGS...] <UNIT: the one with the least seconds.
least_cost_of() {
  unit=$(cat)
  runs=$1
  shift
  while [ "$runs" -gt 0 ]; do
    printf '%s\n' "$unit" | cost_of "$@"
    runs=$((runs - 1))
  done | sort -n | head -n 1
}

# row RUNS HEADER COMPILER [FLAGS...]: the header's line of the table.
row() {
  runs_of_row=$1 header=$2
  shift 2
  own=$(unit_of "$header" | least_cost_of "$runs_of_row" "$@")
  compiled=$(unit_of "$header" | least_cost_of "$runs_of_row" "$@" -DCANDOR_COMPILED=1)
  echo "| $header | ${own% *} | ${compiled% *} | ${own#* } | ${compiled#* } |"
}
