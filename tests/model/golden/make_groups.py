# SPDX-License-Identifier: Apache-2.0
"""Writes groups.json: what transformers' diverse beam search gives for tiny LLaVA folders of this directory.

Needs transformers 4 (run with 4.46.3, tokenizers 0.20.3, huggingface_hub 0.26.5), since version 5 has no
`num_beam_groups` any more. Run: python make_groups.py
"""

import json

import torch
import transformers
from common import HERE, pixels, random_pairs, versions
from make_llava import CONFIGS
from safetensors.torch import load_file
from transformers import LlavaForConditionalGeneration

assert transformers.__version__.startswith("4."), "num_beam_groups is in transformers 4 only"
FOLDERS = ["base", "tied", "head_dim"]
COUNT = 24
PAD = 93  # transformers counts it as taken by groups that are done, candor does not: one where that changes no text
# name: what `generate` is given; `stop` counts the tokens that end a text
CASES = {
    "csr": dict(stop=1, num_beams=5, num_beam_groups=5, diversity_penalty=3.0, num_return_sequences=5),
    "whole": dict(stop=0, num_beams=6, num_beam_groups=3, diversity_penalty=0.7, num_return_sequences=6),
    "pairs": dict(stop=1, num_beams=4, num_beam_groups=2, diversity_penalty=1.0, num_return_sequences=4),
    "early": dict(stop=1, num_beams=6, num_beam_groups=2, diversity_penalty=0.3, num_return_sequences=3,
                  early_stopping=True, length_penalty=0.5),
    "never": dict(stop=1, num_beams=4, num_beam_groups=2, diversity_penalty=2.0, num_return_sequences=2,
                  early_stopping="never", length_penalty=1.5),
    "two_stops": dict(stop=2, num_beams=4, num_beam_groups=2, diversity_penalty=0.5, num_return_sequences=4),
}


def load(folder):
    """The folder's weights under the names that this version knows."""
    config = transformers.LlavaConfig.from_pretrained(folder)
    model = LlavaForConditionalGeneration(config).eval()
    weights = {
        name.replace("vision_tower.", "vision_tower.vision_model."): value.float()
        for name, value in load_file(folder / "model.safetensors").items()
    }
    if config.text_config.tie_word_embeddings:
        weights["language_model.lm_head.weight"] = weights["language_model.model.embed_tokens.weight"]
    model.load_state_dict(weights)
    return model


@torch.no_grad()
def run(model, prompt, image, stops, **options):
    config = model.config
    count = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    count += config.vision_feature_select_strategy == "full"
    ids = torch.tensor([[t for p in prompt for t in ([p] * count if p == config.image_token_index else [p])]])
    model.generation_config.eos_token_id = stops or None
    out = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        pixel_values=image.to(model.dtype),
        do_sample=False,
        max_new_tokens=COUNT,
        pad_token_id=PAD,
        output_scores=True,
        return_dict_in_generate=True,
        **options,
    )
    texts = []
    for row in out.sequences[:, ids.shape[1] :].tolist():
        ends = [row.index(s) for s in stops if s in row]
        texts.append(row[: min(ends) + 1] if ends else row)
    scores = getattr(out, "sequences_scores", None)
    return texts, [] if scores is None else scores.tolist()


def texts_of(folder):
    model = load(HERE / folder)
    size = model.config.vision_config.image_size
    pairs = random_pairs(2, model.config.image_token_index, 96, 100 + CONFIGS[folder][0])
    # tokens that the likeliest texts have in the middle, so that some end there
    stops = []
    for index, pair in enumerate(pairs):
        text = run(model, pair["prompt"], pixels(index, size), [])[0][0]
        stops.append([text[6 + 3 * index], text[3]])
    found = {}
    for name, options in CASES.items():
        found[name] = []
        for index, pair in enumerate(pairs):
            own = stops[index][: options["stop"]]
            more = {key: value for key, value in options.items() if key != "stop"}
            texts, scores = run(model, pair["prompt"], pixels(index, size), own, **more)
            found[name].append(dict(stops=own, texts=texts, scores=scores))
    return found


if __name__ == "__main__":
    folders = {folder: texts_of(folder) for folder in FOLDERS}
    table = {"versions": versions("make_groups.py"), "max_new_tokens": COUNT, "folders": folders}
    text = json.dumps(table).replace('], "', '],\n"').replace('}, "', '},\n"')
    (HERE / "groups.json").write_text(text + "\n")
    for folder, cases in folders.items():
        print(folder, {name: [[len(t) for t in p["texts"]] for p in prompts] for name, prompts in cases.items()})
