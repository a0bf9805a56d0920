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


def joined(runs):
    return torch.cat([torch.tensor(run, dtype=torch.float64) for run in runs])


def log_probs_of(process):
    """Of all scored tokens, pair after pair."""
    return joined(process.ask("log_probs")["log_probs"])


def gradients_of(process, path):
    """The answer to `gradients`, with the tensors by their plain names."""
    answer = process.ask(f"gradients {path}")
    answer["log_probs"] = joined(answer["log_probs"])
    answer["gradients"] = {plain(name): value.double().flatten() for name, value in load_file(path).items()}
    return answer


def cosines(found, expected):
    """Per tensor, and the names below the floor."""
    differ = sorted(found.keys() ^ expected.keys())
    expect(not differ, f"gradients of different tensors: {differ}")
    whole = torch.cat(list(expected.values())).norm()
    small = sorted(name for name, value in expected.items() if value.norm() <= FLOOR * whole)
    return {
        name: (torch.dot(found[name], value) / (found[name].norm() * value.norm())).item()
        for name, value in expected.items()
        if name not in small
    }, small


def transformers_log_probs(workload):
    t = load_file(workload)
    pairs = range(len(t["pixel_values"]))
    return torch.cat([t[f"policy.{name}.{i}"] for i in pairs for name in ("chosen", "rejected")]).double()


def check(start, folder, workload, type_, layouts):
    """What was found, by side; Disagreement where the sides differ. `start` is that of run.Sides."""
    truth = transformers_log_probs(folder / f"{workload}.safetensors")
    path = folder / "gradients.safetensors"
    sides = {"PyTorch": ("torch", type_, None)} | {layout: ("candor", type_, layout) for layout in layouts}
    if type_ != "f32":
        sides = {"PyTorch in f32": ("torch", "f32", None)} | sides
    found, exact = {}, None
    for label, (side, of, layout) in sides.items():
        with start(side, workload, of, layout) as process:
            got = gradients_of(process, path)
            losses = process.ask(f"steps {STEPS}")["losses"] if of == type_ else []
        path.unlink()
        exact = exact or got
        cosine, small = cosines(got["gradients"], exact["gradients"])
        worst = min(cosine, key=cosine.get)
        difference = (got["log_probs"] - truth).abs()
        found[label] = {
            "log_probs to transformers, max nats": difference.max().item(),
            "log_probs to transformers, mean nats": difference.mean().item(),
            "loss": got["loss"],
            "losses": losses,
            "smallest cosine": cosine[worst],
            "its tensor": worst,
            "below the floor": small,
        }
    for layout in layouts:
        compare(f"{workload}, {type_}, {layout}", type_, found[layout], found["PyTorch"])
    return found


def compare(label, type_, own, peer):
    """Disagreement where candor's figures are not as near to the exact ones as they have to be."""
    worst, cosine = own["its tensor"], own["smallest cosine"]
    expect(cosine >= COSINE[type_], f"{label}: the gradient of {worst} has a cosine of {cosine}")
    if type_ == "f32":
        for who, side in (("candor", own), ("PyTorch", peer)):
            off = side["log_probs to transformers, max nats"]
            expect(off <= NATS, f"{label}: {who}'s log-probs differ from transformers' by {off} nats")
        off = max(abs(a - b) for a, b in zip(own["losses"], peer["losses"], strict=True))
        expect(off <= LOSS, f"{label}: losses of {STEPS} steps differ from PyTorch's by {off}")
    else:
        off, its = (side["log_probs to transformers, mean nats"] for side in (own, peer))
        expect(off <= ROUNDING * its, f"{label}: log-probs deviate by {off} nats, PyTorch's by {its}")
