# SPDX-License-Identifier: Apache-2.0
"""candor against eager PyTorch, side by side: the same weights, the same pairs, the same step.

    python run.py --candor build/release/bin/peer_candor --results bench/results/today [--case even/f32 ...]

First both must agree with each other and with transformers (parity.py); then blocks of steps of each side take turns.
Writes RESULTS.json (cases are added to those that it holds) and RESULTS.md. Exit status 1 where candor is slower or larger
than it promises (report.py).
"""

import argparse
import contextlib
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import parity
import report
import world
from process import Process

HERE = Path(__file__).resolve().parent
# MKL takes its slow kernels on a CPU that is not Intel's unless this says otherwise; malloc keeps what it was given.
SAYS_INTEL = "int mkl_serv_intel_cpu_true(void) { return 1; }\n"
TUNED = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
}


class Sides:
    def __init__(self, candor, folder, threads):
        self.candor, self.folder, self.threads = candor, folder, str(threads)
        self.tuned = TUNED | {"OMP_NUM_THREADS": self.threads} | intel_library(folder)

    @contextlib.contextmanager
    def start(self, side, workload, type_, layout=None, environment=()):
        both = [str(self.folder / "model"), str(self.folder / f"{workload}.safetensors"), type_, self.threads]
        if side == "torch":
            process = Process([sys.executable, str(HERE / "torch_step.py"), *both], self.tuned | dict(environment))
        else:
            process = Process([self.candor, *both, layout], environment)
        try:
            yield process
        finally:
            process.close()


def intel_library(folder):
    """The library that tells MKL to use its fast kernels; nothing where there is no C compiler."""
    source, library = folder / "says_intel.c", folder / "libsays_intel.so"
    source.write_text(SAYS_INTEL)
    made = subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=False)
    return {"LD_PRELOAD": str(library.resolve())} if made.returncode == 0 else {}


def busy_seconds():
    ticks = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def measure(sides, workload, type_, layouts, warmup, blocks, steps):
    """Blocks of steps of PyTorch and of each layout take turns."""
    with contextlib.ExitStack() as stack:
        names = ["PyTorch", *layouts]
        running = {"PyTorch": stack.enter_context(sides.start("torch", workload, type_))}
        for layout in layouts:
            running[layout] = stack.enter_context(sides.start("candor", workload, type_, layout))
        loaded = {name: process.ask("memory")["now"] for name, process in running.items()}
        for process in running.values():
            process.ask(f"steps {warmup}")
        rounds, own, begin = [], -sum(p.cpu_seconds() for p in running.values()), busy_seconds()
        for _ in range(blocks):
            rounds.append({name: running[name].ask(f"steps {steps}")["seconds"] for name in names})
            names.reverse()  # so that none always comes first
        own += sum(p.cpu_seconds() for p in running.values())
        busy = busy_seconds() - begin
        peaks = {name: process.ask("memory")["peak"] for name, process in running.items()}
        programs = [running[name].greeting["program"] for name in ("PyTorch", layouts[0])]
    medians = [{name: statistics.median(seconds) for name, seconds in each.items()} for each in rounds]
    result = {"programs": programs, "cpu of others": max(0.0, busy - own) / busy, "blocks": rounds}
    for name in running:
        ratios = sorted(each["PyTorch"] / each[name] for each in medians)
        result[name] = {
            "seconds": statistics.median(s for each in rounds for s in each[name]),
            "times PyTorch": {"median": statistics.median(ratios), "least": ratios[0], "most": ratios[-1]},
            "MiB peak": peaks[name],
            "MiB loaded": loaded[name],
        }
    return result


def kernels(sides, workload, type_):
    """Which kernels the products of one step ran in, by calls, as the libraries say themselves."""
    out = {}
    for side, layout in (("torch", None), ("candor", "shared")):
        with sides.start(side, workload, type_, layout, {"ONEDNN_VERBOSE": "1", "MKL_VERBOSE": "1"}) as process:
            process.said.clear()
            process.ask("steps 1")
        calls = Counter()
        for line in process.said:
            words = line.split(",")
            if "exec" in words:  # onednn_verbose,...,exec,cpu,matmul,<kernel>,...
                calls["oneDNN " + " ".join(words[words.index("exec") + 2 :][:2])] += 1
            elif line.startswith("MKL_VERBOSE oneMKL"):
                out["MKL"] = line.removeprefix("MKL_VERBOSE ").strip()
            elif line.startswith("MKL_VERBOSE"):
                calls["MKL " + line.split()[1].split("(")[0]] += 1
        out[side] = dict(calls.most_common(6))
    return out


def machine(threads):
    info = Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in info.split("\n\n")[0].splitlines())
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = fields["flags"].split()
    return {
        "date": date.today().isoformat(),
        "cpu": f"{fields['model name']}, family {fields['cpu family']} model {fields['model']}",
        "cores": os.cpu_count(),
        "threads": threads,
        "commit": subprocess.run(["git", "-C", HERE, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip(),
        "flags": [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags],
        "system": " ".join(("Python", platform.python_version(), *platform.libc_ver())),
    }


def save(results, path):
    path.with_name(path.name + ".json").write_text(json.dumps(results, indent=1) + "\n")
    path.with_name(path.name + ".md").write_text(report.markdown(results))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candor", required=True, help="the program peer_candor of a release build")
    parser.add_argument("--results", type=Path, required=True, help="RESULTS of RESULTS.json and RESULTS.md")
    parser.add_argument("--world", type=Path, default=Path("build/peers"), help="model and pairs; made where missing")
    cases = [f"{w}/{t}" for w in world.WORKLOADS for t in ("f32", "bf16")]
    parser.add_argument("--case", nargs="*", default=cases, choices=cases)
    parser.add_argument("--layouts", nargs="*", default=["shared", "packed"], help="of candor")
    parser.add_argument("--threads", type=int, default=2, help="of each side")
    parser.add_argument("--warmup", type=int, default=3, help="steps of each side before blocks begin")
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--steps", type=int, default=3, help="steps in a block")
    parser.add_argument(
        "--parity",
        choices=("check", "only", "kept"),
        default="check",
        help="only: time nothing; kept: rely on what RESULTS.json says of the same binary",
    )
    o = parser.parse_args()
    if not (o.world / "uneven.safetensors").exists():
        subprocess.run([sys.executable, str(HERE / "world.py"), str(o.world)], check=True)
    o.results.parent.mkdir(parents=True, exist_ok=True)
    path = o.results.with_name(o.results.name + ".json")
    results = json.loads(path.read_text()) if path.exists() else {"parity": {}, "cases": {}, "kernels": {}}
    binary = hashlib.sha256(Path(o.candor).read_bytes()).hexdigest()[:16]
    sides = Sides(o.candor, o.world, o.threads)
    try:
        for case in o.case:
            workload, type_ = case.split("/")
            if o.parity == "kept" and results["parity"].get(case, {}).get("binary") == binary:
                continue
            found = parity.check(sides.start, o.world, workload, type_, o.layouts)
            results["parity"][case] = {"binary": binary, "found": found}
            save(results, o.results)
            print(f"{case}: both agree", file=sys.stderr)
    except parity.Disagreement as what:
        sys.exit(f"no speed is measured: {what}")
    if o.parity != "only":
        for case in o.case:
            workload, type_ = case.split("/")
            results["cases"][case] = measure(sides, workload, type_, o.layouts, o.warmup, o.blocks, o.steps)
            if type_ not in results["kernels"]:
                results["kernels"][type_] = kernels(sides, workload, type_)
            results["machine"] = machine(o.threads)
            results["environment of PyTorch"] = sorted(sides.tuned)
            save(results, o.results)
    print(report.markdown(results))
    if o.parity != "only":
        sys.exit("\n".join(report.broken_promises(results, o.case)) or 0)


if __name__ == "__main__":
    main()
