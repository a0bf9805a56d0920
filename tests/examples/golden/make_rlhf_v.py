# SPDX-License-Identifier: Apache-2.0
"""Writes rlhf_v.parquet: 60 records in the columns of openbmb/RLHF-V-Dataset, with small pictures inside.

Needs pyarrow (made with 26.0.1) and pillow (13.0.0).
"""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

COLOURS = {"red": (200, 30, 30), "blue": (30, 60, 200), "green": (30, 160, 60), "yellow": (220, 200, 40)}
THINGS = ("circle", "square", "tree", "star", "house", "dog", "ball")


def picture(i):
    name = list(COLOURS)[i % 4]
    image = Image.new("RGB", (16 + i % 3, 12), COLOURS[name])
    image.putpixel((i % 16, i % 12), (255, 255, 255))
    out = io.BytesIO()
    image.save(out, "PNG")
    return {"bytes": out.getvalue(), "path": f"{i:06}.png"}


def record(i):
    right, wrong = list(COLOURS)[i % 4], list(COLOURS)[(i + 1) % 4]
    text = {
        "question": "describe the picture ." if i % 2 else "what is in the middle ?",
        "chosen": f"there is a {right} {THINGS[i % 7]} in the picture .",
        "rejected": f"there is a {wrong} {THINGS[i % 7]} and a star in the picture .",
    }
    return {
        "ds_name": "RLHF-V",
        "image": picture(i),
        "text": json.dumps(text),
        "origin_dataset": "drawn",
        "origin_split": json.dumps({"model": "none", "type": "detailed description"}),
        "idx": i,
        "image_path": f"images/{i:06}.png",
    }


schema = pa.schema(
    [
        ("ds_name", pa.string()),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("text", pa.string()),
        ("origin_dataset", pa.string()),
        ("origin_split", pa.string()),
        ("idx", pa.int64()),
        ("image_path", pa.string()),
    ]
)
pq.write_table(pa.Table.from_pylist([record(i) for i in range(60)], schema=schema), "rlhf_v.parquet", row_group_size=16)
