#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small parquet files in the forms that preference data is published in:

  rlhf_v.parquet        openbmb/RLHF-V-Dataset: image struct, text a JSON string, idx int64; 20 rows in groups of 8
  rlaif_v.parquet       openbmb/RLAIF-V-Dataset: plain columns, idx a string, logps; pages of three pictures, zstd
  trl.parquet           TRL's prompt/chosen/rejected as messages with a list of images
  paths.parquet         pictures by their paths, their bytes null, in every second row
  llava.parquet         conversations as lists of structs, some rows without an image
  lists.parquet         lists of pictures, of which some are named only, are empty or null; groups of 4 rows
  lists_plain.parquet   the same without the footer's counts of nulls
  lists_bytes.parquet   lists of bytes alone
  shards/data-0000N-of-00003.parquet

A picture is the text "picture N " some hundred times; nothing here decodes it."""
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def picture(i):
    return (f"picture {i} " * (100 + i)).encode()


def image(i):
    return {"bytes": picture(i), "path": f"{i:06}.jpg"}


def write(name, schema, rows, **options):
    table = pa.Table.from_pylist(rows, schema=pa.schema(schema))
    pq.write_table(table, here / name, **options)
    print(name, (here / name).stat().st_size, "bytes,", pq.ParquetFile(here / name).num_row_groups, "row groups")


def rlhf_v(i):
    text = json.dumps({"question": f"What is in picture {i}?", "chosen": f"A cat, {i} times.", "rejected": f"A dog, {i} times."})
    return {"ds_name": "RLHF-V", "image": image(i), "text": text, "origin_dataset": "vqav2",
            "origin_split": json.dumps({"model": "m", "type": "qa"}), "idx": i, "image_path": f"somewhere/{i:06}.jpg"}


write("rlhf_v.parquet", [("ds_name", pa.string()), ("image", IMAGE), ("text", pa.string()), ("origin_dataset", pa.string()),
                         ("origin_split", pa.string()), ("idx", pa.int64()), ("image_path", pa.string())],
      [rlhf_v(i) for i in range(20)], row_group_size=8)


def rlaif_v(i):
    return {"ds_name": "RLAIF-V", "image": image(i), "question": f"Question {i}?", "chosen": f"chosen {i}", "rejected": f"rejected {i}",
            "origin_dataset": "coco", "origin_split": "{}", "idx": f"r{i}", "image_path": f"{i}.jpg", "logps": json.dumps([-1.5, -0.5, [0.1], -2, -1, [0.2]])}


write("rlaif_v.parquet", [("ds_name", pa.string()), ("image", IMAGE), ("question", pa.large_string()), ("chosen", pa.string()),
                          ("rejected", pa.string()), ("origin_dataset", pa.string()), ("origin_split", pa.string()), ("idx", pa.string()),
                          ("image_path", pa.string()), ("logps", pa.string())],
      [rlaif_v(i) for i in range(20)], row_group_size=16, use_dictionary=False, compression="zstd", data_page_size=3000, write_batch_size=1,
      data_page_version="2.0")


def trl(i):
    def say(role, content):
        return {"role": role, "content": content}
    return {"images": [image(2 * i), image(2 * i + 1)], "prompt": [say("user", f"Compare, {i}.")], "chosen": [say("assistant", f"same {i}")],
            "rejected": [say("assistant", f"other {i}"), say("user", "Sure?"), say("assistant", "Yes.")]}


write("trl.parquet", [("images", pa.list_(IMAGE)), ("prompt", MESSAGES), ("chosen", MESSAGES), ("rejected", MESSAGES)],
      [trl(i) for i in range(5)], row_group_size=2)
write("paths.parquet", [("image", IMAGE), ("question", pa.string()), ("chosen", pa.string()), ("rejected", pa.string())],
      [{"image": {"bytes": None, "path": "a.png"} if i % 2 else image(i), "question": "q", "chosen": "c", "rejected": "r"} for i in range(4)])


def llava(i):
    says = [{"from": "human", "value": f"<image>\nWhat, {i}?" if i % 2 else f"What, {i}?"}, {"from": "gpt", "value": f"That, {i}."}]
    return {"id": f"{i:03}", "image": image(i) if i % 2 else None, "conversations": says}


write("llava.parquet", [("id", pa.string()), ("image", IMAGE),
                        ("conversations", pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())])))], [llava(i) for i in range(6)])
(here / "shards").mkdir(exist_ok=True)
for n in range(3):
    write(f"shards/data-{n:05}-of-00003.parquet", [("image", IMAGE), ("question", pa.string()), ("chosen", pa.string()), ("rejected", pa.string())],
          [{"image": image(i), "question": f"q{i}", "chosen": "c", "rejected": "r"} for i in range(2 * n, 2 * n + 2)])

NAMED = {"bytes": None, "path": "a.png"}
LISTS = [[image(0), image(1)], [image(2)], [], None, [NAMED], [NAMED, NAMED], [], [NAMED], [image(3), NAMED], [NAMED, image(4)], None, [image(5)]]


def lists(name, images, of, **options):
    says = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "That."}]
    write(name, [("images", pa.list_(of)), ("conversations", pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())])))],
          [{"images": i, "conversations": says} for i in images], row_group_size=4, **options)


lists("lists.parquet", LISTS, IMAGE)
lists("lists_plain.parquet", LISTS, IMAGE, write_statistics=False)
lists("lists_bytes.parquet", [i and [x["bytes"] for x in i if x["bytes"]] for i in LISTS], pa.binary())
