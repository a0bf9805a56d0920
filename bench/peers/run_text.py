# SPDX-License-Identifier: Apache-2.0
"""Samples and yes/no questions about one image, candor against transformers, side by side with the same weights.

    python run_text.py --candor build/release/bin/peer_candor_text --results bench/results/today-texts

First the greedy texts and the probabilities of the answers must agree; then both take turns: 10 samples of 128 tokens
(each an item of its own in the batch of `generate`), and 40 questions (each a forward pass of its own). Writes
RESULTS.json and RESULTS.md.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
from pathlib import Path

from process import Process
from run import TUNED, intel_library, machine

HERE = Path(__file__).resolve().parent
SAMPLES, LENGTH, GREEDY = 10, 128, 64
TASKS = {"samples": f"samples {SAMPLES} {LENGTH}", "questions": "ask"}
PROBABILITY = {"f32": 1e-4, "bf16": 0.2}  # relative difference of an answer's probability


def check(type_, candor, torch):
    """What was compared; ends the program where the sides differ."""
    own, its = candor.ask(f"greedy {GREEDY}"), torch.ask(f"greedy {GREEDY}")
    same = next((i for i, pair in enumerate(zip(own["tokens"], its["tokens"], strict=True)) if len(set(pair)) > 1), GREEDY)
    # in bf16 a token whose logit is nearly the largest may be the largest of the other side; what follows differs
    if same < GREEDY and (type_ == "f32" or its["gaps"][same] > 0.1):
        sys.exit(f"no speed is measured: the greedy texts part at token {same}, gap {its['gaps'][same]}")
    answers = zip(candor.ask("questions")["answers"], torch.ask("questions")["answers"], strict=True)
    worst = max(abs(a / b - 1) for pair in answers for a, b in zip(*pair, strict=True))
    if worst > PROBABILITY[type_]:
        sys.exit(f"no speed is measured: a probability of an answer differs by a factor of 1 +- {worst}")
    return {"greedy tokens that agree": same, "of": GREEDY, "probabilities, most relative difference": worst}


def markdown(results):
    lines = [f"# Texts against transformers, {results['machine']['date']}", ""]
    lines += ["| type | task | transformers, s | candor, s | times as fast (range of the rounds) |", "|---|---|---|---|---|"]
    for type_, case in results["types"].items():
        for task, r in case["tasks"].items():
            lines.append(
                f"| {type_} | {task} | {r['transformers']:.2f} | {r['candor']:.3f} "
                f"| {r['times']['median']:.2f} ({r['times']['least']:.2f} to {r['times']['most']:.2f}) |"
            )
    lines += ["", "```json", json.dumps({"machine": results["machine"], "parity": {t: c["parity"] for t, c in results["types"].items()}}, indent=1), "```"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candor", required=True, help="the program peer_candor_text of a release build")
    parser.add_argument("--results", type=Path, required=True, help="RESULTS of RESULTS.json and RESULTS.md")
    parser.add_argument("--world", type=Path, default=Path("build/peers"), help="model and texts; made where missing")
    parser.add_argument("--types", nargs="*", default=["f32", "bf16"], choices=("f32", "bf16"))
    parser.add_argument("--threads", type=int, default=2, help="of each side")
    parser.add_argument("--rounds", type=int, default=3)
    o = parser.parse_args()
    if not (o.world / "texts.safetensors").exists():
        subprocess.run([sys.executable, str(HERE / "world.py"), str(o.world)], check=True)
    tuned = TUNED | {"OMP_NUM_THREADS": str(o.threads)} | intel_library(o.world)
    results = {"machine": machine(o.threads), "types": {}}
    for type_ in o.types:
        both = [str(o.world / "model"), str(o.world / "texts.safetensors"), type_, str(o.threads)]
        with contextlib.ExitStack() as stack:
            torch = Process([sys.executable, str(HERE / "torch_text.py"), *both], tuned)
            stack.callback(torch.close)
            candor = Process([o.candor, *both])
            stack.callback(candor.close)
            case = {"parity": check(type_, candor, torch), "programs": [torch.greeting["program"], candor.greeting["program"]], "tasks": {}}
            for task, command in TASKS.items():
                candor.ask(command)  # the check has warmed transformers up
                rounds = []
                for _ in range(o.rounds):
                    rounds.append({"transformers": torch.ask(command)["seconds"], "candor": candor.ask(command)["seconds"]})
                ratios = sorted(r["transformers"] / r["candor"] for r in rounds)
                case["tasks"][task] = {side: statistics.median(r[side] for r in rounds) for side in rounds[0]} | {
                    "rounds": rounds,
                    "times": {"median": statistics.median(ratios), "least": ratios[0], "most": ratios[-1]},
                }
        results["types"][type_] = case
    o.results.parent.mkdir(parents=True, exist_ok=True)
    o.results.with_name(o.results.name + ".json").write_text(json.dumps(results, indent=1) + "\n")
    o.results.with_name(o.results.name + ".md").write_text(markdown(results))
    print(markdown(results))


if __name__ == "__main__":
    main()
