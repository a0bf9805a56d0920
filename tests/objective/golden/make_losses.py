# SPDX-License-Identifier: Apache-2.0
"""Writes losses.safetensors: the pairwise losses and their gradients by TRL's own lines, over random batches.

  make_losses.py            needs torch, trl, safetensors; TRL's lines are those of DPOTrainer and KTOTrainer between
                            the log-ratios and the sum of the losses, run on sums of log-probs as their leaves

  sums, references  (200, 3, 2)   log-probs of chosen and rejected under policy and reference, nats
  tokens            (200, 3, 2)   scored tokens
  confidence        (200, 3, 2)   mean over the tokens of log pi(y_t) - log sum_v pi(v)^2, nats: WPO
  margin            (200, 3)      of the pairs: MM-DPO
  mismatched        (200, 3, 2)   log-probs of another record's answer under policy and reference: KTO
  <loss>[/<option>]/loss          (n) mean over the batch;  .../gradient (n, 3, 2) for the sums. n is 200, or 20
                                  where an option is named: a divergence, "weighted" (WPO) or "margin" (MM-DPO)
  ld/lengths (8, 2), ld/weights (8, 2, 12)     tokens of chosen and rejected, and what each weighs under ld_alpha 0.3
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


def trl_lines(trainer, begin, end):
    """From the line that holds `begin` to before the line with `end`. Read, not imported: trl's own imports are not
    needed."""
    path = Path(importlib.util.find_spec("trl").origin).parent / f"trainer/{trainer}.py"
    source = path.read_text()
    first, last = source.find(begin), source.find(end, source.find(begin))
    if first < 0 or last < 0:
        raise SystemExit(f"{path}: the lines from {begin!r} are not where they were")
    lines = source[source.rindex("\n", 0, first) + 1 : source.rindex("\n", 0, last) + 1]
    lines = lines.replace("torch.float32: 80.0}", "torch.float32: 80.0, torch.float64: 80.0}")
    # In place it has no gradient for hinge.
    lines = lines.replace("per_sequence_loss *=", "per_sequence_loss = per_sequence_loss *")
    return compile(textwrap.dedent(lines.replace(".float(), max", ", max")), str(path), "exec")


DPO = trl_lines("dpo_trainer", "# Get the log ratios for the chosen", "if self.aux_loss_enabled")
DISCOUNT = trl_lines("dpo_trainer", "comp_pos = shift_completion_mask.cumsum", "return ref_logps.chunk")
KTO = trl_lines("kto_trainer", "if self.calculate_KL:\n            kl = (KL_logps", 'self._metrics[mode]["kl"]')


def by_trl(loss, divergence, sums, references, tokens, confidence=None):
    width = int(tokens.max())
    lengths = torch.cat((tokens[:, 0], tokens[:, 1]))
    mask = (torch.arange(width) < lengths[:, None]).double()
    flat = torch.cat((sums[:, 0], sums[:, 1]))
    per_token = mask * (flat / lengths)[:, None]
    weighted = confidence is not None
    aligned = torch.cat((confidence[:, 0], confidence[:, 1])) if weighted else torch.zeros_like(flat)
    names = {
        "self": SimpleNamespace(
            beta=0.1,
            f_divergence_type=divergence,
            f_alpha_divergence_coef=0.5,
            loss_types=[loss],
            loss_weights=[1.0],
            label_smoothing=SMOOTHED.get(loss, 0.0),
            args=SimpleNamespace(discopop_tau=0.05),
            use_weighting=weighted,
        ),
        "torch": torch, "F": F, "math": math, "device": "cpu", "seq_len": width,
        "chosen_logps": sums[:, 0], "rejected_logps": sums[:, 1],
        "ref_chosen_logps": references[:, 0], "ref_rejected_logps": references[:, 1],
        "completion_mask": mask, "shift_completion_mask": mask, "per_token_logps": per_token,
        "outputs": SimpleNamespace(log_sum_sq_probs=mask * (per_token.detach() - aligned[:, None])),
    }  # fmt: skip
    exec(DPO, names)
    return names["loss"]


def kto_by_trl(sums, references, mismatched):
    names = {
        "self": SimpleNamespace(
            beta=0.1, loss_type="kto", calculate_KL=True, desirable_weight=1.0, undesirable_weight=0.5,
            accelerator=SimpleNamespace(gather_for_metrics=lambda x: x),
        ),
        "torch": torch, "F": F, "KL_logps": mismatched[:, 0], "ref_KL_logps": mismatched[:, 1],
        "chosen_logps": sums[:, 0], "rejected_logps": sums[:, 1],
        "ref_chosen_logps": references[:, 0], "ref_rejected_logps": references[:, 1],
    }  # fmt: skip
    exec(KTO, names)
    return names["losses"].nanmean()


def discount(lengths):
    """Weights of the tokens of two answers: TRL's sums are linear in the tokens' log-probs, and the same
    for policy and reference."""
    mask = (torch.arange(12) < lengths[:, None]).long()
    leaf = torch.zeros(2, 12, dtype=torch.float64, requires_grad=True)
    names = {"torch": torch, "device": "cpu", "self": SimpleNamespace(ld_alpha=0.3),
             "shift_completion_mask": mask, "ref_per_token_logps": leaf}  # fmt: skip
    exec(DISCOUNT, names)
    names["ref_logps"].sum().backward()
    return leaf.grad


def by_paper(loss, sums, references, tokens, margin):
    """The losses that neither trainer has."""
    w, l = sums[:, 0], sums[:, 1]
    mean_w, mean_l = w / tokens[:, 0], l / tokens[:, 1]
    if loss == "sigmoid/margin":
        beta = 0.1 * (1 + 0.5 * margin)
        return -F.logsigmoid(beta * (w - references[:, 0] - l + references[:, 1])).mean()
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
    confidence = (0.5 * torch.randn(BATCHES, PAIRS, 2)).float().double()
    margin = (2 * torch.rand(BATCHES, PAIRS)).float().double()
    mismatched = references - 40 + 3 * torch.randn(BATCHES, PAIRS, 2)
    mismatched[..., 1] = mismatched[..., 0] + 2 * torch.randn(BATCHES, PAIRS)
    mismatched = mismatched.float().double()
    out = {"sums": sums, "references": references, "tokens": tokens}
    out |= {"confidence": confidence, "margin": margin, "mismatched": mismatched}
    cases = {name: lambda b, leaf, n=name: by_trl(n, "reverse_kl", leaf, references[b], tokens[b]) for name in TRL_LOSSES}
    for name in WITH_DIVERGENCE:
        for d in DIVERGENCES:
            cases[f"{name}/{d}"] = lambda b, leaf, n=name, d=d: by_trl(n, d, leaf, references[b], tokens[b])
    for name in TRL_LOSSES:
        if not name.startswith("aot") and name != "sft":  # whose batch mean TRL weighs by the mean weight
            cases[f"{name}/weighted"] = lambda b, leaf, n=name: by_trl(
                n, "reverse_kl", leaf, references[b], tokens[b], confidence[b]
            )
    cases["kto"] = lambda b, leaf: kto_by_trl(leaf, references[b], mismatched[b])
    for name in ("simpo", "cpo", "orpo", "sigmoid/margin"):
        cases[name] = lambda b, leaf, n=name: by_paper(n, leaf, references[b], tokens[b], margin[b])
    for name, loss in cases.items():
        losses, gradients = [], []
        for b in range(BATCHES // 10 if "/" in name else BATCHES):
            leaf = sums[b].clone().requires_grad_()
            value = loss(b, leaf)
            value.backward()
            losses.append(value.detach())
            gradients.append(leaf.grad)
        out[f"{name}/loss"], out[f"{name}/gradient"] = torch.stack(losses), torch.stack(gradients)
    lengths = torch.tensor([[5, 9], [9, 5], [7, 7], [1, 12], [12, 1], [3, 4], [12, 12], [11, 2]])
    out["ld/lengths"], out["ld/weights"] = lengths, torch.stack([discount(pair) for pair in lengths])
    version = importlib.metadata.version("trl")
    path = Path(__file__).with_name("losses.safetensors")
    save_file({k: v.float().contiguous() for k, v in out.items()}, path, {"trl": version})
    print(f"{path}: {len(cases)} losses by trl {version}, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
