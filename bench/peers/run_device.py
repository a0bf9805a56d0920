# SPDX-License-Identifier: Apache-2.0
"""candor's training step against three PyTorch loops on the same device: the same weights, pairs and step.

    python run_device.py --programs build/cuda/bin --shape 7b --results device_results/race_7b

trl: transformers' model as TRL's DPOTrainer uses it. tuned: reference precomputed, head on scored rows, no padding, no
recompute. shared: tuned, with a stem computed once (FlexAttention). Each with all weights and with an adapter, answers of 150
tokens and of 40 to 300; each in the largest passes that fit. First all must agree with transformers and with each other
(device_parity.py); then rounds of them take turns. --minutes ends it between two of them with exit code 75, and the same
command goes on there. Writes RESULTS.json and RESULTS.md. Exit code 1 where they disagree, or where candor is slower than is
aimed at (device_report.py).
"""

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import device_report
import torch
from device_parity import check, check_log_probs, deviation
from device_sides import HERE, LOOPS, PARTS, SIDES, WORKLOADS, DoesNotFit, Sides
from parity import Disagreement, log_probs_of


def machine(device):
    ask = lambda *command: subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: E731
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    out = {"date": date.today().isoformat(), "device": device, "cpu": cpu, "commit": ask("git", "-C", str(HERE), "rev-parse", "HEAD")}
    if torch.device(device).type == "cuda":
        query = "name,driver_version,memory.total,clocks.max.sm,power.limit"
        out["gpu"] = ask("nvidia-smi", f"--id={torch.device(device).index or 0}", f"--query-gpu={query}", "--format=csv,noheader")
        out["cuda"] = f"PyTorch's {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    return out


def largest_batch(process, pairs):
    """The most pairs in a pass that fit, by whole steps: doubled until one does not fit, then halved between."""

    def fits(size):
        process.ask(f"batch {size}")
        return "out of memory" not in process.ask("steps 1")

    least, most = 0, 1  # least fits
    while most < pairs and fits(most):
        least, most = most, min(2 * most, pairs)
    if least < most == pairs and fits(pairs):
        return pairs
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if fits(middle) else (least, middle)
    return least


def timed(process, size, o):
    """Seconds of steps with so many pairs in a pass and the memory they took; None where they do not fit."""
    process.ask(f"batch {size}")
    process.ask(f"steps {o.warmup}")
    process.ask("memory")  # the peak begins anew
    answer = process.ask(f"steps {o.steps}")
    return {"seconds": answer["seconds"], "MiB": process.ask("memory")} if "seconds" in answer else None


def block(sides, side, mode, o, batches):
    """One side's seconds of steps, of each workload, after its log-probs were compared with transformers'."""
    out = {}
    with sides.open(side, "whole", WORKLOADS[0], mode, "bf16") as process:
        # Before any step: of fp32 weights that came as fp16, many lie halfway between two of autocast's bfloat16 numbers.
        for workload in WORKLOADS:
            process.ask(f"work {sides.folder / 'whole' / workload}.safetensors")
            process.ask("batch 1")
            found = deviation(log_probs_of(process), sides.folder / "whole", workload, mode, "bf16")
            check_log_probs(f"{mode}, {workload}, {side}", found, "bf16")
            out[workload] = {"log_probs": found}
        for workload, found in out.items():
            process.ask(f"work {sides.folder / 'whole' / workload}.safetensors")
            key = f"{mode}, {workload}, {side}"
            if key not in batches:
                batches[key] = largest_batch(process, o.pairs)
            while batches[key] > 0 and not (figures := timed(process, batches[key], o)):
                batches[key] -= 1  # what fitted once may not fit into what others have left
            found |= figures if batches[key] > 0 else {}
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, type=Path, help="where peer_candor lies; with --shape random_llava too")
    parser.add_argument("--results", required=True, type=Path, help="RESULTS of RESULTS.json and RESULTS.md")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model", type=Path, help="a LLaVA-1.5 folder in the Hugging Face layout")
    model.add_argument("--shape", choices=("7b", "tiny"), help="random weights of this shape")
    parser.add_argument("--world", type=Path, default=Path("build/device_race"), help="models and pairs; made where missing")
    parser.add_argument("--modes", nargs="*", default=["full", "lora"], choices=("full", "lora"))
    parser.add_argument("--loops", nargs="*", default=LOOPS, choices=LOOPS)
    parser.add_argument("--pairs", type=int, default=8, help="of a step")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=3, help="steps before those that are timed")
    parser.add_argument("--steps", type=int, default=10, help="that are timed")
    parser.add_argument("--threads", type=int, default=2, help="of each side where the device is the CPU")
    parser.add_argument("--minutes", type=float, default=0, help="end between two parts after this time; 0: never")
    parser.add_argument("--eager", action="store_true", help="PyTorch without torch.compile")
    parser.add_argument("--parity", choices=("check", "only"), default="check", help="only: time nothing")
    o = parser.parse_args()
    path = o.results.with_name(o.results.name + ".json")
    o.results.parent.mkdir(parents=True, exist_ok=True)
    candor = o.programs / "peer_candor"
    setting = {"shape": o.shape, "model": str(o.model or ""), "device": o.device, "pairs": o.pairs, "eager": o.eager}
    setting["peer_candor"] = hashlib.sha256(candor.read_bytes()).hexdigest()[:16]
    results = json.loads(path.read_text()) if path.exists() else {"setting": setting}
    if results["setting"] != setting:
        sys.exit(f"{path} holds results of {results['setting']}, not of {setting}: name another file")
    results |= {"machine": machine(o.device), "command": " ".join(sys.argv)}
    for name in ("programs", "parity", "batches", "blocks"):
        results.setdefault(name, {})
    deadline = time.monotonic() + 60 * o.minutes if o.minutes else float("inf")

    def save():
        path.write_text(json.dumps(results, indent=1) + "\n")
        path.with_suffix(".md").write_text(device_report.markdown(results))

    def done(what):
        save()
        print(what, file=sys.stderr)
        if time.monotonic() > deadline:
            print("time is up: call it again, it goes on here")
            sys.exit(75)

    sides = Sides(candor, o.world, o.device, o.threads, o.eager)
    try:
        for part in PARTS:
            model = o.model and str(o.model.resolve())
            if sides.make(part, programs=str(o.programs), shape=o.shape, model=model, pairs=o.pairs):
                done(f"{part}: made")
        for mode in o.modes:
            if mode not in results["parity"]:
                results["parity"][mode] = check(sides, mode)
                done(f"{mode}: all agree")
        for number in range(o.rounds if o.parity == "check" else 0):
            for mode in o.modes:
                taking_part = [s for s in SIDES if s == "candor" or s in o.loops]
                for side in taking_part[:: -1 if number % 2 else 1]:  # so that none always comes first
                    key = f"{number}, {mode}, {side}"
                    if key not in results["blocks"]:
                        try:
                            results["blocks"][key] = block(sides, side, mode, o, results["batches"])
                        except DoesNotFit:
                            results["blocks"][key] = {workload: {} for workload in WORKLOADS}
                        results["programs"] |= sides.programs
                        done(f"{key}: timed")
    except Disagreement as what:
        sys.exit(f"no speed is measured: {what}")
    finally:
        sides.close()
    save()
    print(device_report.markdown(results))
    sys.exit("\n".join(device_report.missed(results)) or 0)


if __name__ == "__main__":
    main()
