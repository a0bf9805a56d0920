# SPDX-License-Identifier: Apache-2.0
"""Writes train.safetensors: 50 DPO steps of a plain PyTorch loop on the folder `base`, tower frozen.

Run after make_llava.py: python make_train.py
"""

import torch
from common import HERE, HfLlava, dpo, exact, pair_entries, random_pairs, sample, versions, write

SEED, STEPS, PAIRS, BATCH = 31, 50, 20, 2
ADAMW = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
CLIP, BETA = 1.0, 0.1


def train(double):
    model = HfLlava(HERE / "base")
    pairs = random_pairs(PAIRS, model.mark, 96, SEED)
    for index, pair in enumerate(pairs):
        pair["image"] = index
    if double:
        model.model.double()
    parameters = []
    for name, parameter in model.parameters():
        parameter.requires_grad_("vision_tower" not in name)
        if parameter.requires_grad:
            parameters.append(parameter)
    with torch.no_grad():
        reference = [(c.sum().item(), r.sum().item()) for c, r in dpo(model, pairs, [(0.0, 0.0)] * PAIRS)[1]]
    optimizer = torch.optim.AdamW(parameters, **ADAMW)
    losses, norms = [], []
    for step in range(STEPS):
        batch = [(step * BATCH + k) % PAIRS for k in range(BATCH)]
        optimizer.zero_grad()
        loss = dpo(model, [pairs[k] for k in batch], [reference[k] for k in batch], BETA)[0]
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, CLIP).item())
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        final = [(c.sum().item(), r.sum().item()) for c, r in dpo(model, pairs, reference)[1]]
    return model, pairs, reference, losses, norms, final


def main():
    model, pairs, reference, losses, norms, final = train(double=False)
    with exact():
        _, _, _, losses_double, _, final_double = train(double=True)
    initial = dict(HfLlava(HERE / "base").parameters())
    entries = {
        "reference": torch.tensor(reference, dtype=torch.float64),
        "losses_f32": torch.tensor(losses, dtype=torch.float64),
        "losses_f64": torch.tensor(losses_double, dtype=torch.float64),
        "grad_norms": torch.tensor(norms, dtype=torch.float64),
        "final": torch.tensor(final, dtype=torch.float64),
        "final_f64": torch.tensor(final_double, dtype=torch.float64),
    }
    for index, pair in enumerate(pairs):
        entries |= pair_entries(index, pair)
    for name, parameter in model.parameters():
        if parameter.requires_grad:
            entries["norm." + name] = parameter.detach().double().norm().reshape(1)
            entries["moved." + name] = (parameter - initial[name]).detach().double().norm().reshape(1)
    name = "model.language_model.layers.1.self_attn.q_proj.weight"
    entries["weight." + name] = sample(dict(model.parameters())[name]).detach()
    write(
        HERE / "train.safetensors",
        entries,
        versions(
            "make_train.py",
            seed=SEED,
            base="base",
            steps=STEPS,
            pairs=PAIRS,
            batch=BATCH,
            beta=BETA,
            clip=CLIP,
            image_mark=model.mark,
            image_size=model.size,
            image_tokens=model.image_tokens,
            frozen="model.vision_tower.*",
            **{k: str(v) for k, v in ADAMW.items()},
        ),
    )
    drift = max(abs(a - b) for a, b in zip(losses, losses_double, strict=True))
    print(
        f"train: loss {losses[0]:.4f} -> {losses[-1]:.4f}, float32 off by {drift:.1e}, "
        f"norms {min(norms):.2f}..{max(norms):.2f}"
    )
    print([round(x, 4) for x in losses])


if __name__ == "__main__":
    main()
