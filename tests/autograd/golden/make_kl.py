# SPDX-License-Identifier: Apache-2.0
"""Writes kl.safetensors: the divergence between two heads over the vocabulary, and its gradients, by PyTorch.

  hidden (R, C), weight (V, C)                  of the policy, in bf16 so that each type reads the same numbers
  reference_hidden (R, D), reference_weight (V, D)   of the reference
  d (R)                                         the result's gradient
  <direction>/kl (R), /d_hidden (R, C), /d_weight (V, C)   in float64, <direction> forward or reverse;
                                                forward is torch.nn.functional.kl_div(policy, reference)
  log_squares (R)                               log sum_v softmax(hidden weight^T)_v^2
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

ROWS, WIDTH, REFERENCE_WIDTH, WORDS = 9, 16, 12, 131


def main():
    torch.manual_seed(11)
    out = {
        "hidden": torch.randn(ROWS, WIDTH),
        "weight": 0.7 * torch.randn(WORDS, WIDTH),
        "reference_hidden": torch.randn(ROWS, REFERENCE_WIDTH),
        "reference_weight": 0.7 * torch.randn(WORDS, REFERENCE_WIDTH),
        "d": torch.randn(ROWS),
    }
    out = {name: value.bfloat16() for name, value in out.items()}
    hidden, weight = (out[name].double().requires_grad_() for name in ("hidden", "weight"))
    policy = F.log_softmax(hidden @ weight.T, -1)
    reference = F.log_softmax(out["reference_hidden"].double() @ out["reference_weight"].double().T, -1)
    for direction, (of, to) in {"forward": (reference, policy), "reverse": (policy, reference)}.items():
        kl = F.kl_div(to, of, reduction="none", log_target=True).sum(-1)
        gradients = torch.autograd.grad((kl * out["d"].double()).sum(), (hidden, weight), retain_graph=True)
        out[f"{direction}/kl"] = kl.detach()
        out[f"{direction}/d_hidden"], out[f"{direction}/d_weight"] = gradients
    out["log_squares"] = policy.detach().exp().square().sum(-1).log()
    path = Path(__file__).with_name("kl.safetensors")
    save_file({k: v.contiguous() for k, v in out.items()}, path, {"torch": torch.__version__, "seed": "11"})
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
