# SPDX-License-Identifier: Apache-2.0
"""Test pictures by formula; tests/image/patterns.hpp draws the same."""
import numpy as np


def pattern(kind, width, height):
    i = np.arange(width * height * 3, dtype=np.uint64)
    h = (i * np.uint64(2654435761) + np.uint64(width * 31 + height)) & np.uint64(0xFFFFFFFF)
    h = ((h ^ (h >> np.uint64(15))) * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    h ^= h >> np.uint64(13)
    if kind == "noise":
        values = h & np.uint64(255)
    elif kind == "extremes":
        values = (h & np.uint64(1)) * np.uint64(255)
    else:
        pixel, channel = i // np.uint64(3), i % np.uint64(3)
        x, y = pixel % np.uint64(width), pixel // np.uint64(width)
        values = (x * np.uint64(3) + y * (np.uint64(2) + channel) + channel * np.uint64(80)) & np.uint64(255)
    return values.astype(np.uint8).reshape(height, width, 3)
