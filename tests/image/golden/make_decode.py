# SPDX-License-Identifier: Apache-2.0
"""Makes decode_jpeg.{txt,bin} and decode_png.{txt,bin}: small images of every kind with the pixels that
Pillow's Image.open(file).convert("RGB") gives. Run: python make_decode.py
Needs Pillow, numpy, libturbojpeg.so.0.

Index lines: name format width height, then offset and size of the file in the .bin; the pixels
(height, width, 3) follow the file there. The first line names the versions.
"""
import ctypes
import io
import struct
import zlib

import numpy as np
import PIL
from PIL import Image, features

rng = np.random.default_rng(20240607)


def picture(width, height, channels=3, top=255):
    """A smooth field with edges and some noise: chroma upsampling and clipping both show."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = []
    for c in range(channels):
        f = 0.5 + 0.5 * np.sin(x * (0.31 + 0.17 * c) + c) * np.cos(y * (0.23 + 0.11 * c) - c)
        f[(x + 2 * y + 5 * c) % 13 < 4] = c % 2
        planes.append(np.clip(f + rng.normal(0, 0.05, f.shape), 0, 1))
    return np.rint(np.stack(planes, -1) * top).astype(np.uint16 if top > 255 else np.uint8)


def pil_jpeg(array, mode="RGB", **options):
    out = io.BytesIO()
    Image.fromarray(array[..., 0] if mode == "L" else array, mode).save(out, "JPEG", **options)
    return out.getvalue()


def turbo_jpeg(array, sampling, pixel_format, flags=0, quality=80):
    """Samplings that Pillow does not write: 3 grey, 4 is 4:4:0, 5 is 4:1:1; CMYK (format 11) becomes YCCK."""
    lib = ctypes.CDLL("libturbojpeg.so.0")
    lib.tjInitCompress.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(lib.tjInitCompress())
    data, size = ctypes.c_void_p(None), ctypes.c_ulong(0)
    height, width = array.shape[:2]
    raw = np.ascontiguousarray(array)
    assert lib.tjCompress2(handle, raw.ctypes.data_as(ctypes.c_void_p), width, 0, height, pixel_format,
                           ctypes.byref(data), ctypes.byref(size), sampling, quality, flags) == 0
    out = ctypes.string_at(data, size.value)
    lib.tjFree(data)
    lib.tjDestroy(handle)
    return out


def without_segment(jpeg, marker):
    at = 2
    while jpeg[at + 1] != marker:
        at += 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]
    return jpeg[:at] + jpeg[at + 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]:]


def jpegs():
    photo, odd = picture(37, 29), picture(33, 17)
    for name, sub in (("444", 0), ("422", 1), ("420", 2)):
        yield f"baseline_{name}", pil_jpeg(photo, quality=85, subsampling=sub)
        yield f"progressive_{name}", pil_jpeg(odd, quality=70, subsampling=sub, progressive=True)
    yield "sampling_440", turbo_jpeg(photo, 4, 0)
    yield "sampling_411", turbo_jpeg(photo, 5, 0)
    yield "progressive_440", turbo_jpeg(odd, 4, 0, 16384)
    yield "grey", pil_jpeg(picture(19, 23, 1), "L", quality=90)
    yield "grey_progressive", pil_jpeg(picture(19, 23, 1), "L", quality=60, progressive=True)
    yield "cmyk", pil_jpeg(picture(24, 18, 4), "CMYK", quality=90)
    yield "cmyk_progressive", pil_jpeg(picture(24, 18, 4), "CMYK", quality=90, progressive=True)
    yield "cmyk_without_adobe", without_segment(pil_jpeg(picture(24, 18, 4), "CMYK", quality=90), 0xEE)
    yield "ycck_444", turbo_jpeg(picture(24, 18, 4), 0, 11)
    yield "ycck_420", turbo_jpeg(picture(25, 19, 4), 2, 11)
    yield "stored_as_rgb", pil_jpeg(odd, quality=85, keep_rgb=True)
    yield "quality_1", pil_jpeg(photo, quality=1)
    yield "quality_100_optimized", pil_jpeg(picture(17, 15), quality=100, optimize=True)
    yield "restarts", pil_jpeg(photo, quality=80, restart_marker_blocks=2)
    yield "restarts_progressive", pil_jpeg(photo, quality=80, restart_marker_blocks=1, progressive=True)
    for w, h in ((1, 1), (1, 40), (40, 1), (2, 2), (8, 8), (16, 16), (17, 9)):
        yield f"size_{w}x{h}", pil_jpeg(picture(w, h), quality=80)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "exif_rotation_is_not_applied", pil_jpeg(odd, quality=80, exif=exif)
    plain = pil_jpeg(odd, quality=80)
    yield "bytes_after_the_end", plain + b"\xff\xc4\x00\x03 and more"
    yield "stray_bytes_between_segments", plain[:20] + b"\x00\x11\x22" + plain[20:]
    yield "fill_bytes_before_markers", plain[:20] + b"\xff\xff\xff" + plain[20:]
    yield "zeros_before_the_end_marker", plain[:-2] + b"\x00\x00\x00" + plain[-2:]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def filtered(rows, bpp):
    """Cycles through the five PNG filters, a row each."""
    out, previous = b"", bytes(len(rows[0])) if rows else b""
    for number, row in enumerate(rows):
        kind, line = number % 5, bytearray()
        for i, value in enumerate(row):
            left = row[i - bpp] if i >= bpp else 0
            up = previous[i]
            corner = previous[i - bpp] if i >= bpp else 0
            p = left + up - corner
            nearest = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
            line.append((value - (0, left, up, (left + up) // 2, nearest)[kind]) % 256)
        out += bytes([kind]) + bytes(line)
        previous = row
    return out


def png(samples, depth, colour, interlace=False, extra=b"", parts=1, late=b""):
    """samples: (height, width, channels) integers of `depth` bits."""
    height, width, channels = samples.shape

    def rows(a):
        if a.shape[0] == 0 or a.shape[1] == 0:
            return []
        bits = (a[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        return [bytes(np.packbits(r.reshape(-1).astype(np.uint8))) for r in bits]

    bpp = max(1, channels * depth // 8)
    if interlace:
        passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
                  (0, 1, 1, 2))
        raw = b"".join(filtered(rows(samples[y::dy, x::dx]), bpp) for x, y, dx, dy in passes)
    else:
        raw = filtered(rows(samples), bpp)
    data = zlib.compress(raw, 9)
    step = -(-len(data) // parts)
    idat = b"".join(chunk(b"IDAT", data[i:i + step]) for i in range(0, len(data), step))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlace))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + idat + late + chunk(b"IEND", b"")


def pngs():
    for depth in (1, 2, 4, 8, 16):
        grey = picture(21, 14, 1, 2 ** depth - 1)
        if depth == 16:
            grey[:3] = rng.integers(0, 600, grey[:3].shape)
        yield f"grey_{depth}", png(grey, depth, 0)
        yield f"grey_{depth}_interlaced", png(grey, depth, 0, True)
    for depth in (1, 2, 4, 8):
        index = picture(21, 14, 1, 2 ** depth - 1)
        palette = chunk(b"PLTE", rng.integers(0, 256, 3 * 2 ** depth, dtype=np.uint8).tobytes())
        yield f"palette_{depth}", png(index, depth, 3, extra=palette)
        yield f"palette_{depth}_interlaced", png(index, depth, 3, True, extra=palette)
    short = chunk(b"PLTE", rng.integers(0, 256, 30, dtype=np.uint8).tobytes())
    yield "palette_with_too_few_colours", png(picture(21, 14, 1), 8, 3, extra=short)
    yield "palette_with_transparency", png(index, 8, 3, extra=palette + chunk(b"tRNS", bytes(range(200))))
    for depth, top in ((8, 255), (16, 65535)):
        yield f"rgb_{depth}", png(picture(21, 14, 3, top), depth, 2)
        yield f"rgb_{depth}_interlaced", png(picture(21, 14, 3, top), depth, 2, True)
        yield f"grey_alpha_{depth}", png(picture(21, 14, 2, top), depth, 4)
        yield f"rgba_{depth}", png(picture(21, 14, 4, top), depth, 6)
        yield f"rgba_{depth}_interlaced", png(picture(21, 14, 4, top), depth, 6, True)
    yield "grey_transparent", png(picture(21, 14, 1), 8, 0, extra=chunk(b"tRNS", b"\0\x80"))
    yield "rgb_transparent", png(picture(21, 14), 8, 2, extra=chunk(b"tRNS", b"\0\x80\0\x80\0\x80"))
    yield "gamma_is_not_applied", png(picture(21, 14), 8, 2, extra=chunk(b"gAMA", struct.pack(">I", 100000)))
    yield "many_data_chunks", png(picture(21, 14), 8, 2, parts=40)
    yield "text_after_data", png(picture(21, 14), 8, 2, late=chunk(b"tEXt", b"Comment\0late"))
    yield "bytes_after_the_end", png(picture(21, 14), 8, 2) + b"and more"
    for w, h in ((1, 1), (1, 9), (9, 1), (3, 3)):
        yield f"size_{w}x{h}_interlaced", png(picture(w, h), 8, 2, True)


for kind, images in (("jpeg", jpegs()), ("png", pngs())):
    turbo = features.version("libjpeg_turbo")
    index = [f"# Pillow {PIL.__version__}, libjpeg-turbo {turbo}, numpy {np.__version__}, seed 20240607"]
    blob = b""
    for name, data in images:
        pixels = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
        index.append(f"{name} {kind} {pixels.shape[1]} {pixels.shape[0]} {len(blob)} {len(data)}")
        blob += data + pixels.tobytes()
    open(f"decode_{kind}.txt", "w").write("\n".join(index) + "\n")
    open(f"decode_{kind}.bin", "wb").write(blob)
    print(kind, len(index) - 1, "images,", len(blob), "bytes")
