# SPDX-License-Identifier: Apache-2.0
"""Writes losses.safetensors: the pairwise losses and their gradients by TRL's own lines, over random batches.

  make_losses.py            needs torch, trl, safetensors; TRL's lines are those of DPOTrainer between the
                            log-ratios and the sum of the losses, run on sums of log-probs as their leaves

  sums, references  (200, 3, 2)   log-probs of chosen and rejected under policy and reference, nats
  tokens            (200, 3, 2)   scored tokens
  <loss>[/<divergence>]/loss      (n) mean over the batch;  .../gradient (n, 3, 2) for the sums. n is 200, or 20
                                  where a divergence is named
"""

import importlib.metadata
import importlib.util
import math
import textwrap
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

BATCHES, PAIRS = 200, 3
DIVERGENCES = ("forward_kl", "js_divergence", "alpha_divergence")
WITH_DIVERGENCE = ("sigmoid", "hinge", "ipo", "exo_pair", "robust", "discopop", "sigmoid_norm")
TRL_LOSSES = (
    *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot"),
    *("aot_unpaired", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm"),
)
SMOOTHED = {"exo_pair": 1e-3, "robust": 0.1, "aot": 0.1, "aot_unpaired": 0.1}


def trl_lines():
    """Read, not imported: trl's own imports are not needed."""
    path = Path(importlib.util.find_spec("trl").origin).parent / "trainer/dpo_trainer.py"
    source, begin, end = path.read_text(), "# Get the log ratios for the chosen", "if self.aux_loss_enabled"
    if source.count(begin) != 1 or source.find(end, source.find(begin)) < 0:
        raise SystemExit(f"{path}: DPOTrainer's lines are not where they were")
    first = source.rindex("\n", 0, source.index(begin)) + 1
    lines = source[first : source.index(end, first)]
    lines = lines.replace("torch.float32: 80.0}", "torch.float32: 80.0, torch.float64: 80.0}")
    return compile(textwrap.dedent(lines.replace(".float(), max", ", max")), str(path), "exec")


LINES = trl_lines()


def by_trl(loss, divergence, sums, references, tokens):
    width = int(tokens.max())
    lengths = torch.cat((tokens[:, 0], tokens[:, 1]))
    mask = (torch.arange(width) < lengths[:, None]).double()
    flat = torch.cat((sums[:, 0], sums[:, 1]))
    names = {
        "self": SimpleNamespace(
            beta=0.1,
            f_divergence_type=divergence,
            f_alpha_divergence_coef=0.5,
            loss_types=[loss],
            loss_weights=[1.0],
            label_smoothing=SMOOTHED.get(loss, 0.0),
            args=SimpleNamespace(discopop_tau=0.05),
            use_weighting=False,
        ),
        "torch": torch, "F": F, "math": math, "device": "cpu",
        "chosen_logps": sums[:, 0], "rejected_logps": sums[:, 1],
        "ref_chosen_logps": references[:, 0], "ref_rejected_logps": references[:, 1],
        "completion_mask": mask, "shift_completion_mask": mask,
        "per_token_logps": mask * (flat / lengths)[:, None],
    }  # fmt: skip
    exec(LINES, names)
    return names["loss"]


def by_paper(loss, sums, tokens):
    """The losses without a reference, which DPOTrainer does not have."""
    w, l = sums[:, 0], sums[:, 1]
    mean_w, mean_l = w / tokens[:, 0], l / tokens[:, 1]
    if loss == "simpo":
        return -F.logsigmoid(2.0 * (mean_w - mean_l) - 1.0).mean()
    if loss == "cpo":
        return (-F.logsigmoid(0.1 * (w - l)) - mean_w).mean()
    odds = (mean_w - mean_l) - (torch.log1p(-mean_w.exp()) - torch.log1p(-mean_l.exp()))
    return (-mean_w - 0.1 * F.logsigmoid(odds)).mean()


def main():
    torch.manual_seed(7)
    tokens = torch.randint(3, 120, (BATCHES, PAIRS, 2)).double()
    references = -tokens * (0.2 + 1.5 * torch.rand(BATCHES, PAIRS, 2)).double()
    references = references.float().double()  # what the file holds
    sums = (references + 8 * torch.randn(BATCHES, PAIRS, 2)).clamp(max=-0.5).float().double()
    out = {"sums": sums, "references": references, "tokens": tokens}
    cases = [(name, "reverse_kl") for name in TRL_LOSSES]
    cases += [(name, d) for name in WITH_DIVERGENCE for d in DIVERGENCES]
    cases += [(name, None) for name in ("simpo", "cpo", "orpo")]
    for name, divergence in cases:
        plain = divergence in (None, "reverse_kl")
        losses, gradients = [], []
        for b in range(BATCHES if plain else BATCHES // 10):
            leaf = sums[b].clone().requires_grad_()
            args = (leaf, references[b], tokens[b])
            value = by_paper(name, leaf, tokens[b]) if divergence is None else by_trl(name, divergence, *args)
            value.backward()
            losses.append(value.detach())
            gradients.append(leaf.grad)
        key = name if plain else f"{name}/{divergence}"
        out[f"{key}/loss"], out[f"{key}/gradient"] = torch.stack(losses), torch.stack(gradients)
    version = importlib.metadata.version("trl")
    path = Path(__file__).with_name("losses.safetensors")
    save_file({k: v.float().contiguous() for k, v in out.items()}, path, {"trl": version})
    print(f"{path}: {len(cases)} losses by trl {version}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
