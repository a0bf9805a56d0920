# SPDX-License-Identifier: Apache-2.0
"""Tables of three families of candor_bench's results.

    candor_bench --benchmark_filter='rows_sweep|scaling|images' --benchmark_out=FILE --benchmark_out_format=json
    python tables.py FILE [--least 0.6]

rows_sweep: for each product, the median rate over all row counts and the counts that are slowest against it. Exit status 1
where one of 128 rows or more falls below `--least` times the median. scaling: milliseconds a step against tokens, and the
exponent of a power law through each series. images: a step of mDPO against one of DPO.
"""

import argparse
import json
import math
import re
import statistics
import sys
from collections import defaultdict


def results(path):
    """Name and entry of each benchmark; medians where it was repeated."""
    entries = json.load(open(path))["benchmarks"]
    medians = [e for e in entries if e.get("aggregate_name") == "median"]
    for e in medians or [e for e in entries if e["run_type"] == "iteration"]:
        yield e["run_name"], e


def rows_tables(found, least):
    """GFLOP/s by the length of the side that grows."""
    series = defaultdict(dict)
    for name, entry in found:
        match = re.search(r"rows_sweep/host/(\w+)/M:(\d+)/N:512/K:(\d+)(/NN|/TN)?", name)
        if match:
            type_, m, k, form = match.groups()
            product = {"/NN": "d_x = d_y W", "/TN": "d_W = d_y^T x", None: "y = x W^T"}[form]
            series[product, type_][int(k if form == "/TN" else m)] = entry["GFLOP/s"]
    if series:
        print("| product, 512 x 512 | type | median GFLOP/s | slowest from 128 rows on | below |\n|---|---|---|---|---|")
    ok = True
    for (product, type_), rates in series.items():
        median = statistics.median(rates.values())
        slowest = sorted((rate / median, rows) for rows, rate in rates.items() if rows >= 128)[:3]
        below = [rows for share, rows in slowest if share < least]
        said = ", ".join(f"{rows}: {share:.0%}" for share, rows in slowest)
        print(f"| {product} | {type_} | {median:.0f} | {said} | {', '.join(map(str, below)) or 'none'} |")
        ok = ok and not below
    return ok


def scaling_table(found):
    series, base = defaultdict(list), {}
    for name, entry in found:
        match = re.search(r"scaling/host/(\w+)/(\w+)", name)
        if match:
            type_, what = match.groups()
            point = (entry["tokens"], entry["real_time"], entry["GFLOP/s"], entry["peak MiB"])
            if what == "base":
                base[type_] = point
            else:
                series[what, type_].append(point)
    if series:
        print("| grows | type | tokens: ms (GFLOP/s, MiB) | time grows as tokens to the |\n|---|---|---|---|")
    for (what, type_), points in series.items():
        points = sorted([base[type_], *points])
        x, y = ([math.log(p[i]) for p in points] for i in (0, 1))
        said = ", ".join(f"{n:.0f}: {ms:.0f} ({rate:.0f}, {mib:.0f})" for n, ms, rate, mib in points)
        print(f"| {what} | {type_} | {said} | {statistics.linear_regression(x, y).slope:.2f} |")


def images_table(found):
    steps = defaultdict(dict)
    for name, entry in found:
        match = re.search(r"step/host/(\w+)/images/(\w+)", name)
        if match:
            steps[match.group(1)][match.group(2)] = entry
    if steps:
        print("| type | DPO, ms | mDPO, ms | times the time | the tokens | the memory |\n|---|---|---|---|---|---|")
    for type_, step in steps.items():
        dpo, mdpo = step["dpo"], step["mdpo"]
        time, tokens, memory = (mdpo[key] / dpo[key] for key in ("real_time", "tokens", "peak MiB"))
        milliseconds = f"{dpo['real_time']:.0f} | {mdpo['real_time']:.0f}"
        print(f"| {type_} | {milliseconds} | {time:.3f} | {tokens:.2f} | {memory:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--least", type=float, default=0.6)
    o = parser.parse_args()
    found = list(results(o.file))
    ok = rows_tables(found, o.least)
    scaling_table(found)
    images_table(found)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
