# SPDX-License-Identifier: Apache-2.0
# compare.awk TABLE NOW: lines of NOW are `UNIT SECONDS MB`, of which the least seconds count, for the units calibration,
# header-only and compiled, and `header NAME MB`.
BEGIN {
  allowed = 1.15
  allowed_new = 0.1  # headers without a row, as a share of all
}

FNR == NR && /^- calibration: / { kept_seconds["calibration"] = $3 + 0 }
FNR == NR && /^\| candor\// {
  gsub(/[| ]+/, " ")
  kept_header[$1] = $5
  if ($1 == "candor/candor.hpp") {
    kept_seconds["header-only"] = $2
    kept_seconds["compiled"] = $3
    kept_memory["header-only"] = $4
    kept_memory["compiled"] = $5
  }
}
FNR == NR { next }

$1 == "header" {
  headers++
  if ($2 in kept_header) {
    total += $3
    kept_total += kept_header[$2]
  } else {
    unknown++
    unknown_names = unknown_names " " $2
  }
  next
}
{
  memory[$1] = $3
  if (!($1 in seconds) || $2 + 0 < seconds[$1]) seconds[$1] = $2 + 0
}

function judge(what, value, before, unit) {
  if (!(before > 0 && value > 0)) {
    printf "%s: no figure to compare\n", what
    bad = 1
    return
  }
  printf "%-26s %8.2f %s, kept %8.2f: %+.1f %%\n", what, value, unit, before, 100 * (value / before - 1)
  if (value > allowed * before) bad = 1
}

# Seconds as a multiple of the calibration's.
function relative(of, unit) { return of["calibration"] > 0 ? of[unit] / of["calibration"] : 0 }

END {
  judge("candor.hpp header-only", memory["header-only"], kept_memory["header-only"], "MB")
  judge("candor.hpp compiled", memory["compiled"], kept_memory["compiled"], "MB")
  judge("all headers compiled", total, kept_total, "MB")
  judge("candor.hpp header-only", relative(seconds, "header-only"), relative(kept_seconds, "header-only"), "x ")
  judge("candor.hpp compiled", relative(seconds, "compiled"), relative(kept_seconds, "compiled"), "x ")
  if (unknown) print unknown " headers of " headers " have no row:" unknown_names
  if (unknown > allowed_new * headers) {
    print "write the table again: cmake --build --preset dev --target compile_table"
    exit 1
  }
  if (bad) {
    print "the headers cost more than +15 %: find what they include or instantiate (-ftime-report; clang's -ftime-trace) and"
    print "move it into an _impl.hpp, or write the table again and say in the commit what it buys"
    exit 1
  }
}
