# SPDX-License-Identifier: Apache-2.0
"""What low-rank corrections of a 7B's layers cost a DPO step on a device, by the roofline and not by measurement: each
product takes the longer of its work and its memory. low_rank_cost.py [RATE [BANDWIDTH]]: FLOP/s of a large bf16 product
and bytes/s of a copy there (default: 700e12 4.3e12). Milliseconds of 32 layers, forward and backward, 7,488 tokens."""

import sys

RATE = float(sys.argv[1]) if len(sys.argv) > 1 else 700e12
BANDWIDTH = float(sys.argv[2]) if len(sys.argv) > 2 else 4.3e12
TOKENS, BYTES, BLOCKS = 7488, 2, 32
# What shares an input: its width, and the outputs.
LAYERS = {"q, k, v": (4096, [4096] * 3), "out": (4096, [4096]), "gate, up": (4096, [11008] * 2), "down": (11008, [4096])}


def ms(m, n, k, reads_result=False, result_bytes=BYTES):
    """One product (m, k) x (k, n), in all blocks."""
    memory = BYTES * (m * k + k * n) + m * n * result_bytes * (2 if reads_result else 1)
    return 1e3 * BLOCKS * max(2 * m * n * k / RATE, memory / BANDWIDTH)


def extra(width, outs, rank, shared, extended):
    """Corrections alone. `shared`: one pass over the input for all of them. `extended`: they are rows of the layer's own
    products' inner axis, with zeros between parts, and cost those their work alone."""
    groups = [len(outs)] if shared else [1] * len(outs)
    z = sum(ms(TOKENS, p * rank, width) + ms(p * rank, width, TOKENS, result_bytes=4) for p in groups)
    y = sum(ms(TOKENS, n, rank, reads_result=True) for n in outs)
    d_x = sum(ms(TOKENS, width, p * rank, reads_result=True) for p in groups)
    d_z_and_b = sum(ms(TOKENS, rank, n) + ms(n, rank, TOKENS, result_bytes=4) for n in outs)
    if extended:
        work = 1e3 * BLOCKS * 2 * TOKENS * rank * len(outs) / RATE
        y, d_x = work * sum(outs), work * width
    return z + y + d_x + d_z_and_b


def padding(rank):
    """GB of the columns (for B) and rows (for A) that weights would have to have."""
    return 1e-9 * BYTES * BLOCKS * sum(rank * len(o) * (sum(o) + w) for w, o in LAYERS.values())


base = sum(2 * ms(TOKENS, sum(o), w) for w, o in LAYERS.values())
print(f"the layers' own products: {base:.1f} ms")
print("| rank | each by itself | sharing the input | as rows of the inner axis | weights' memory for that, GB |")
print("|---|---|---|---|---|")
for rank in (16, 64, 128):
    costs = [sum(extra(w, o, rank, s, e) for w, o in LAYERS.values()) for s, e in ((0, 0), (1, 0), (1, 1))]
    print(f"| {rank} | " + " | ".join(f"{c:.1f} ms" for c in costs) + f" | {padding(rank):.2f} |")
