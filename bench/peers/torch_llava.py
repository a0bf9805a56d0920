# SPDX-License-Identifier: Apache-2.0
"""A LLaVA in PyTorch, written for speed: what candor's training step is measured against.

Fused q/k/v and gate/up products, F.rms_norm, every image encoded once a pair, tokens of all sequences one behind the
other without padding: a batch (torch_batches.py) says where they stand and how they attend to each other. Logits at
scored positions only.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import nn


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


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
    """One block of LLaMA: what comes before attention and what comes behind it."""

    def __init__(self, c):
        super().__init__()
        width, inner = c["hidden_size"], c["intermediate_size"]
        self.heads, self.eps = c["num_attention_heads"], c["rms_norm_eps"]
        self.input_layernorm = nn.Parameter(torch.ones(width))
        self.post_attention_layernorm = nn.Parameter(torch.ones(width))
        self.qkv_proj, self.o_proj = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.gate_up_proj = nn.Linear(width, 2 * inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def before(self, x, cos, sin):  # (T, C), (T, 1, D), (T, 1, D) -> q, k, v (T, H, D)
        h = F.rms_norm(x, x.shape[-1:], self.input_layernorm, self.eps)
        q, k, v = self.qkv_proj(h).view(len(x), 3, self.heads, -1).unbind(1)
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def behind(self, x, attended):  # (T, C), (T, C)
        x = x + self.o_proj(attended)
        h = F.rms_norm(x, x.shape[-1:], self.post_attention_layernorm, self.eps)
        gate, up = self.gate_up_proj(h).chunk(2, dim=-1)
        return x + self.down_proj(F.silu(gate) * up)


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat((-x[..., half:], x[..., :half]), dim=-1) * sin


class Adapted(nn.Module):
    """A frozen linear layer of several parts, each with an adapter: W x + scale B A x."""

    def __init__(self, linear, a, b, scale):  # A of each part (r, in), B of each (out, r)
        super().__init__()
        self.weight, self.scale = linear.weight.requires_grad_(False), scale
        self.a, self.b = (nn.ParameterList(nn.Parameter(x) for x in parts) for parts in (a, b))

    def forward(self, x):
        inner = F.linear(x, torch.cat(list(self.a))).chunk(len(self.a), dim=-1)
        parts = [F.linear(h, b) for h, b in zip(inner, self.b, strict=True)]
        return torch.add(F.linear(x, self.weight), torch.cat(parts, dim=-1), alpha=self.scale)


def plain(name):
    """A tensor's name without the prefixes in which transformers' versions and PEFT differ."""
    name = name.removeprefix("base_model.model.").replace(".default.", ".").replace(".base_layer.", ".")
    for prefix in ("model.", "language_model.model."):
        if name.startswith(prefix):
            name = ("language_model." if "language" in prefix else "") + name.removeprefix(prefix)
    name = name.replace("vision_tower.vision_model.", "vision_tower.")
    return "lm_head.weight" if name == "language_model.lm_head.weight" else name


class Tensors:
    """The tensors of a folder by their plain names, read one by one."""

    def __init__(self, folder, pattern="model*.safetensors"):
        self.files = [safe_open(path, "pt") for path in sorted(Path(folder).glob(pattern))]
        self.names = {plain(name): (file, name) for file in self.files for name in file.keys()}  # noqa: SIM118

    def __getitem__(self, name):
        file, stored = self.names[name]
        return file.get_tensor(stored)


class Llava(nn.Module):
    """Of a folder's weights in the given type; `adapter` is PEFT's folder, which is trained alone."""

    def __init__(self, folder, type_=torch.float32, device="cpu", adapter=None):
        super().__init__()
        config = json.loads((Path(folder) / "config.json").read_text())
        vision, text = config["vision_config"], config["text_config"]
        width, eye = text["hidden_size"], vision["hidden_size"]
        self.text, self.patch = text, vision["patch_size"]
        self.before, self.behind = Decoder.before, Decoder.behind  # or what torch.compile makes of them
        with torch.device("meta"):
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
            tied = text.get("tie_word_embeddings", config.get("tie_word_embeddings", False))
            self.lm_head = None if tied else nn.Parameter(torch.zeros(text["vocab_size"], width))
        self.to(type_).to_empty(device=device)
        self.load(Tensors(folder))
        for name, p in self.named_parameters():  # the tower is frozen
            p.requires_grad_(not adapter and name.startswith(("linear_", "embed_tokens", "layers", "norm", "lm_head")))
        if adapter:
            self.adapt(adapter)

    def adapt(self, folder):
        config = json.loads((Path(folder) / "adapter_config.json").read_text())
        tensors, scale = Tensors(folder, "adapter_model.safetensors"), config["lora_alpha"] / config["r"]
        for i, layer in enumerate(self.layers):
            for name in ("qkv_proj", "o_proj", "gate_up_proj", "down_proj"):
                linear = getattr(layer, name)
                parts = [part.removesuffix("weight") for part in self.parts(f"layers.{i}.{name}.weight")]
                read = lambda x: [tensors[f"{part}lora_{x}.weight"].to(linear.weight) for part in parts]  # noqa: B023, E731
                setattr(layer, name, Adapted(linear, read("A"), read("B"), scale))

    def parts(self, name):
        """The tensors of the file that a parameter of ours holds, one below the other."""
        tower, text = "vision_tower.", "language_model."
        if ".a." in name or ".b." in name:
            path, kind, part = name.rsplit(".", 2)
            return [self.parts(path + ".weight")[int(part)].removesuffix("weight") + f"lora_{kind.upper()}.weight"]
        if name.startswith("vision."):
            name = tower + "encoder.layers." + name.removeprefix("vision.")
            for part in ("fc1", "fc2"):
                name = name.replace(part, "mlp." + part)
        elif name.startswith("linear_"):
            return ["multi_modal_projector." + name]
        elif name == "lm_head":
            return ["lm_head.weight"]
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
            pieces += [run] if image is None else [features[image], run]
        x = torch.cat(pieces)  # (T, C)
        cos, sin = self.rotation(batch.positions, x.dtype)
        for layer in self.layers:
            q, k, v = self.before(layer, x, cos, sin)
            x = self.behind(layer, x, batch.attend(q, k, v))
        h = F.rms_norm(x[batch.scored], x.shape[-1:], self.norm, self.text["rms_norm_eps"])
        logits = F.linear(h, self.embed_tokens.weight if self.lm_head is None else self.lm_head)
        return -F.cross_entropy(logits.float(), batch.targets, reduction="none")

    def rotation(self, positions, type_):
        size = self.text["head_dim"]
        theta = self.text.get("rope_theta") or self.text["rope_parameters"]["rope_theta"]
        angle = positions[:, None] * theta ** (-torch.arange(0, size, 2, device=positions.device) / size)
        angle = torch.cat((angle, angle), dim=-1)[:, None]
        return angle.cos().to(type_), angle.sin().to(type_)
