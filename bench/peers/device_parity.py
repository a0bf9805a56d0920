# SPDX-License-Identifier: Apache-2.0
"""Do candor, the loops and transformers compute the same on the device? Nothing is timed before they do."""

from device_sides import SIDES
from parity import COSINE, LOSS, NATS, ROUNDING, STEPS, cosines, expect, gradients_of
from safetensors.torch import load_file

WORKLOAD = "40-300"


def deviation(log_probs, folder, workload, mode, type_):
    """Of log-probs (N,) from those of transformers in fp32, nats a token: mean and most, and the mean that may be.

    In bf16 that is ROUNDING times transformers' own mean, and three standard errors of the difference, token by token:
    few tokens leave it uncertain."""
    truth = load_file(folder / f"{workload}.truth.safetensors")
    exact = truth[f"{mode}.f32"].double()
    off, its = (log_probs - exact).abs(), (truth[f"{mode}.bf16"].double() - exact).abs()
    uncertain = 3 * (off - ROUNDING * its).std().item() / len(exact) ** 0.5
    allowed = NATS if type_ == "f32" else ROUNDING * its.mean().item() + uncertain
    return {"mean": off.mean().item(), "most": off.max().item(), "allowed": allowed}


def check_log_probs(label, found, type_):
    """fp32: none may be off by more than is allowed; bf16: the mean may be off as far as transformers' in bf16, and a bit."""
    off = found["most" if type_ == "f32" else "mean"]
    expect(off <= found["allowed"], f"{label}: log-probs differ from transformers' by {off} nats, allowed are {found['allowed']}")


def check(sides, mode):
    """What was found on the thin model, by type and side; Disagreement where the sides differ."""
    folder = sides.folder / "thin"
    path = folder / "gradients.safetensors"
    found, exact = {}, None
    for type_ in ("f32", "bf16"):
        for side in ("tuned", *(s for s in SIDES if s != "tuned")):  # the gradients of the first are what others are held to
            with sides.open(side, "thin", WORKLOAD, mode, type_) as process:
                got = gradients_of(process, path)
                losses = process.ask(f"steps {STEPS}")["losses"]
            path.unlink()
            exact = exact or got
            cosine, small = cosines(got["gradients"], exact["gradients"])
            worst = min(cosine, key=cosine.get)
            here = found[f"{type_}, {side}"] = {
                "log_probs": deviation(got["log_probs"], folder, WORKLOAD, mode, type_),
                "losses": losses,
                "smallest cosine": cosine[worst],
                "its tensor": worst,
                "below the floor": small,
            }
            label = f"{mode}, {type_}, {side}"
            check_log_probs(label, here["log_probs"], type_)
            expect(cosine[worst] >= COSINE[type_], f"{label}: the gradient of {worst} has a cosine of {cosine[worst]}")
            if type_ == "f32":
                off = max(abs(a - b) for a, b in zip(losses, found["f32, tuned"]["losses"], strict=True))
                expect(off <= LOSS, f"{label}: losses of {STEPS} steps differ from the tuned loop's by {off}")
    return found
