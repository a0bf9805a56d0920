# SPDX-License-Identifier: Apache-2.0
# compare.awk TABLE NOW: lines of NOW are `UNIT SECONDS MB`, of which the least seconds count, for the units calibration,
# header-only and compiled, and `header NAME MB`.
# Memory is the same in every run and decides; seconds on a busy machine differ by a tenth, so their limit is wider.
BEGIN {
  allowed["MB"] = 1.15
  allowed["x "] = 1.30
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
  if ($2 in kept_header) {
    total += $3
    kept_total += kept_header[$2]
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
  if (value > allowed[unit] * before) bad = 1
}

# Seconds as a multiple of the calibration's.
function relative(of, unit) { return of["calibration"] > 0 ? of[unit] / of["calibration"] : 0 }

END {
  judge("candor.hpp header-only", memory["header-only"], kept_memory["header-only"], "MB")
  judge("candor.hpp compiled", memory["compiled"], kept_memory["compiled"], "MB")
  judge("all headers compiled", total, kept_total, "MB")
  judge("candor.hpp header-only", relative(seconds, "header-only"), relative(kept_seconds, "header-only"), "x ")
  judge("candor.hpp compiled", relative(seconds, "compiled"), relative(kept_seconds, "compiled"), "x ")
  if (bad) {
    print "the headers cost more than +15 % memory or +30 % time: find what it includes or instantiates (-ftime-report; clang's"
    print "-ftime-trace) and move it into an _impl.hpp, or write the table again and say in the commit what it buys"
    exit 1
  }
}
