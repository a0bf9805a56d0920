# SPDX-License-Identifier: Apache-2.0
"""Writes image_losses.safetensors: the losses over several images and their gradients, from the papers'
formulas by PyTorch's autograd.

  make_image_losses.py      needs torch, safetensors

  sums, references  (40, 5)   log-probs of the cells under policy and reference, nats
  <loss>/loss       (40);     <loss>/gradient (40, 5) for the sums
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

ITEMS, BETA = 40, 0.1
TOKENS = 20, 25  # of the chosen and of the rejected answer


def mdpo(r):
    a, c, distorted = r[:, 0], r[:, 1], r[:, 2]
    return -F.logsigmoid(BETA * (a - c)) - F.logsigmoid(BETA * (a - distorted)) - F.logsigmoid(BETA * a)


def mdpo_options(r):
    a, c, distorted = r[:, 0], r[:, 1], r[:, 2]
    image, anchor = F.logsigmoid(0.3 * (a - distorted)), F.logsigmoid(0.3 * a - 0.4)
    return -F.logsigmoid(0.3 * (a - c)) - 0.7 * image - 0.5 * anchor


def v_dpo(pi, ref, gamma, q, smoothing, bias=0.0):
    """q: log-probs of chosen and rejected under the distorted image."""
    guided_w = gamma * pi[:, 0] - (gamma - 1) * q[:, 2].detach()
    guided_l = gamma * pi[:, 1] - (gamma - 1) * q[:, 3].detach()
    z = BETA * ((guided_w - ref[:, 0]) - (guided_l - ref[:, 1]))
    loss = -(1 - smoothing) * F.logsigmoid(z) - smoothing * F.logsigmoid(-z)
    image = BETA * ((pi[:, 0] - ref[:, 0]) - (pi[:, 2] - ref[:, 2]).detach())
    smooth = smoothing / 2
    return loss - bias * ((1 - smooth) * F.logsigmoid(image) + smooth * F.logsigmoid(-image))


def v_dpo_ipo(pi, ref, gamma, q):
    """(mean guided log-ratio of chosen - that of rejected - 1 / (2 beta))^2."""
    guided_w = (gamma * pi[:, 0] - (gamma - 1) * q[:, 2].detach() - ref[:, 0]) / TOKENS[0]
    guided_l = (gamma * pi[:, 1] - (gamma - 1) * q[:, 3].detach() - ref[:, 1]) / TOKENS[1]
    return (guided_w - guided_l - 1 / (2 * BETA)) ** 2


def sym_mpo(r, response, consistency, image):
    here, there = BETA * (r[:, 0] - r[:, 1]), BETA * (r[:, 3] - r[:, 2])
    images = F.logsigmoid(BETA * (r[:, 0] - r[:, 2])) + F.logsigmoid(BETA * (r[:, 3] - r[:, 1]))
    answers = F.logsigmoid(here) + F.logsigmoid(there)
    return -response * answers + consistency * (here - there) ** 2 - image * images


def opa_dpo(r, sign):
    a, c, b, a_masked, b_masked = r.unbind(1)
    answers = F.logsigmoid(BETA * (a - c)) + F.logsigmoid(BETA * (b - c))
    images = F.logsigmoid(BETA * (a - a_masked)) + F.logsigmoid(BETA * (b - b_masked))
    return -answers - 0.2 * images - F.logsigmoid(BETA * a) - F.logsigmoid(sign * BETA * b)


LOSSES = {
    "mdpo": lambda pi, ref: mdpo(pi - ref),
    "mdpo, other options": lambda pi, ref: mdpo_options(pi - ref),
    "v_dpo": lambda pi, ref: v_dpo(pi, ref, 1.5, ref, 0.0),
    "v_dpo, dynamic": lambda pi, ref: v_dpo(pi, ref, 1.2, pi, 0.1),
    "v_dpo, bias": lambda pi, ref: v_dpo(pi, ref, 1.5, ref, 0.1, 0.6),
    "v_dpo, gamma 1": lambda pi, ref: v_dpo(pi, ref, 1.0, ref, 0.0),
    # One answer under two images: what it is worth under a third, on both sides, changes nothing.
    "v_dpo, image contrast": lambda pi, ref: v_dpo(pi, ref, 1.5, pi[:, [0, 1, 4, 4]], 0.0),
    "v_dpo, image contrast, bias": lambda pi, ref: v_dpo(pi, ref, 1.5, pi[:, [0, 1, 4, 4]], 0.1, 0.6),
    "sym_mpo": lambda pi, ref: sym_mpo(pi - ref, 1.0, 1.0, 0.0),
    "s_vco": lambda pi, ref: sym_mpo(pi - ref, 0.5, 0.0, 1.0),
    "opa_dpo": lambda pi, ref: opa_dpo(pi - ref, 1.0),
    "opa_dpo, released anchor": lambda pi, ref: opa_dpo(pi - ref, -1.0),
    "v_dpo, ipo": lambda pi, ref: v_dpo_ipo(pi, ref, 1.5, ref),
    "v_dpo, ipo, dynamic": lambda pi, ref: v_dpo_ipo(pi, ref, 1.2, pi),
}


def main():
    torch.manual_seed(11)
    references = (-20 - 60 * torch.rand(ITEMS, 5)).double()
    sums = references + (8 * torch.randn(ITEMS, 5)).double()
    out = {"sums": sums, "references": references}
    for name, loss in LOSSES.items():
        leaf = sums.clone().requires_grad_()
        values = loss(leaf, references)
        values.sum().backward()
        out[f"{name}/loss"], out[f"{name}/gradient"] = values.detach(), leaf.grad
    path = Path(__file__).with_name("image_losses.safetensors")
    save_file({k: v.contiguous() for k, v in out.items()}, path, {"torch": torch.__version__})
    print(f"{path}: {len(LOSSES)} losses, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
