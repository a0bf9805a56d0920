#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the tiny sentencepiece model that the tests use and writes two model folders around it: tiny/ (as llava-hf
folders look, without tokenizer.json) and tiny_json/ (with a tokenizer.json as transformers 4 wrote it: `Prepend`)."""
import os, pathlib, random

os.environ["HF_HUB_OFFLINE"] = "1"
import sentencepiece
import tokenizers
import transformers
from make_tiny_parts import llava_folder, prepend_json, proto_of, write
from strings import CODE, SCRIPTS, WORDS

SEED = 7
here = pathlib.Path(__file__).parent
rng = random.Random(SEED)
lines = [" ".join(rng.choice(WORDS) for _ in range(12)) + rng.choice([".", "?"]) for _ in range(1500)]
lines += ["A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
          "detailed, and polite answers to the user's questions. USER: What is this? ASSISTANT: It is a cat."] * 80
lines += [" " * n + rng.choice(WORDS) for n in (1, 2, 3, 4, 5, 8) for _ in range(40)]
lines += SCRIPTS * 4 + CODE * 6
corpus = here / "corpus.tmp"
corpus.write_text("\n".join(line.replace("\x00", "") for line in lines), encoding="utf-8")
sentencepiece.SentencePieceTrainer.train(
    input=str(corpus), model_prefix=str(here / "model.tmp"), vocab_size=700, model_type="bpe", byte_fallback=True,
    normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, num_threads=1,
    allow_whitespace_only_pieces=True, character_coverage=0.98, unk_surface=" \u2047 ", minloglevel=1)
proto = proto_of(here / "model.tmp.model")
for piece in proto.pieces:  # as in LLaMA's model: runs of spaces have low ids and the lowest score
    if piece.type == 1 and not piece.piece.strip("▁"):
        piece.score = -1e9
proto.trainer_spec.ClearField("input")
proto.trainer_spec.ClearField("model_prefix")
model = here / "tiny" / "tokenizer.model"
model.parent.mkdir(exist_ok=True)
model.write_bytes(proto.SerializeToString())
for left_over in (corpus, here / "model.tmp.model", here / "model.tmp.vocab"):
    left_over.unlink()

tiny = llava_folder(here / "tiny", model, False)
prepend_json(llava_folder(here / "tiny_json", model, False), transformers.LlamaTokenizer.from_pretrained(str(tiny)))
write(here / "tiny_versions.json", {"made_by": "make_tiny.py", "seed": SEED, "sentencepiece": sentencepiece.__version__,
                                    "tokenizers": tokenizers.__version__, "transformers": transformers.__version__})
for folder in ("tiny", "tiny_json"):
    for f in sorted((here / folder).iterdir()):
        print(f.relative_to(here), f.stat().st_size)
