# SPDX-License-Identifier: Apache-2.0
"""Makes transform.txt and transform.bin: what transformers' CLIPImageProcessor (Pillow backend) gives for the
three transforms. pad is LLaVA's expand2square in front of it. Patterns as in patterns.py. A line holds mode,
size, resize_to, the set of mean and std, pattern, width, height, the CRC-32 of the bytes before normalisation
(size, size, 3), and the offset of the float32 tensor (3, size, size) in transform.bin, or -1. Also folders/:
configurations that transformers wrote, with which the reader is tested. Run: python make_transform.py"""
import json
import os
import zlib

import numpy as np
import PIL
import transformers
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

from patterns import pattern

statistics = {"clip": ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]),
              "half": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])}


def expand2square(image, colour):
    """llava/mm_utils.py."""
    width, height = image.size
    if width == height:
        return image
    side = max(width, height)
    result = Image.new(image.mode, (side, side), colour)
    result.paste(image, (0, (side - height) // 2) if width > height else ((side - width) // 2, 0))
    return result


def processor(mode, size, resize_to, names, **more):
    mean, std = statistics[names]
    square = {"height": size, "width": size}
    return CLIPImageProcessorPil(size=square if mode == "squash" else {"shortest_edge": resize_to},
                                 crop_size=square, do_center_crop=mode != "squash", image_mean=mean,
                                 image_std=std, **more)


cases = [(mode, size, size, names, kind, w, h)
         for mode in ("pad", "centre_crop", "squash")
         for size, names, kind, w, h in (
             (12, "clip", "noise", 61, 40), (12, "half", "noise", 40, 61), (12, "clip", "extremes", 12, 12),
             (48, "half", "smooth", 48, 48), (48, "clip", "noise", 47, 49), (56, "clip", "smooth", 57, 50),
             (336, "clip", "smooth", 500, 375), (336, "clip", "noise", 333, 500),
             (336, "clip", "noise", 81, 80), (336, "clip", "noise", 200, 500),
             (224, "clip", "noise", 640, 427), (24, "clip", "noise", 300, 2), (24, "clip", "noise", 2, 300),
             (25, "clip", "noise", 30, 26), (1, "clip", "noise", 9, 5))]
cases += [(mode, size, to, "clip", "noise", w, h) for mode in ("pad", "centre_crop")
          for size, to in ((12, 16), (13, 16), (20, 15), (21, 16)) for w, h in ((40, 31), (31, 40))]
blob = b""
with open("transform.txt", "w") as out:
    versions = f"transformers {transformers.__version__}, Pillow {PIL.__version__}, numpy {np.__version__}"
    out.write(f"# {versions}\n")
    for mode, size, to, names, kind, w, h in cases:
        image = Image.fromarray(pattern(kind, w, h))
        if mode == "pad":
            image = expand2square(image, tuple(int(x * 255) for x in statistics[names][0]))
        raw = processor(mode, size, to, names, do_rescale=False, do_normalize=False)(image)["pixel_values"][0]
        tensor = processor(mode, size, to, names)(image)["pixel_values"][0]
        assert raw.dtype == np.uint8 and tensor.dtype == np.float32 and tensor.shape == (3, size, size)
        offset = -1
        if size <= 21:
            offset = len(blob)
            blob += tensor.tobytes()
        crc = zlib.crc32(np.ascontiguousarray(np.moveaxis(raw, 0, -1)).tobytes())
        out.write(f"{mode} {size} {to} {names} {kind} {w} {h} {crc:08x} {offset}\n")
open("transform.bin", "wb").write(blob)
print(len(cases), "cases,", len(blob), "bytes")

for name, p in (("clip", CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size=336)),
                ("llava_pad", LlavaImageProcessorPil(size={"shortest_edge": 336}, crop_size=336,
                                                      do_pad=True)),
                ("squash", processor("squash", 448, 448, "half"))):
    os.makedirs(f"folders/{name}", exist_ok=True)
    p.save_pretrained(f"folders/{name}")
    print(name, json.load(open(f"folders/{name}/preprocessor_config.json")))
