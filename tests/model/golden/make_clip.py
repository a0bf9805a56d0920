# SPDX-License-Identifier: Apache-2.0
"""Writes the tiny CLIP folders `clip` and `clip_gelu`, what transformers' CLIPModel computes with them, and the ids
that its CLIPTokenizer gives to captions and odd strings.

Run: python make_clip.py; README.md says what the files hold.
"""

import json
import random
import shutil
import sys
from collections import Counter

import torch
from common import HERE, pixels, randomize, readable, versions, write
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

sys.path.insert(0, str(HERE.parents[1] / "text/golden"))
from strings import strings  # noqa: E402

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
NOUNS = """man woman child dog cat horse bird car bus train bicycle table chair cup plate pizza cake sandwich apple banana
tree street building window clock phone laptop keyboard umbrella skateboard surfboard kite ball bat glove""".split()
ADJECTIVES = "red green blue yellow white black brown grey small large tall round wooden metal two three many".split()
VERBS = "holding wearing riding eating standing sitting walking looking".split()
PLACES = ["on the left", "on the right", "in the background", "near the river", "behind the fence", "in front of them"]


def captions(rng, count):
    """Sentences of the kind that a model writes about photographs."""
    out = []
    while len(out) < count:
        a, b, c = (f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}" for _ in range(3))
        out.append(
            rng.choice(
                [
                    f"The image shows a {a} {rng.choice(VERBS)} a {b} {rng.choice(PLACES)}.",
                    f"There's a {a} {rng.choice(PLACES)}, and {rng.randrange(2, 100)} {b}s can't be seen.",
                    f"A {a}, a {b} and a {c} — they're all {rng.choice(VERBS)} at {rng.randrange(1, 13)}:30 p.m.",
                    f"In the café, the {a} isn't {rng.choice(VERBS)}; it'll be {rng.choice(PLACES)}...",
                ]
            )
        )
    return out


def byte_characters():
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    names, other = {}, 256
    for b in range(256):
        names[b] = chr(b) if b in seen else chr(other)
        other += b not in seen
    return names


def learn_merges(texts, count):
    """Byte-pair merges over lower-cased words, the most frequent pair first."""
    characters = byte_characters()
    words = Counter()
    for text in texts:
        for word in text.lower().replace(".", " .").replace(",", " ,").replace("'", " '").split():
            parts = [characters[b] for b in word.encode()]
            words[(*parts[:-1], parts[-1] + "</w>")] += 1
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:], strict=False):
                pairs[pair] += n
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(best)
        fresh = Counter()
        for word, n in words.items():
            out = []
            for part in word:
                if out and (out[-1], part) == best:
                    out[-1] += part
                else:
                    out.append(part)
            fresh[tuple(out)] += n
        words = fresh
    return merges


def tokenizer_of(merges):
    """As OpenAI's: bytes, bytes at the end of words, merges, begin and end. One byte is left out, to be unknown."""
    names = list(byte_characters().values())
    words = [*names, *(n + "</w>" for n in names), *(a + b for a, b in merges)]
    words = list(dict.fromkeys(w for w in words if w != byte_characters()[0xF4] + "</w>"))
    vocabulary = {word: index for index, word in enumerate([*words, BOS, EOS])}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)


def model_of(name, words, text, vision, seed, **more):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    base = dict(intermediate_size=32, num_hidden_layers=2, num_attention_heads=2)
    text = dict(base, hidden_size=16, vocab_size=len(words), bos_token_id=words.bos_token_id) | text
    vision = dict(base, hidden_size=16, image_size=28, patch_size=7) | vision
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, **more)).eval()
    randomize(model, seed)
    with torch.no_grad():
        model.logit_scale.fill_(3.7)
    model.save_pretrained(folder)
    size = model.config.vision_config.image_size
    CLIPImageProcessor(size={"shortest_edge": size}, crop_size={"height": size, "width": size}).save_pretrained(folder)
    return folder, model


@torch.no_grad()
def expected(folder, words, texts, seed):
    """Unit embeddings and logits of three images and all texts, in double."""
    model = CLIPModel.from_pretrained(folder, attn_implementation="sdpa").eval().double()
    images = torch.cat([pixels(p, model.config.vision_config.image_size) for p in range(3)])
    tokens = words(texts, padding=True, truncation=True, return_tensors="pt")
    out = model(pixel_values=images.double(), **tokens)
    entries = {
        "image_embeds": out.image_embeds.float(),
        "text_embeds": out.text_embeds.float(),
        "logits_per_image": out.logits_per_image.float(),
    }
    write(folder / "expected.safetensors", entries, versions("make_clip.py", seed=seed, texts=json.dumps(texts)))


if __name__ == "__main__":
    rng = random.Random(5)
    known = captions(rng, 300)
    words = tokenizer_of(learn_merges(known, 160))
    rows = captions(rng, 200) + strings(rng, 420)
    rows += [f"{BOS}a cat{EOS}", f"a {EOS.upper()} b", "", " \n ", "'sun", "don't", "I'LL", "x" * 100, "\U00100000", "aaaaaaaaa"]
    rows += ["very " * 100, "Ὀδυσσεύς ὈΔΥΣΣΕΎΣ", "한국어", "각 \u1100\u1161\u11a8", "a\u0323\u0307 ạ̇", "½ Ⅷ ٣", "\u212b \u2126", "n\u0303o"]
    rows = [r for r in rows if "\ud800" not in r]
    ids = [words(r, truncation=True)["input_ids"] for r in rows]

    texts = known[:8] + ["", "very " * 100, f"a cat{EOS} and what nobody reads"]
    # eos_token_id 2 as in files from before transformers' correction: the highest id of a text is pooled
    folder, model = model_of("clip", words, dict(eos_token_id=2, projection_dim=12), dict(projection_dim=12), 31, projection_dim=12)
    words.save_pretrained(folder)
    expected(folder, words, texts, 31)
    readable(folder)
    folder, model = model_of(
        "clip_gelu", words, dict(hidden_size=8, eos_token_id=words.eos_token_id, hidden_act="gelu", layer_norm_eps=1e-6, projection_dim=20),
        dict(hidden_size=12, hidden_act="gelu", patch_size=14, projection_dim=20), 32, projection_dim=20,
    )
    torch.save(model.state_dict() | {"text_model.embeddings.position_ids": torch.arange(77)[None]}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    config = json.loads((folder / "config.json").read_text())  # as published: what counts stands in *_config_dict
    config["text_config_dict"] = config["text_config"]
    config["text_config"] = config["text_config"] | {"hidden_size": 999}
    config["vision_config_dict"] = None
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    vocabulary = words.get_vocab()
    ordered = dict(sorted(vocabulary.items(), key=lambda item: item[1]))
    (folder / "vocab.json").write_text(json.dumps(ordered))
    merges = json.loads((HERE / "clip/tokenizer.json").read_text())["model"]["merges"]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    expected(folder, words, texts, 32)
    readable(folder)

    table = {"versions": versions("make_clip.py", seed=5), "rows": [list(r) for r in zip(rows, ids, strict=True)]}
    text = json.dumps(table, ensure_ascii=True).replace("]], [", "]],\n[").replace("]], [", "]],\n[")
    (HERE.parents[1] / "text/golden/tokenizer_clip.json").write_text(text.replace("], [", "],\n[") + "\n")
    print(len(words), len(rows))
