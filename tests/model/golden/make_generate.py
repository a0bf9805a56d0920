# SPDX-License-Identifier: Apache-2.0
"""Writes what transformers' `generate` gives for the tiny LLaVA folders, and what its logits processors keep.

Run: python make_generate.py; README.md says what the files hold.
"""

import json

import torch
from common import HERE, HfLlava, pixels, random_pairs, versions, write
from make_llava import CONFIGS
from make_original import LinearLlava, llava_name
from safetensors.torch import load_file
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

FOLDERS = ["base", "grouped", "tied", "head_dim", "layout224", "layout336", "deep", "bf16", "linear"]
COUNT = 64
# name: what `generate` is given; a stop token of None never ends a text
CASES = {
    "greedy": dict(stop=None),
    "greedy_penalty": dict(stop=None, repetition_penalty=1.3),
    "beam3": dict(stop=None, num_beams=3, num_return_sequences=3),
    "beam4_stop": dict(num_beams=4, num_return_sequences=4),
    "beam4_early": dict(num_beams=4, num_return_sequences=2, early_stopping=True, length_penalty=0.5),
    "beam3_never": dict(num_beams=3, num_return_sequences=3, early_stopping="never", length_penalty=1.5),
    "beam2_penalty": dict(num_beams=2, num_return_sequences=1, repetition_penalty=1.2, length_penalty=0.0),
}


class Folder:
    """A golden folder's model and what its `generate` takes."""

    def __init__(self, name):
        self.linear = name == "linear"
        self.of = LinearLlava() if self.linear else HfLlava(HERE / name)
        self.writer = self.of.llama if self.linear else self.of.model
        self.seed = 9 if self.linear else CONFIGS[name][0]  # as make_original.py has it
        if self.linear:
            weights = load_file(HERE / name / "model.safetensors")
            with torch.no_grad():
                for module_path, value in self.of.parameters():
                    value.copy_(weights[llava_name(module_path).replace("mm_projector.0.", "mm_projector.")])

    def double(self):
        (self.of if self.linear else self.of.model).double()

    def inputs(self, prompt, image):
        """With the number of ids that come back before the new ones."""
        if self.linear:
            embeds = self.of.embed(prompt, image, [])
            return dict(inputs_embeds=embeds, attention_mask=torch.ones(embeds.shape[:2], dtype=torch.int64)), 0
        ids = self.of.expand(prompt)
        given = dict(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=image.to(self.of.dtype()))
        return given, ids.shape[1]

    def cases(self):
        """A penalty needs the prompt's ids, which embeddings do not have."""
        return {name: o for name, o in CASES.items() if not self.linear or "repetition_penalty" not in o}


@torch.no_grad()
def run(model, prompt, image, stop, **options):
    given, before = model.inputs(prompt, image)
    model.writer.generation_config.eos_token_id = stop
    out = model.writer.generate(
        **given,
        do_sample=False,
        max_new_tokens=COUNT,
        pad_token_id=0,
        output_scores=True,
        return_dict_in_generate=True,
        **options,
    )
    texts = []
    for row in out.sequences[:, before:].tolist():
        texts.append(row[: row.index(stop) + 1] if stop in row else row)
    scores = getattr(out, "sequences_scores", None)
    return texts, [] if scores is None else scores.tolist()


def texts_of(folder):
    """Both prompts of a folder, of different lengths, under each case, in fp32 and again in double."""
    result = []
    model = Folder(folder)
    pairs = random_pairs(2, model.of.mark, 96, 100 + model.seed)
    # a token that the longest greedy texts have in the middle ends the others
    stops = []
    for index, pair in enumerate(pairs):
        text = run(model, pair["prompt"], pixels(index, model.of.size), None)[0][0]
        stops.append(text[11 + 7 * index])
    for double in (False, True):
        if double:
            model.double()
        found = {}
        for name, options in model.cases().items():
            found[name] = []
            for index, pair in enumerate(pairs):
                stop = options.get("stop", stops[index])
                more = {key: value for key, value in options.items() if key != "stop"}
                texts, scores = run(model, pair["prompt"], pixels(index, model.of.size), stop, **more)
                found[name].append(dict(stop=-1 if stop is None else stop, texts=texts, scores=scores))
        result.append(found)
    single, exact = result
    for name in single:
        for a, b in zip(single[name], exact[name], strict=True):
            assert a["texts"] == b["texts"], (folder, name, "float32 and double part: take another stop token")
    return single


def filters():
    """Random logits with a history, and what is left of them: -inf where a token may not be drawn."""
    generator = torch.Generator().manual_seed(77)
    rows, vocab = 4, 100
    entries = {
        "logits": 3 * torch.randn(rows, vocab, generator=generator),
        "history": torch.randint(0, vocab, (rows, 12), generator=generator),
    }
    entries["logits"][1, 10:20] = entries["logits"][1, 10]  # equal ones, at the border of some filters
    cases = [(0.7, 50, 1.0, 1.0), (1.0, 0, 0.9, 1.0), (0.5, 20, 0.8, 1.0), (1.3, 5, 0.5, 1.2), (1.0, 1, 1.0, 1.0)]
    cases += [(1.0, 0, 0.999, 1.0), (2.0, 0, 0.05, 2.0), (0.2, 100, 0.95, 0.8)]
    for index, (temperature, top_k, top_p, penalty) in enumerate(cases):
        steps = LogitsProcessorList()
        if penalty != 1:
            steps.append(RepetitionPenaltyLogitsProcessor(penalty))
        steps.append(TemperatureLogitsWarper(temperature))
        if top_k:
            steps.append(TopKLogitsWarper(top_k))
        if top_p < 1:
            steps.append(TopPLogitsWarper(top_p))
        entries[f"case{index}.options"] = torch.tensor([temperature, top_k, top_p, penalty], dtype=torch.float64)
        entries[f"case{index}.logits"] = steps(entries["history"], entries["logits"].clone())
    return entries


if __name__ == "__main__":
    lines = {folder: texts_of(folder) for folder in FOLDERS}
    text = json.dumps({"versions": versions("make_generate.py"), "max_new_tokens": COUNT, "folders": lines}, indent=None)
    (HERE / "generate.json").write_text(text.replace('], "', '],\n"').replace('}, "', '},\n"') + "\n")
    write(HERE / "filters.safetensors", filters(), versions("make_generate.py", seed=77))
    for folder, cases in lines.items():
        print(folder, {name: [[len(t) for t in p["texts"]] for p in prompts] for name, prompts in cases.items()})
