# SPDX-License-Identifier: Apache-2.0
"""Makes resize.txt: Pillow's bicubic resize over patterns that the test draws by the same formula
(patterns.py). A line holds the pattern, the old and the new size, the CRC-32 of the result's bytes
(height, width, 3), that of the order of passes before Pillow 13 (horizontal, then vertical, each a resize of
its own), and the first 8 bytes in hex. Run: python make_resize.py (needs Pillow, numpy)."""
import zlib

import PIL
from PIL import Image

from patterns import pattern

sizes = [(48, 48, 24, 24), (48, 48, 336, 336), (61, 40, 24, 24), (40, 61, 56, 56), (64, 48, 448, 336),
         (37, 53, 336, 481), (500, 375, 336, 252), (333, 500, 224, 336), (640, 427, 336, 336),
         (101, 67, 100, 66), (101, 67, 102, 68), (100, 67, 100, 50), (100, 67, 50, 67), (100, 67, 100, 67),
         (100, 67, 200, 67), (100, 67, 100, 134), (1, 1, 7, 5), (1, 1, 1, 1), (2, 2, 9, 9), (3, 1, 10, 10),
         (1, 3, 10, 10), (7, 5, 1, 1), (640, 3, 5, 300), (3, 640, 300, 5), (1000, 2, 2, 1000),
         (1, 500, 500, 1), (500, 1, 1, 500), (4000, 5, 3, 5), (5, 4000, 5, 3), (17, 19, 16, 18),
         (16, 16, 17, 17), (336, 336, 48, 48), (90, 90, 30, 30), (91, 89, 30, 30), (255, 256, 128, 127),
         (400, 1000, 336, 840), (66, 100, 60, 63), (102, 89, 97, 50), (127, 92, 101, 40),
         (127, 92, 101, 39)]
with open("resize.txt", "w") as out:
    out.write(f"# Pillow {PIL.__version__}\n")
    for number, (w, h, to_w, to_h) in enumerate(sizes):
        for kind in ("noise", "extremes", "smooth") if number < 12 else ("noise", "extremes"):
            source = Image.fromarray(pattern(kind, w, h))
            image = source.resize((to_w, to_h), Image.BICUBIC).tobytes()
            older = source.resize((to_w, h), Image.BICUBIC).resize((to_w, to_h), Image.BICUBIC).tobytes()
            sums = f"{zlib.crc32(image):08x} {zlib.crc32(older):08x}"
            out.write(f"{kind} {w} {h} {to_w} {to_h} {sums} {image[:8].hex()}\n")
