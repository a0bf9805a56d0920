# SPDX-License-Identifier: Apache-2.0
"""AdamW with fp32 states and master weights, the gradient's norm held at a bound."""

import torch

GROUP = 1 << 28  # elements that have an fp32 gradient at a time, where weights are narrower


class MasterAdamW:
    """Of fp32 weights AdamW itself. Narrower ones have an fp32 master each, and are a group at a time so that their
    gradients are there twice for one group only."""

    def __init__(self, weights, rate, max_norm):
        self.weights, self.max_norm = weights, max_norm
        groups, size = [], GROUP
        for w in weights:
            if size >= GROUP:
                groups.append([])
                size = 0
            groups[-1].append(w)
            size += w.numel()
        masters = [[w if w.dtype == torch.float32 else w.detach().float() for w in group] for group in groups]
        adamw = lambda group: torch.optim.AdamW(group, lr=rate, weight_decay=0.0, fused=True)  # noqa: E731
        self.groups = [(w, m, adamw(m)) for w, m in zip(groups, masters, strict=True)]

    @torch.no_grad()
    def step(self):
        norms = [torch.linalg.vector_norm(w.grad, dtype=torch.float32) for w in self.weights]
        clip = (self.max_norm / (torch.stack(norms).norm() + 1e-6)).clamp(max=1.0)
        for weights, masters, optimizer in self.groups:
            for w, master in zip(weights, masters, strict=True):
                if w is not master:
                    master.grad, w.grad = w.grad.float(), None
            torch._foreach_mul_([master.grad for master in masters], clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if weights[0] is not masters[0]:
                torch._foreach_copy_(weights, masters)
