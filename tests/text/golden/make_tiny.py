#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the tiny sentencepiece model that the tests use and writes two model folders around it: tiny/ (as llava-hf
folders look, without tokenizer.json) and tiny_json/ (with a tokenizer.json as transformers 4 wrote it: `Prepend`)."""
import json, pathlib, random, shutil

import sentencepiece
import tokenizers
import transformers
from strings import CODE, SCRIPTS, WORDS
from transformers.convert_slow_tokenizer import generate_merges, import_protobuf

SEED = 7
here = pathlib.Path(__file__).parent
rng = random.Random(SEED)
lines = [" ".join(rng.choice(WORDS) for _ in range(12)) + rng.choice([".", "?"]) for _ in range(1500)]
lines += ["A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
          "detailed, and polite answers to the user's questions. USER: What is this? ASSISTANT: It is a cat."] * 80
lines += [" " * n + rng.choice(WORDS) for n in (1, 2, 3, 4, 5, 8) for _ in range(40)]
lines += SCRIPTS * 4 + CODE * 6
tiny = here / "tiny"
tiny.mkdir(exist_ok=True)
corpus = here / "corpus.tmp"
corpus.write_text("\n".join(line.replace("\x00", "") for line in lines), encoding="utf-8")
sentencepiece.SentencePieceTrainer.train(
    input=str(corpus), model_prefix=str(here / "model.tmp"), vocab_size=700, model_type="bpe", byte_fallback=True,
    normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, num_threads=1,
    allow_whitespace_only_pieces=True, character_coverage=0.98, unk_surface=" \u2047 ", minloglevel=1)
proto = import_protobuf().ModelProto.FromString((here / "model.tmp.model").read_bytes())
for piece in proto.pieces:  # as in LLaMA's model
    if piece.type == 1 and not piece.piece.strip("▁"):
        piece.score = -1e9
(tiny / "tokenizer.model").write_bytes(proto.SerializeToString())
(here / "model.tmp.model").unlink()
(here / "model.tmp.vocab").unlink()
corpus.unlink()
size = sentencepiece.SentencePieceProcessor(model_file=str(tiny / "tokenizer.model")).get_piece_size()


def described(text):
    return dict(content=text, lstrip=False, normalized=False, rstrip=False, single_word=False, special=True)


TEMPLATE = (  # the one of the llava-hf 1.5 folders
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}"
    "{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
    "{{ '<image>\n' }}{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' '}}"
    "{% endfor %}{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}")
added = {"<image>": size, "<pad>": size + 1}
config = {
    "add_bos_token": True, "add_eos_token": False,
    "added_tokens_decoder": {str(i): described(t) for i, t in
                             [(0, "<unk>"), (1, "<s>"), (2, "</s>")] + [(i, t) for t, i in added.items()]},
    "bos_token": "<s>", "clean_up_tokenization_spaces": False, "eos_token": "</s>", "legacy": False,
    "pad_token": "<pad>", "processor_class": "LlavaProcessor", "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>"}


def write(path, document):
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def fill(folder):
    folder.mkdir(exist_ok=True)
    write(folder / "added_tokens.json", added)
    write(folder / "tokenizer_config.json", config)
    write(folder / "chat_template.json", {"chat_template": TEMPLATE})
    write(folder / "config.json", {"model_type": "llava", "image_token_index": size})


fill(tiny)
with_json = here / "tiny_json"
fill(with_json)
shutil.copyfile(tiny / "tokenizer.model", with_json / "tokenizer.model")
backend = json.loads(transformers.LlamaTokenizer.from_pretrained(str(tiny)).backend_tokenizer.to_str())
backend["normalizer"] = {"type": "Sequence", "normalizers": [
    {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
backend["pre_tokenizer"] = None
backend["model"]["merges"] = [" ".join(m) for m in generate_merges({p.piece: i for i, p in enumerate(proto.pieces)},
                                                                   {p.piece: p.score for p in proto.pieces})]
(with_json / "tokenizer.json").write_text(json.dumps(backend, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
write(here / "tiny_versions.json", {"made_by": "make_tiny.py", "seed": SEED, "sentencepiece": sentencepiece.__version__,
                                    "tokenizers": tokenizers.__version__, "transformers": transformers.__version__})
for f in sorted(list(tiny.iterdir()) + list(with_json.iterdir())):
    print(f.relative_to(here), f.stat().st_size)
