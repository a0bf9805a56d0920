#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tokenizer_tiny.json and tokenizer_llama.json: ids and decoded texts of transformers' tokenizers.

  make_tokenizer.py [LLAMA_TOKENIZER_MODEL]

Row: [text, ids, {rule: ids where they differ}, decoded (or 0 where it is the text), decoded with skip_special (or 0)].
The ids of the row are those of LlamaTokenizer with legacy false, which merges by id. The other rules:
  U  LlamaTokenizer with legacy true
  E  a tokenizer.json with `Prepend`, as transformers 4 wrote it: merges by score
  N  what AutoTokenizer makes of a `llava` folder without tokenizer.json (no prefix at all); the first 150 rows only
  F  transformers 4's slow tokenizer with legacy false, replayed here over sentencepiece"""
import json, os, pathlib, random, sys, tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import sentencepiece
import tokenizers
import transformers
from make_tiny_parts import NAMES, ids_of, llava_folder, prepend_backend, proto_of
from strings import strings
from transformers import AutoTokenizer, LlamaTokenizer

SEED = 11
here = pathlib.Path(__file__).parent


def slow(model):
    """LlamaTokenizer of transformers 4, legacy false: `tokenize` and `_tokenize`."""
    special, proto = ids_of(model), proto_of(model)
    proto.normalizer_spec.add_dummy_prefix = False
    sp = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())

    def encode(text):
        if not text:
            return []
        text = "▁" + text.replace("▁", " ")
        out, chunk, i = [], "", 0

        def flush():
            nonlocal chunk
            out.extend(sp.encode(chunk))
            chunk = ""
        while i < len(text):
            hit = max((n for n in NAMES if text.startswith(n, i)), key=len, default=None)
            if hit:
                flush()
                out.append(special[hit])
                i += len(hit)
            else:
                chunk += text[i]
                i += 1
        flush()
        if len(out) > 1 and out[0] == sp.piece_to_id("▁") and out[1] in special.values():
            out = out[1:]
        return out
    return encode


def make(name, model, count):
    with tempfile.TemporaryDirectory() as scratch:
        parent = pathlib.Path(scratch)
        plain_folder = llava_folder(parent / "plain", model, False)
        plain = LlamaTokenizer.from_pretrained(str(plain_folder))
        legacy = LlamaTokenizer.from_pretrained(str(llava_folder(parent / "legacy", model, True)))
        none = AutoTokenizer.from_pretrained(str(plain_folder))
        prepend = tokenizers.Tokenizer.from_str(json.dumps(prepend_backend(model, plain)))
        first = slow(model)
        rows = []
        for i, text in enumerate(strings(random.Random(SEED), count)):
            ids = plain.encode(text, add_special_tokens=False)
            other = {"U": legacy.encode(text, add_special_tokens=False),
                     "E": prepend.encode(text, add_special_tokens=False).ids, "F": first(text)}
            if i < 150:
                other["N"] = none.encode(text, add_special_tokens=False)
            shown, skipped = plain.decode(ids), plain.decode(ids, skip_special_tokens=True)
            rows.append([text, ids, {k: v for k, v in other.items() if v != ids}, 0 if shown == text else shown,
                         0 if skipped == text else skipped])
    out = here / name
    document = {"made_by": "make_tokenizer.py", "seed": SEED, "transformers": transformers.__version__,
                "tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__, "rows": rows}
    out.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(name, len(rows), "rows", out.stat().st_size, "bytes;",
          {k: sum(k in r[2] for r in rows) for k in "UEFN"}, "differ")


make("tokenizer_tiny.json", here / "tiny/tokenizer.model", 400)
if len(sys.argv) > 1:
    make("tokenizer_llama.json", pathlib.Path(sys.argv[1]), 2300)
