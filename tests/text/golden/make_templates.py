#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes templates_tiny.json and templates_llama.json: ids and labels of dialogs as LLaVA's own functions give them over
transformers' tokenizers, and prompts of a llava-hf processor.

  make_templates.py [LLAMA_TOKENIZER_MODEL]

get_prompt, tokenizer_image_token and preprocess_v1 are written after haotian-liu/LLaVA c121f04 (conversation.py,
mm_utils.py, train.py). Labels are stored as spans of scored places; null where LLaVA itself warns of a mismatch and
masks everything."""
import json, os, pathlib, shutil, sys, tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy
import transformers
from make_tiny_parts import SYSTEM, TEMPLATE, llava_folder, prepend_json
from transformers import AutoTokenizer, CLIPImageProcessor, LlamaTokenizer, LlavaProcessor

IMAGE = -200
here = pathlib.Path(__file__).parent

DIALOGS = [
    [["<image>\nWhat is in the image?", "A small dog near a red car."]],
    [["<image>\nDescribe this image.", "\nA list:\n- a cat\n- a table"]],
    [["<image>\nHow many dogs are there?", "3 dogs, 2 of them brown."]],
    [["<image>\n图片里有什么？", "图片里有一只猫。"]],
    [["<image>\nMood?", "😀🐱"]],
    [["<image>\nWhat is this?", "  two leading spaces and a trailing one "]],
    [["No image here. What is 12 x 12?", "144"]],
    [["What is <image> this thing?", "The photograph."]],
    [["<image>\nWhat color is the bus?", "\nYellow."], ["And the street?", "1. grey 2. wet"]],
    [["<image>\nWhat is it?", "日本語"], ["Are you sure?", "👍🏽 yes"], ["Why?", "Because\n\nit is."]],
    [["<image>\n<image>\nCompare the two.", "Both show a clock."]],
    [["<image>\nOne word.", "."]],
]


def get_prompt(system, dialog):
    text = system + " "
    for user, assistant in dialog:
        text += f"USER: {user} ASSISTANT: {assistant}</s>"
    return text


def tokenizer_image_token(prompt, tokenizer):
    chunks = [tokenizer(chunk).input_ids for chunk in prompt.split("<image>")]
    ids, offset = [], 0
    if chunks and chunks[0] and chunks[0][0] == tokenizer.bos_token_id:
        offset = 1
        ids.append(chunks[0][0])
    for i, chunk in enumerate(chunks):
        if i:
            ids.append(IMAGE)
        ids.extend(chunk[offset:])
    return ids


def preprocess_v1(conversation, tokenizer, legacy):
    ids = tokenizer_image_token(conversation, tokenizer)
    target, sep, cur = list(ids), " ASSISTANT: ", 1
    target[:1] = [-100]
    for i, part in enumerate(conversation.split("</s>")):
        if part == "":
            break
        parts = part.split(sep)
        if len(parts) != 2:
            break
        round_len = len(tokenizer_image_token(part, tokenizer))
        instruction_len = len(tokenizer_image_token(parts[0] + sep, tokenizer)) - 2
        if i != 0 and not legacy:
            round_len -= 1
            instruction_len -= 1
        target[cur:cur + instruction_len] = [-100] * instruction_len
        cur += round_len
    target[cur:] = [-100] * len(target[cur:])
    return ids, None if cur != len(ids) else target


def spans(target):
    if target is None:
        return None
    out = []
    for i, x in enumerate(target):
        if x != -100:
            if out and out[-1][1] == i:
                out[-1][1] = i + 1
            else:
                out.append([i, i + 1])
    return out


def processor_ids(processor, user, images):
    content = [{"type": "image"}] * images + [{"type": "text", "text": user}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False)
    pictures = [numpy.zeros((28, 28, 3), dtype=numpy.uint8)] * images
    ids = processor(text=text, images=pictures or None).input_ids
    ids = ids[0] if isinstance(ids[0], list) else ids
    image, out, per = processor.image_token_id, [], 4
    i = 0
    while i < len(ids):
        if ids[i] == image:
            assert ids[i:i + per] == [image] * per
            out.append(IMAGE)
            i += per
        else:
            out.append(ids[i])
            i += 1
    return text, out


def make(name, model, dialogs):
    with tempfile.TemporaryDirectory() as scratch:
        parent = pathlib.Path(scratch)
        tokenizers_of = {}
        for legacy in (False, True):
            folder = llava_folder(parent / f"legacy_{legacy}", model, legacy)
            tokenizers_of["U" if legacy else "u"] = LlamaTokenizer.from_pretrained(str(folder))
        with_json = llava_folder(parent / "json", model, False)
        prepend_json(with_json, tokenizers_of["u"])
        tokenizers_of["E"] = AutoTokenizer.from_pretrained(str(with_json))
        rows = []
        for dialog in dialogs:
            for template in ("vicuna_v1", "llava_v1"):
                if template == "llava_v1" and len(dialog) < 2:
                    continue
                text = get_prompt(SYSTEM[template], dialog)
                row = {"template": template, "turns": dialog, "images": text.count("<image>"), "text": text, "ids": {},
                       "scored": {}}
                for rule, tokenizer in tokenizers_of.items():
                    ids, target = preprocess_v1(text, tokenizer, rule != "u")
                    row["ids"][rule], row["scored"][rule] = ids, spans(target)
                rows.append(row)
        prompts = []
        image_processor = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
        for rule, tokenizer in tokenizers_of.items():
            processor = LlavaProcessor(image_processor, tokenizer, patch_size=14, vision_feature_select_strategy="default",
                                       num_additional_image_tokens=1, chat_template=TEMPLATE)
            for user, images in [("What is in the image?", 1), (" A leading space", 1), ("Compare.\nBriefly!", 2),
                                 ("No image. 图片?", 0), ("😀", 1)]:
                text, ids = processor_ids(processor, user, images)
                prompts.append({"rule": rule, "user": user, "images": images, "text": text, "ids": ids})
    document = {"made_by": "make_templates.py", "transformers": transformers.__version__, "dialogs": rows,
                "llava_hf": prompts}
    out = here / name
    out.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(name, len(rows), "dialogs", out.stat().st_size, "bytes; mismatches of LLaVA's own:",
          sum(s is None for r in rows for s in r["scored"].values()))


make("templates_tiny.json", here / "tiny/tokenizer.model", DIALOGS)
if len(sys.argv) > 1:
    make("templates_llama.json", pathlib.Path(sys.argv[1]), DIALOGS)
