# SPDX-License-Identifier: Apache-2.0
"""What run_device.py found, as a page."""

import statistics

AIMS = {"trl": 3.0, "tuned": 1.7, "shared": 1.25}  # times as fast as each loop


def rows(results):
    """(mode, workload, side, its blocks, ratios of candor's speed to it in each round)"""
    blocks, keys = results["blocks"], [key.split(", ") for key in results["blocks"]]
    for mode in dict.fromkeys(k[1] for k in keys):
        own = {number: blocks[f"{number}, {mode}, candor"] for number, m, side in keys if (m, side) == (mode, "candor")}
        for workload in next(iter(own.values()), {}):
            for side in dict.fromkeys(k[2] for k in keys if k[1] == mode):
                of = {n: blocks[f"{n}, {m}, {s}"][workload] for n, m, s in keys if (m, s) == (mode, side)}
                of = {n: block for n, block in of.items() if "seconds" in block}  # where anything fits
                both = [(block, own[n][workload]) for n, block in of.items() if "seconds" in own.get(n, {}).get(workload, {})]
                ratios = sorted(statistics.median(a["seconds"]) / statistics.median(b["seconds"]) for a, b in both)
                yield mode, workload, side, list(of.values()), ratios


def has_aims(results):
    return results["setting"]["shape"] != "tiny"


def missed(results):
    """What is aimed at and was not found; nothing for the tiny shape."""
    if not has_aims(results):
        return
    for mode, workload, side, found, ratios in rows(results):
        label = f"{mode}, answers of {workload}"
        if side == "candor" and not found:
            yield f"{label}: not even one pair fits in the device's memory"
        elif side in AIMS and ratios and statistics.median(ratios) < AIMS[side]:
            yield f"{label}: {statistics.median(ratios):.2f} times as fast as {side}, aimed at is {AIMS[side]}"


def speed_rows(results):
    pairs = results["setting"]["pairs"]
    yield "| trained | answers | side | pairs in a pass | s a step | pairs/s | GiB | candor is times as fast (range of rounds) | aim |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for mode, workload, side, found, ratios in rows(results):
        if not found:
            yield f"| {mode} | {workload} | {side} | none fits | | | | | |"
            continue
        seconds = statistics.median(s for block in found for s in block["seconds"])
        # the least: of rounds that did not look for the largest passes
        peak = f"{min(block['MiB']['peak'] for block in found) / 1024:.1f}" if "gpu" in results["machine"] else ""
        times = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})" if ratios and side != "candor" else ""
        size = results["batches"][f"{mode}, {workload}, {side}"]
        aim = f">= {AIMS[side]}" if side in AIMS and has_aims(results) else ""
        yield f"| {mode} | {workload} | {side} | {size} | {seconds:.4g} | {pairs / seconds:.3g} | {peak} | {times} | {aim} |"


def parity_rows(results):
    yield (
        "| trained | type, side | log-probs to transformers, nats a token: mean, most "
        "| smallest cosine of a gradient with the tuned loop's in fp32 | losses of the steps |"
    )
    yield "|---|---|---|---|---|"
    for mode, sides in results["parity"].items():
        for side, f in sides.items():
            losses = ", ".join(f"{x:.6f}" for x in f["losses"])
            off = f"{f['log_probs']['mean']:.1e}, {f['log_probs']['most']:.1e}"
            yield f"| {mode} | {side} | {off} | {f['smallest cosine']:.7f} ({f['its tensor']}) | {losses} |"


def markdown(results):
    m, s = results["machine"], results["setting"]
    lines = [f"# candor against PyTorch loops on {m.get('gpu', 'the CPU')}", ""]
    lines += [f"- {m['date']}, commit {m['commit'][:8]}, {m['cpu']}{', ' + m['cuda'] if 'cuda' in m else ''}"]
    lines += [f"- {s['model'] or 'random weights, shape ' + s['shape']}; steps of {s['pairs']} pairs; `{results['command']}`"]
    lines += [f"- {side}: {', '.join(f'{k} {v}' for k, v in greeting.items())}" for side, greeting in results["programs"].items()]
    if results["blocks"]:
        lines += ["", *speed_rows(results), "", "GiB are the peak of what the side's allocator gave out on the device."]
    lines += ["", "What had to agree first, on the model's first two blocks:", "", *parity_rows(results)]
    return "\n".join(lines) + "\n"
