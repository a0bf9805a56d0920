# SPDX-License-Identifier: Apache-2.0
"""Do both sides compute the same? Nothing is timed before they do."""

import torch
from safetensors.torch import load_file
from torch_llava import plain

FLOOR = 1e-6  # of the whole gradient's norm: tensors below it are listed, not compared
STEPS = 5
NATS, LOSS = 1e-4, 1e-3  # of a token in fp32; of a loss over STEPS steps in fp32
COSINE = {"f32": 0.9999, "bf16": 0.999}
ROUNDING = 1.2  # bf16 may deviate from fp32 by this much of PyTorch's own deviation


class Disagreement(Exception):
    pass


def expect(holds, what):
    if not holds:
        raise Disagreement(what)


def gradients_of(process, path):
    """The answer to `gradients`, with the tensors by their plain names."""
    answer = process.ask(f"gradients {path}")
    answer["log_probs"] = torch.cat([torch.tensor(run, dtype=torch.float64) for run in answer["log_probs"]])
    answer["gradients"] = {plain(name): value.double().flatten() for name, value in load_file(path).items()}
    return answer


def cosines(found, expected):
    """Per tensor, and the names below the floor."""
    expect(found.keys() == expected.keys(), f"gradients of different tensors: {sorted(found.keys() ^ expected.keys())}")
    whole = torch.cat(list(expected.values())).norm()
    small = sorted(name for name, value in expected.items() if value.norm() <= FLOOR * whole)
    return {
        name: (torch.dot(found[name], value) / (found[name].norm() * value.norm())).item()
        for name, value in expected.items()
        if name not in small
    }, small


def transformers_log_probs(workload):
    t = load_file(workload)
    return torch.cat([t[f"policy.{n}.{i}"] for i in range(len(t["pixel_values"])) for n in ("chosen", "rejected")]).double()


def check(start, folder, workload, layouts):
    """`start(side, type, layout)` gives a process. Returns what was found, both types; Disagreement where it differs."""
    truth = transformers_log_probs(folder / f"{workload}.safetensors")
    path = folder / "gradients.safetensors"
    found, exact, torch_bf16 = {}, None, None
    sides = [("torch", "f32", None), *(("candor", "f32", each) for each in layouts), ("torch", "bf16", None)]
    for side, type_, layout in [*sides, *(("candor", "bf16", each) for each in layouts)]:
        label = " ".join(filter(None, (side, type_, layout)))
        with start(side, workload, type_, layout) as process:
            got = gradients_of(process, path)
            losses = process.ask(f"steps {STEPS}")["losses"]
        path.unlink()
        difference = (got["log_probs"] - truth).abs()
        exact = exact or got
        cosine, small = cosines(got["gradients"], exact["gradients"])
        worst = min(cosine, key=cosine.get)
        found[label] = {
            "log_probs to transformers, max nats": difference.max().item(),
            "log_probs to transformers, mean nats": difference.mean().item(),
            "loss": got["loss"],
            "losses": losses,
            "smallest cosine": cosine[worst],
            "its tensor": worst,
            "below the floor": small,
        }
        if label == "torch f32":
            exact["losses"] = losses
        expect(cosine[worst] >= COSINE[type_] or label == "torch bf16", f"{label}: gradient of {worst}: cosine {cosine[worst]}")
        if type_ == "f32":
            expect(difference.max() <= NATS, f"{label}: log-probs differ from transformers' by {difference.max()} nats")
            off = max(abs(a - b) for a, b in zip(losses, exact["losses"], strict=True))
            expect(off <= LOSS, f"{label}: losses of {STEPS} steps differ from PyTorch's by {off}")
        elif side == "torch":
            torch_bf16 = difference.mean()
        else:
            expect(
                difference.mean() <= ROUNDING * torch_bf16,
                f"{label}: log-probs deviate from fp32 by {difference.mean()} nats a token, PyTorch's by {torch_bf16}",
            )
    return found
