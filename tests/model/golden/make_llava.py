# SPDX-License-Identifier: Apache-2.0
"""Writes the tiny LLaVA folders of this directory and what transformers computes with them.

Run: python make_llava.py [name ...]; README.md says what each file holds.
"""

import shutil
import sys

import torch
from common import (
    HERE,
    HfLlava,
    dpo,
    exact,
    gradients,
    pair_entries,
    pixels,
    random_pairs,
    randomize,
    readable,
    sample,
    versions,
    write,
)
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

TEXT = dict(
    vocab_size=96,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=4,
    rms_norm_eps=1e-5,
    max_position_embeddings=4096,
)
VISION = dict(
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=3,
    num_attention_heads=2,
    image_size=28,
    patch_size=7,
    projection_dim=16,
)
MARK = 90  # ids above it are padding rows of the vocabulary, as in llava-hf folders

# name: seed, dtype of the file, changes to TEXT, to VISION, to LlavaConfig
CONFIGS = {
    "base": (1, "float32", {}, {}, {}),
    "grouped": (
        2,
        "float32",
        dict(num_key_value_heads=2, rope_parameters=dict(rope_type="default", rope_theta=500000.0)),
        dict(
            image_size=42,
            hidden_act="gelu",
            patch_size=14,
            hidden_size=8,
            intermediate_size=24,
            num_attention_heads=1,
        ),
        dict(vision_feature_layer=-1, vision_feature_select_strategy="full"),
    ),
    "tied": (
        14,
        "float32",
        dict(
            hidden_size=48,
            num_attention_heads=2,
            num_key_value_heads=1,
            num_hidden_layers=1,
            tie_word_embeddings=True,
            rms_norm_eps=1e-6,
        ),
        dict(layer_norm_eps=1e-6),
        dict(vision_feature_layer=-1),
    ),
    "head_dim": (
        24,
        "float32",
        dict(hidden_size=40, num_attention_heads=5, num_key_value_heads=1, head_dim=16, num_hidden_layers=1),
        dict(hidden_size=24, num_attention_heads=3, num_hidden_layers=2, image_size=21),
        dict(vision_feature_select_strategy="full"),
    ),
    "deep": (
        5,
        "bfloat16",
        dict(num_hidden_layers=3, num_key_value_heads=2),
        dict(num_hidden_layers=2, image_size=224, patch_size=16, hidden_size=8, num_attention_heads=1),
        {},
    ),
    "layout224": (6, "bfloat16", dict(num_key_value_heads=2), dict(image_size=224, patch_size=14), {}),
    "layout336": (7, "float16", dict(vocab_size=128), dict(image_size=336, patch_size=14), {}),
    "bf16": (8, "bfloat16", dict(num_key_value_heads=2), dict(num_hidden_layers=2), {}),
}


def make_folder(name, folder):
    seed, dtype, text, vision, llava = CONFIGS[name]
    text_config = LlamaConfig(**(TEXT | text))
    vision_config = CLIPVisionConfig(**(VISION | vision))
    patches = (vision_config.image_size // vision_config.patch_size) ** 2
    config = LlavaConfig(
        vision_config=vision_config,
        text_config=text_config,
        image_token_index=MARK,
        image_seq_length=patches,
        **llava,
    )
    model = LlavaForConditionalGeneration(config)
    # a tied head sees the table twice: small rows keep the greedy text from repeating its last token
    randomize(model, seed, embed=0.15 if config.tie_word_embeddings else 0.4)
    shutil.rmtree(folder, ignore_errors=True)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    readable(folder)


def expected(model, name, seed, script="make_llava.py", **more):
    """Everything that a folder is tested on; `model` is the float32 one and ends as a double."""
    pairs = random_pairs(2, model.mark, 96, 100 + seed)
    entries = {}
    with torch.no_grad():
        float_scores = dpo(model, pairs, [(0.0, 0.0)] * 2)[1]
        image = pixels(0, model.size)
        tokens = model.greedy(pairs[0]["prompt"], image, 32)
        assert model.mark not in tokens, (name, "take another seed: the text holds the image mark")
        rows = model.logits(pairs[0]["prompt"], image, tokens)
        top = rows.topk(2, dim=-1)
        margin = (top.values[:, 0] - top.values[:, 1]).double()
    assert margin.min() > 2e-3 and len(set(tokens)) > 4, (name, margin.min(), tokens)
    assert len(tokens) == 32 and tokens == top.indices[:, 0].tolist(), (
        name,
        "greedy is not the one-pass argmax",
    )

    # constants near the policy's own sums: h between -16 and 4 nats, so that the loss is not saturated
    references = []
    for index, (chosen, rejected) in enumerate(float_scores):
        shift = (0.5 * (seed % 10), -1.25 * (seed % 10)) if index == 0 else (-0.75, 3.0)
        references.append(
            (round(chosen.sum().item() + shift[0], 2), round(rejected.sum().item() + shift[1], 2))
        )
    with torch.no_grad():
        float_loss = dpo(model, pairs, references)[0]

    model.double()
    with exact():
        loss, scores = dpo(model, pairs, references)
        loss.backward()
        with torch.no_grad():
            features = model.features(image)
            assert model.logits(pairs[0]["prompt"], image, tokens).argmax(-1).tolist() == tokens
    worst = 0.0
    for index, pair in enumerate(pairs):
        entries |= pair_entries(index, pair)
        entries[f"pair{index}.reference"] = torch.tensor(references[index], dtype=torch.float64)
        for answer, single, double in zip(
            ("chosen", "rejected"), float_scores[index], scores[index], strict=True
        ):
            entries[f"pair{index}.{answer}.logps_f32"] = single
            entries[f"pair{index}.{answer}.logps_f64"] = double
            worst = max(worst, (single.double() - double).abs().max().item())
    entries["loss_f32"], entries["loss_f64"] = float_loss.reshape(1), loss.reshape(1)
    entries["features"] = sample(features).float()
    entries["greedy.tokens"], entries["greedy.margin"] = torch.tensor(tokens), margin
    entries |= gradients(model.parameters())
    write(
        HERE / name / "expected.safetensors",
        entries,
        versions(
            script,
            seed=seed,
            beta=0.1,
            image_mark=model.mark,
            image_size=model.size,
            image_tokens=model.image_tokens,
            features_shape=f"{features.shape[0]},{features.shape[1]}",
            **more,
        ),
    )
    print(
        f"{name}: loss {loss.item():.6f}, float32 off by {worst:.1e}, least greedy margin {margin.min():.3f}"
    )


def make(name):
    make_folder(name, HERE / name)
    model = HfLlava(HERE / name)
    seed, dtype = CONFIGS[name][:2]
    model.double = lambda: model.model.double()
    expected(model, name, seed, file_dtype=dtype)


if __name__ == "__main__":
    for wanted in sys.argv[1:] or CONFIGS:
        make(wanted)
