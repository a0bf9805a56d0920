# SPDX-License-Identifier: Apache-2.0
"""Makes distortion.txt and distortion.bin: pictures and tensors after each distortion, by PyTorch, with the
random numbers of candor's stream drawn again here (Philox4x32-10, Box and Muller in float64 from floats). Patterns as in
patterns.py. A line holds what is distorted, the description, the seed, the pattern, width, height, and the
offset of the result in distortion.bin: bytes (height, width, 3); where they are rounded the float32 values
before it ("exact"); or float32 (3, S, S) of the normalised square ("planes"). Run: python make_distortion.py"""
import math

import numpy as np
import torch
import torch.nn.functional as F

from patterns import pattern

MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711])
STREAM = 0x64697374
MASK = 0xFFFFFFFF


class Stream:
    def __init__(self, seed):
        self.seed, self.place = seed, 0

    def block(self, counter):
        c = [counter & MASK, counter >> 32, STREAM & MASK, STREAM >> 32]
        k0, k1 = self.seed & MASK, self.seed >> 32
        for _ in range(10):
            a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [(b >> 32) ^ c[1] ^ k0, b & MASK, (a >> 32) ^ c[3] ^ k1, a & MASK]
            k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
        return c

    def double_word(self):
        words = [self.block(p // 4)[p % 4] for p in (self.place, self.place + 1)]
        self.place += 2
        return words[0] | words[1] << 32

    def uniform(self):
        return (self.double_word() >> 11) * 2.0**-53

    def below(self, n):
        while (word := self.double_word()) < (-n % 2**64) % n:
            pass
        return word % n

    def normals(self, count):
        """512 at a time: the first numbers of 256 pairs, then their second ones."""
        result = []
        for begin in range(0, count, 512):
            blocks = np.array([self.block(begin // 4 + i) for i in range(128)], dtype=np.float64)
            a = np.concatenate([blocks[:, 0], blocks[:, 2]])
            b = np.concatenate([blocks[:, 1], blocks[:, 3]])
            u = (a.astype(np.float32).astype(np.float64) * 2.0**-32 + 2.0**-33).astype(np.float32)
            radius = np.sqrt(-2 * np.log(u.astype(np.float64)))
            angle = 2 * math.pi * b * 2.0**-32
            result += [radius * np.cos(angle), radius * np.sin(angle)]
        return torch.tensor(np.concatenate(result)[:count], dtype=torch.float32)


def to_bytes(values, overflow):
    whole = values.to(torch.int64)  # cut off towards 0
    return (whole.clamp(0, 255) if overflow == "clamp" else whole % 256).to(torch.uint8)


def factors(step):
    betas = torch.sigmoid(torch.linspace(-6, 6, 1000, dtype=torch.float64)) * (0.5e-2 - 1e-5) + 1e-5
    signal = torch.cumprod(1 - betas, 0)[step]
    return signal.sqrt().float(), (1 - signal).sqrt().float()


def window(width, height, least, most, stream):
    """RandomResizedCrop.get_params of torchvision."""
    for _ in range(10):
        area = width * height * (least + (most - least) * stream.uniform())
        ratio = math.exp(math.log(4 / 3) * (2 * stream.uniform() - 1))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top, left = stream.below(height - h + 1), stream.below(width - w + 1)
            return top, left, h, w
    w, h = width, height
    if width / height < 3 / 4:
        h = round(width / (3 / 4))
    elif width / height > 4 / 3:
        w = round(height * (4 / 3))
    return (height - h) // 2, (width - w) // 2, h, w


def rotated(planes, degrees, fill):
    """torchvision's rotate of a tensor: nearest, no expansion."""
    _, h, w = planes.shape
    angle = math.radians(degrees)
    x = torch.linspace(-0.5 * w + 0.5, 0.5 * w - 0.5, w, dtype=torch.float64).expand(h, w)
    y = torch.linspace(-0.5 * h + 0.5, 0.5 * h - 0.5, h, dtype=torch.float64)[:, None].expand(h, w)
    grid = torch.stack([(math.cos(angle) * x - math.sin(angle) * y) / (0.5 * w),
                        (math.sin(angle) * x + math.cos(angle) * y) / (0.5 * h)], -1)
    with_mask = torch.cat([planes.double(), torch.ones(1, h, w, dtype=torch.float64)])
    result = F.grid_sample(with_mask[None], grid[None], mode="nearest", padding_mode="zeros",
                           align_corners=False)[0]
    return torch.where(result[3] > 0.5, result[:3], fill.double()).to(planes.dtype)


def masked(planes, share, side, fill, stream):
    _, h, w = planes.shape
    across, down = -(-w // side), -(-h // side)
    left, out = across * down, planes.clone()
    wanted = math.floor(share * left + 0.5)
    for block in range(across * down):
        if stream.uniform() * left < wanted:
            wanted -= 1
            y, x = block // across * side, block % across * side
            out[:, y:y + side, x:x + side] = fill
        left -= 1
    return out


def fields_of(description):
    kind, *fields = description.split(",")
    return kind, dict(f.split("=") for f in fields)


def places(planes, kind, fields, fill, stream):
    if kind == "crop":
        least, most = map(float, fields.get("area", "0.01..0.2").split(".."))
        top, left, h, w = window(planes.shape[2], planes.shape[1], least, most, stream)
        part = planes[:, top:top + h, left:left + w].float()
        return F.interpolate(part[None], size=planes.shape[1:], mode="bilinear", align_corners=False)[0]
    if kind == "rotation":
        least, most = map(float, fields.get("degrees", "10..80").split(".."))
        return rotated(planes, least + (most - least) * stream.uniform(), fill)
    side = int(fields.get("block", 14)) if kind == "block_mask" else 1
    return masked(planes, float(fields.get("share", 0.5)), side, fill, stream)


def distort_bytes(picture, description, seed):
    """picture: uint8 (height, width, 3)."""
    kind, fields = fields_of(description)
    stream, count = Stream(seed), picture.size
    overflow = fields.get("overflow", "clamp")
    mean = torch.tensor((MEAN * 255).astype(np.uint8))
    x = torch.from_numpy(picture)
    if kind == "diffusion":
        signal, noise = factors(int(fields.get("step", 500)))
        return to_bytes((signal * x.float().div(255) + noise * stream.normals(count).reshape(x.shape)) * 255, overflow)
    if kind == "black":
        return torch.zeros_like(x)
    if kind == "mean":
        return mean.expand(x.shape)
    if kind == "gaussian":
        scale = torch.tensor(DEVIATION * 255, dtype=torch.float32), torch.tensor(MEAN * 255, dtype=torch.float32)
        return to_bytes(stream.normals(count).reshape(x.shape) * scale[0] + scale[1], overflow)
    result = places(x.permute(2, 0, 1), kind, fields, mean[:, None, None], stream).permute(1, 2, 0)
    return result


def distort_planes(picture, description, seed):
    """picture: uint8 (S, S, 3); the result float32 (3, S, S)."""
    kind, fields = fields_of(description)
    stream, size = Stream(seed), picture.shape[0]
    scaled = (picture * (1 / 255)).astype(np.float32)
    x = torch.from_numpy((scaled - MEAN.astype(np.float32)) / DEVIATION.astype(np.float32)).permute(2, 0, 1)
    if kind == "diffusion":
        signal, noise = factors(int(fields.get("step", 500)))
        return signal * x + noise * stream.normals(x.numel()).reshape(x.shape)
    if kind == "black":
        return torch.tensor(-MEAN / DEVIATION, dtype=torch.float32)[:, None, None].expand(3, size, size)
    if kind == "mean":
        return torch.zeros_like(x)
    if kind == "gaussian":
        return stream.normals(x.numel()).reshape(x.shape)
    return places(x, kind, fields, torch.zeros(3, 1, 1), stream)


descriptions = ["diffusion", "diffusion,overflow=wrap", "diffusion,step=999", "diffusion,step=0,overflow=wrap",
                "black", "mean", "gaussian", "gaussian,overflow=wrap", "crop", "crop,area=0.5..1", "rotation",
                "rotation,degrees=200..300", "pixel_mask", "pixel_mask,share=0.9", "block_mask,block=4",
                "block_mask,share=0.75,block=5"]
blob = b""
with open("distortion.txt", "w") as out:
    out.write(f"# torch {torch.__version__}, numpy {np.__version__}\n")
    for number, description in enumerate(descriptions):
        for kind, w, h in (("noise", 23, 14), ("smooth", 9, 26), ("smooth", 1, 1)):
            seed = 0x123456789ABCDEF + 1000 * number + w
            result = distort_bytes(pattern(kind, w, h), description, seed)
            what = "bytes" if result.dtype == torch.uint8 else "exact"
            out.write(f"{what} {description} {seed} {kind} {w} {h} {len(blob)}\n")
            blob += np.ascontiguousarray(result.numpy()).tobytes()
        if "overflow" not in description:
            out.write(f"planes {description},stage=normalised {number} smooth 18 18 {len(blob)}\n")
            blob += np.ascontiguousarray(distort_planes(pattern("smooth", 18, 18), description, number).numpy()).tobytes()
with open("distortion.bin", "wb") as file:
    file.write(blob)
