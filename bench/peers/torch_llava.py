# SPDX-License-Identifier: Apache-2.0
"""A LLaVA in eager PyTorch, written for speed on the CPU: what candor's training step is measured against.

Fused q/k/v and gate/up products, F.rms_norm and F.scaled_dot_product_attention, every image encoded once a pair, no
padding: the answers' sequences lie one behind the other, and only attention takes them one at a time. Logits at scored
positions only.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


def attend(q, k, v, lengths, causal):
    """q, k, v (T, H, D), sequences of the given lengths one behind the other -> (T, H D)."""
    runs = zip(*(x.transpose(0, 1).split(lengths, dim=1) for x in (q, k, v)), strict=True)
    out = [F.scaled_dot_product_attention(*(x[None] for x in run), is_causal=causal)[0] for run in runs]
    return torch.cat([o.transpose(0, 1) for o in out]).flatten(1)


class VisionBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, inner = c["hidden_size"], c["intermediate_size"]
        self.heads, self.eps = c["num_attention_heads"], c["layer_norm_eps"]
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(width, self.eps), nn.LayerNorm(width, self.eps)
        self.qkv_proj, self.out_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):  # (N, P, C)
        n, p, _ = x.shape
        q, k, v = self.qkv_proj(self.layer_norm1(x)).view(n, p, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = x + self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.fc2(quick_gelu(self.fc1(self.layer_norm2(x))))


class Decoder(nn.Module):
    """One block of LLaMA on ragged sequences."""

    def __init__(self, c):
        super().__init__()
        width, inner = c["hidden_size"], c["intermediate_size"]
        self.heads, self.eps = c["num_attention_heads"], c["rms_norm_eps"]
        self.input_layernorm = nn.Parameter(torch.ones(width))
        self.post_attention_layernorm = nn.Parameter(torch.ones(width))
        self.qkv_proj, self.o_proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.gate_up_proj = nn.Linear(width, 2 * inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x, cos, sin, lengths):  # (T, C), (T, 1, D), (T, 1, D)
        h = F.rms_norm(x, x.shape[-1:], self.input_layernorm, self.eps)
        q, k, v = self.qkv_proj(h).view(len(x), 3, self.heads, -1).unbind(1)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        x = x + self.o_proj(attend(q, k, v, lengths, causal=True))
        h = F.rms_norm(x, x.shape[-1:], self.post_attention_layernorm, self.eps)
        gate, up = self.gate_up_proj(h).chunk(2, dim=-1)
        return x + self.down_proj(F.silu(gate) * up)


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat((-x[..., half:], x[..., :half]), dim=-1) * sin


def plain(name):
    """A tensor's name without the prefixes in which transformers' versions differ."""
    for prefix in ("model.", "language_model.model."):
        if name.startswith(prefix):
            name = ("language_model." if "language" in prefix else "") + name.removeprefix(prefix)
    return name.replace("vision_tower.vision_model.", "vision_tower.")


class Llava(nn.Module):
    def __init__(self, folder):
        super().__init__()
        config = json.loads((Path(folder) / "config.json").read_text())
        vision, text = config["vision_config"], config["text_config"]
        width, eye = text["hidden_size"], vision["hidden_size"]
        self.text, self.patch = text, vision["patch_size"]
        self.class_embedding = nn.Parameter(torch.zeros(eye))
        self.patch_embedding = nn.Parameter(torch.zeros(eye, 3 * self.patch**2))
        self.position_embedding = nn.Parameter(torch.zeros((vision["image_size"] // self.patch) ** 2 + 1, eye))
        self.pre_layrnorm = nn.LayerNorm(eye, vision["layer_norm_eps"])
        used = vision["num_hidden_layers"] + 1 + config["vision_feature_layer"]
        self.vision = nn.ModuleList(VisionBlock(vision) for _ in range(used))
        self.linear_1, self.linear_2 = nn.Linear(eye, width), nn.Linear(width, width)
        self.embed_tokens = nn.Embedding(text["vocab_size"], width)
        self.layers = nn.ModuleList(Decoder(text) for _ in range(text["num_hidden_layers"]))
        self.norm = nn.Parameter(torch.ones(width))
        self.load({plain(name): value for name, value in load_file(Path(folder) / "model.safetensors").items()})
        for name, p in self.named_parameters():  # the tower is frozen
            p.requires_grad_(name.startswith(("linear_", "embed_tokens", "layers", "norm")))

    def parts(self, name):
        """The tensors of the file that a parameter of ours holds, one below the other."""
        tower, text = "vision_tower.", "language_model."
        if name.startswith("vision."):
            name = tower + "encoder.layers." + name.removeprefix("vision.")
            for part in ("fc1", "fc2"):
                name = name.replace(part, "mlp." + part)
        elif name.startswith("linear_"):
            return ["multi_modal_projector." + name]
        elif name in ("class_embedding", "pre_layrnorm.weight", "pre_layrnorm.bias"):
            return [tower + ("embeddings." if "class" in name else "") + name]
        elif name in ("patch_embedding", "position_embedding"):
            return [tower + "embeddings." + name + ".weight"]
        else:
            name = text + name + ("" if name.endswith("weight") else ".weight")
            for part in ("gate_up_proj", "down_proj"):
                name = name.replace(part, "mlp." + part)
        for part in ("qkv_proj", "o_proj", "out_proj"):
            name = name.replace("." + part, ".self_attn." + part)
        for fused, parts in (("qkv_proj", ("q_proj", "k_proj", "v_proj")), ("gate_up_proj", ("gate_proj", "up_proj"))):
            if fused in name:
                return [name.replace(fused, part) for part in parts]
        return [name]

    def load(self, tensors):
        with torch.no_grad():
            for name, p in self.named_parameters():
                whole = torch.cat([tensors[part] for part in self.parts(name)])
                p.copy_(whole.reshape(p.shape))

    def gradients(self):
        """By the plain names of the file's tensors, fp32."""
        out = {}
        for name, p in self.named_parameters():
            if p.grad is None:
                continue
            parts = self.parts(name)
            for part, value in zip(parts, p.grad.float().chunk(len(parts)), strict=True):
                out[part] = value.contiguous()
        return out

    @torch.no_grad()
    def tower(self, pixels):
        """(N, 3, S, S) -> (N, patches, C), the class token left out."""
        n, _, size, _ = pixels.shape
        side = size // self.patch
        cut = pixels.view(n, 3, side, self.patch, side, self.patch).permute(0, 2, 4, 1, 3, 5)
        patches = F.linear(cut.reshape(n, side * side, -1), self.patch_embedding)
        x = torch.cat((self.class_embedding.expand(n, 1, -1), patches), dim=1) + self.position_embedding
        x = self.pre_layrnorm(x)
        for block in self.vision:
            x = block(x)
        return x[:, 1:]

    def forward(self, batch):
        """Log-probs of the scored tokens, nats, (N,) in fp32; sequences and answers in their order."""
        type_ = self.embed_tokens.weight.dtype
        features = self.linear_2(F.gelu(self.linear_1(self.tower(batch.pixels.to(type_)))))  # (pairs, I, C)
        words = self.embed_tokens(batch.words)  # (W, C)
        pieces = []
        for run, image in zip(words.split(batch.word_lengths), batch.images, strict=True):
            pieces += [features[image], run]
        x = torch.cat(pieces)  # (T, C)
        cos, sin = self.rotation(batch.positions, x.dtype)
        for layer in self.layers:
            x = layer(x, cos, sin, batch.lengths)
        h = F.rms_norm(x[batch.scored], x.shape[-1:], self.norm, self.text["rms_norm_eps"])
        logits = F.linear(h, self.embed_tokens.weight)
        return -F.cross_entropy(logits.float(), batch.targets, reduction="none")

    def rotation(self, positions, type_):
        size = self.text["head_dim"]
        theta = self.text.get("rope_theta") or self.text["rope_parameters"]["rope_theta"]
        angle = positions[:, None] * theta ** (-torch.arange(0, size, 2) / size)
        angle = torch.cat((angle, angle), dim=-1)[:, None]
        return angle.cos().to(type_), angle.sin().to(type_)


class Batch:
    """The pairs of a step as the model takes them: chosen and rejected of each pair, one sequence each."""

    def __init__(self, path, image_tokens):
        t = load_file(path)
        self.pixels = t["pixel_values"]
        self.pairs = len(self.pixels)
        words, self.images, self.lengths, self.answers = [], [], [], []
        scored, targets, reference, positions = [], [], [], []
        first = 0
        for pair in range(self.pairs):
            for name in ("chosen", "rejected"):
                question, answer = t[f"question.{pair}"], t[f"{name}.{pair}"]
                words.append(torch.cat((question, answer)))
                length = image_tokens + len(words[-1])
                scored.append(torch.arange(first + length - len(answer) - 1, first + length - 1))
                targets.append(answer.long())
                reference.append(t[f"reference.{name}.{pair}"].double().sum())
                positions.append(torch.arange(length))
                self.images.append(pair)
                self.lengths.append(length)
                self.answers.append(len(answer))
                first += length
        self.word_lengths = [len(w) for w in words]
        self.words, self.positions = torch.cat(words).long(), torch.cat(positions)
        self.scored, self.targets = torch.cat(scored), torch.cat(targets)
        self.reference = torch.stack(reference).view(-1, 2)  # (pairs, 2)

    def loss(self, log_probs, beta):
        """DPO (Rafailov et al., 2023), the mean over the pairs."""
        sums = torch.stack([run.sum() for run in log_probs.split(self.answers)]).view(-1, 2)
        ratio = sums - self.reference.to(sums.dtype)
        return -F.logsigmoid(beta * (ratio[:, 0] - ratio[:, 1])).mean()
