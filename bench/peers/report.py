# SPDX-License-Identifier: Apache-2.0
"""What run.py found, as a page."""


# What candor promises: how many times as fast as PyTorch, by layout and type, and the share of PyTorch's peak memory.
TIMES = {("shared", "f32"): 1.5, ("shared", "bf16"): 1.3, ("packed", "f32"): 0.85, ("packed", "bf16"): 0.85}
MEMORY = 0.7  # of the layout "shared"


def broken_promises(results, cases):
    for case in cases:
        r = results["cases"][case]
        for (layout, type_), least in TIMES.items():
            if layout in r and case.endswith("/" + type_) and r[layout]["times PyTorch"]["median"] < least:
                yield f"{case}, {layout}: {times(r[layout]['times PyTorch'])} times as fast, promised are {least}"
        if "shared" in r and r["shared"]["MiB peak"] > MEMORY * r["PyTorch"]["MiB peak"]:
            yield f"{case}: more than {MEMORY} of PyTorch's memory"


def times(ratio):
    return f"{ratio['median']:.2f} ({ratio['least']:.2f} to {ratio['most']:.2f})"


def speed_rows(results):
    yield (
        "| pairs, type | PyTorch, s | layout | candor, s | times as fast (range of the blocks) "
        "| peak MiB, candor / PyTorch | CPU of others |"
    )
    yield "|---|---|---|---|---|---|---|"
    for case, r in sorted(results["cases"].items()):
        torch = r["PyTorch"]
        for layout in (name for name in r if name in ("shared", "packed")):
            own = r[layout]
            memory = f"{own['MiB peak']:.0f} / {torch['MiB peak']:.0f} = {own['MiB peak'] / torch['MiB peak']:.2f}"
            yield (
                f"| {case} | {torch['seconds']:.2f} | {layout} | {own['seconds']:.2f} "
                f"| {times(own['times PyTorch'])} | {memory} | {r['cpu of others']:.1%} |"
            )


def memory_rows(results):
    yield "| pairs, type | PyTorch: loaded, peak, grown by | layout | candor: loaded, peak, grown by | grown, ratio |"
    yield "|---|---|---|---|---|"
    for case, r in sorted(results["cases"].items()):
        for layout in (name for name in r if name in ("shared", "packed")):
            (torch, its), (own, ours) = (loaded_peak_grown(r[name]) for name in ("PyTorch", layout))
            yield f"| {case} | {torch} | {layout} | {own} | {ours / its:.2f} |"


def loaded_peak_grown(side):
    loaded, peak = side["MiB loaded"], side["MiB peak"]
    return f"{loaded:.0f}, {peak:.0f}, {peak - loaded:.0f}", peak - loaded


def parity_rows(results):
    yield (
        "| pairs, type | side | log-probs to transformers, nats a token: mean, most "
        "| smallest cosine of a gradient | loss, then after each step |"
    )
    yield "|---|---|---|---|---|"
    for case, parity in sorted(results["parity"].items()):
        for side, found in parity["found"].items():
            differences = [found[f"log_probs to transformers, {which} nats"] for which in ("mean", "max")]
            losses = ", ".join(f"{x:.6f}" for x in found["losses"] or [found["loss"]])
            yield (
                f"| {case} | {side} | {differences[0]:.1e}, {differences[1]:.1e} "
                f"| {found['smallest cosine']:.7f} ({found['its tensor']}) | {losses} |"
            )


def markdown(results):
    lines = ["# candor against eager PyTorch", ""]
    if results["cases"]:
        m, programs = results["machine"], next(iter(results["cases"].values()))["programs"]
        lines += [f"- {m['date']}, {m['cpu']}, {m['cores']} cores, {m['threads']} threads a side, commit {m['commit'][:8]}"]
        lines += [f"- {' and '.join(programs)}; {m['system']}; {', '.join(m['flags'])}"]
        lines += [f"- PyTorch's environment: {', '.join(results['environment of PyTorch'])}", ""]
        lines += [*speed_rows(results), "", "Memory is resident: loaded is before the first step, peak while training.", ""]
        lines += [*memory_rows(results), "", "Kernels of a step, by calls:", ""]
        for type_, found in sorted(results["kernels"].items()):
            for side, calls in sorted(found.items()):
                if not isinstance(calls, str):
                    calls = ", ".join(f"{name} x {n}" for name, n in calls.items()) or "nothing that reports"
                lines += [f"- {type_}, {side}: {calls}"]
        lines += [""]
    lines += ["What had to agree first (gradients are compared with PyTorch's in fp32):", "", *parity_rows(results)]
    return "\n".join(lines) + "\n"
