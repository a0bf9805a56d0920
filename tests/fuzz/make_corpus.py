#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the fuzz targets, corpus/<target>/*: golden files of the other rooms, cut to a few kilobytes.

Run: python3 make_corpus.py      (needs the standard library only)
"""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent


def put(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def golden(path):
    return (TESTS / path).read_bytes()


# safetensors: what the reference writes, and small files of all that the format allows.
def with_header(header, data=b""):
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


put("safetensors", "types", golden("io/golden/types.safetensors"))
put("safetensors", "adapter", golden("io/golden/adapter/adapter_model.safetensors"))
put("safetensors", "nothing", with_header({}))
put("safetensors", "metadata", with_header({"__metadata__": {"format": "pt", "\u00e9": ""}}))
put("safetensors", "scalar_and_empty", with_header(
    {"a": tensor("F32", [], 0, 4), "b": tensor("BF16", [0, 3], 4, 4), "c": tensor("F16", [1, 1, 1, 1, 1, 2], 4, 8)},
    bytes(8)))
put("safetensors", "foreign_types", with_header(
    {"a": tensor("F8_E4M3", [2], 0, 2), "b": tensor("F4", [4], 2, 4), "c": tensor("U64", [1], 4, 12)}, bytes(12)))

# torch: what torch writes, as a zip archive and as before torch 1.6.
for name in ("module.pt", "nested.pt", "types.bin", "views_old.bin"):
    put("torch", name, golden(f"io/golden/torch/{name}"))

# Images: one of each kind that the decoders tell apart.
KEPT = {"decode_jpeg": ["size_1x1", "size_2x2", "size_16x16", "baseline_420", "progressive_420", "progressive_440", "grey",
                        "grey_progressive", "cmyk_without_adobe", "ycck_420", "stored_as_rgb", "restarts_progressive",
                        "sampling_411", "stray_bytes_between_segments"],
        "decode_png": ["grey_1", "grey_2_interlaced", "grey_16", "palette_4", "palette_with_too_few_colours", "rgb_8",
                       "rgba_8_interlaced", "grey_alpha_8", "many_data_chunks", "bytes_after_the_end",
                       "size_1x1_interlaced"]}
for listed, names in KEPT.items():
    blob = golden(f"image/golden/{listed}.bin")
    for line in golden(f"image/golden/{listed}.txt").decode().splitlines():
        if line.startswith("#"):
            continue
        name, kind, _, _, offset, size = line.split()
        if name in names:
            put("image", f"{name}.{kind}", blob[int(offset):int(offset) + int(size)])


# sentencepiece: the wire format by hand, since models from the trainer are too large to be changed quickly.
def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def block(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def number(field, value):
    return varint(field << 3) + varint(value)


def piece(text, score=0.0, kind=1):
    return block(1, block(1, text) + b"\x15" + struct.pack("<f", score) + number(3, kind))


first = piece(b"<unk>", 0, 2) + piece(b"<s>", 0, 3) + piece(b"</s>", 0, 3)
letters = piece(b"t", -1) + piece(b"h", -2) + piece(b"th", -0.5) + piece("\u2581".encode(), -3) + piece(b"\xc3\xa9", -4)
identity = block(3, block(1, b"identity") + number(4, 0))
bpe, unigram = block(2, number(3, 2)), block(2, number(3, 1))
map_units = [0] * 768  # one rule, x -> y, in three blocks of units
map_leaf = 256 ^ ord("x")
map_units[0], map_units[map_leaf], map_units[512] = 256 << 10, ord("x") | 1 << 8 | (map_leaf ^ 512) << 10, 1 << 31
rules = struct.pack("<I768I", 768 * 4, *map_units) + b"y\0"
put("sentencepiece", "bpe", first + letters + bpe + identity)
put("sentencepiece", "unigram", first + letters + unigram + block(3, number(3, 1) + number(4, 1) + number(5, 1)))
put("sentencepiece", "word", first + letters + block(2, number(3, 3)))
put("sentencepiece", "char_suffix", first + letters + block(2, number(3, 4) + number(24, 1)))
put("sentencepiece", "user_defined", first + letters + b"".join(piece(b"q" * n, 0, 4) for n in (1, 2, 3)) + bpe)
put("sentencepiece", "bytes", first + b"".join(piece(b"<0x%02X>" % n, 0, 6) for n in range(256)) + letters
    + block(2, number(3, 2) + number(35, 1)))
put("sentencepiece", "character_map", first + letters + unigram + block(3, block(2, rules)))

# Records, as the page of each dataset shows them; the only image is a.png.
pair = {"image": "a.png", "question": "What is there?", "chosen": "A cat.", "rejected": "A dog."}
lines = {
    "pair": pair,
    "rlhf_v": {"idx": 7, "image_path": "a.png", "text": json.dumps({k: pair[k] for k in ("question", "chosen", "rejected")})},
    "trl": {"id": "x", "images": ["a.png", "./a.png"], "prompt": "What?", "chosen": "\u00e9\ud83d\ude00", "rejected": "no"},
    "question": {"image": "a.png", "question": "What?", "responses": ["one", ""]},
    "trl_messages": {"images": ["a.png"], "prompt": [{"role": "user", "content": "What?"}],
                     "chosen": [{"role": "assistant", "content": "yes"}],
                     "rejected": [{"role": "assistant", "content": [{"type": "text", "text": "no"}]}]},
}
povid = {"id": 1, "image": "a.png",
         "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A cat."}],
         "rejected_conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A dog."}]}
for name, line in lines.items():
    put("records", name, json.dumps(line).encode() + b"\n")
put("records", "povid", json.dumps([povid, {**povid, "id": 2}], indent=1).encode())
for path in sorted((TESTS / "data/golden/forms").iterdir()):
    text = path.read_text()
    records = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    for i, record in enumerate(records):
        line = json.dumps(record, separators=(",", ":")).encode()
        if len(line) <= 900:  # what the target reads of a record
            put("records", f"{path.stem}_{i}", line + b"\n")
put("records", "list", json.dumps([pair, lines["question"]]).encode())
put("records", "several", b"\n".join(json.dumps(line).encode() for line in (pair, pair)) + b"\r\n\n \t\n")

# The JSON files of a model folder.
for name, path in {"hf": "model/golden/base", "tied": "model/golden/tied", "hub": "model/golden/names_hub",
                   "llava": "model/golden/names_llava", "linear": "model/golden/linear"}.items():
    put("config", name, golden(path + "/config.json"))
for name in ("clip", "llava_pad", "squash"):
    put("config", name, golden(f"image/golden/folders/{name}/preprocessor_config.json"))
# Was once an error of the system: no file can have a name of this length.
put("config", "long", b'{"model_type": "llava", "mm_vision_tower": "' + 300 * b"v" + b'"}')
