# SPDX-License-Identifier: Apache-2.0
"""Attention over tokens that lie one behind the other: q, k, v (T, H, D) -> (T, H D)."""

import functools
import inspect
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch.nn.attention.flex_attention import create_block_mask, create_mask, flex_attention


class Runs:
    """Causal attention within sequences of the given lengths: PyTorch's kernel for such, or one sequence at a time."""

    def __init__(self, lengths, device):
        self.lengths = lengths
        self.ends = torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device=device)

    def __call__(self, q, k, v):
        if q.is_cuda and q.dtype == torch.bfloat16 and varlen():
            return varlen()(q, k, v, self.ends, self.ends, max(self.lengths), max(self.lengths)).flatten(1)
        return one_by_one(q, k, v, self.lengths)


def one_by_one(q, k, v, lengths):
    runs = zip(*(x.transpose(0, 1).split(lengths, dim=1) for x in (q, k, v)), strict=True)
    out = [F.scaled_dot_product_attention(*(x[None] for x in run), is_causal=True)[0] for run in runs]
    return torch.cat([o.transpose(0, 1) for o in out]).flatten(1)


@functools.cache
def varlen():
    """PyTorch's causal attention over sequences of different lengths; None where this version or device has none, or
    where it does not say what one_by_one says."""
    try:
        from torch.nn.attention.varlen import varlen_attn

        causal = {"window_size": (-1, 0)} if "window_size" in inspect.signature(varlen_attn).parameters else {"is_causal": True}
        attend = functools.partial(varlen_attn, **causal)
        q, k, v = torch.randn(200, 3, 2, 128, device="cuda", dtype=torch.bfloat16).requires_grad_().unbind(1)
        ends = torch.tensor([0, 70, 200], dtype=torch.int32, device="cuda")
        found, expected = attend(q, k, v, ends, ends, 130, 130).flatten(1), one_by_one(q, k, v, [70, 130])
        gradients = [torch.autograd.grad(out.float().square().sum(), (q, k, v)) for out in (found, expected)]
        pairs = [(found, expected), *zip(*gradients, strict=True)]
        return attend if all((a - b).float().norm() < 0.02 * b.float().norm() for a, b in pairs) else None
    except (ImportError, RuntimeError, TypeError):
        return None


class Stems:
    """Causal attention where the branches of a stem see it and themselves. `stem` (T,) numbers the stem that a token
    belongs to, `branch` (T,) its branch from 1, or 0 in the stem. FlexAttention with a block mask on a device in bfloat16;
    elsewhere a dense mask, which says the same."""

    def __init__(self, stem, branch):
        def sees(_batch, _head, q, k):
            within = (branch[k] == 0) | (branch[q] == branch[k])
            return (stem[q] == stem[k]) & within & (q >= k)

        self.given = sees, None, None, len(stem), len(stem), stem.device

    @functools.cached_property
    def blocks(self):
        return create_block_mask(*self.given)

    @functools.cached_property
    def mask(self):
        return create_mask(*self.given)

    def __call__(self, q, k, v):
        q, k, v = (x.transpose(0, 1)[None] for x in (q, k, v))  # (1, H, T, D)
        if q.is_cuda and q.dtype == torch.bfloat16:
            out = compiled_flex()(q, k, v, block_mask=self.blocks)
        else:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask)
        return out[0].transpose(0, 1).flatten(1)


@functools.cache
def compiled_flex():
    return torch.compile(flex_attention)
