# SPDX-License-Identifier: Apache-2.0
"""What the golden scripts of this folder share: pixel formula, log-probs, DPO loss, exact float64 runs."""

import contextlib
import json
import os
import platform
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import peft  # noqa: E402
import safetensors  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import LlavaForConditionalGeneration  # noqa: E402
from transformers.models.llama import modeling_llama  # noqa: E402

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

HERE = Path(__file__).resolve().parent
FULL, SAMPLES, STRIDE = 1024, 512, 2654435761  # a gradient of more than FULL elements is sampled
PIXEL_RULE = (
    "float32((((i+1)*7919 + p*104729) % 65521 % 1000) / 500.0 - 1.0), i flat over (3,S,S), p the pair"
)


def versions(script, **more):
    """The string metadata of a golden file."""
    entries = {
        "generator": script,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "peft": peft.__version__,
        "safetensors": safetensors.__version__,
        "pixels": PIXEL_RULE,
    }
    return entries | {key: str(value) for key, value in more.items()}


def pixels(pair, size):
    """The image of a pair, (1, 3, size, size) float32: integers, then one double division and subtraction."""
    i = torch.arange(3 * size * size, dtype=torch.int64)
    level = ((i + 1) * 7919 + pair * 104729) % 65521 % 1000
    return (level.double() / 500.0 - 1.0).float().reshape(1, 3, size, size)


def sample(values):
    """A small tensor whole, else its values at (k * STRIDE) % n, k = 0 .. SAMPLES - 1 (STRIDE is prime)."""
    n = values.numel()
    if n <= FULL:
        return values
    at = torch.tensor([(k * STRIDE) % n for k in range(SAMPLES)])
    return values.reshape(-1)[at]


def randomize(model, seed, embed=0.4):
    """Weights that make every part matter: activations of order one, no trivial bias or norm."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if parameter.dim() == 0:
                continue
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            if name.endswith("bias"):
                value = 0.1 * noise
            elif "norm" in name or "layrnorm" in name:
                value = 1.0 + 0.1 * noise
            elif "position_embedding" in name or "class_embedding" in name:
                value = 0.5 * noise
            elif "embed_tokens" in name:
                value = embed * noise
            else:
                fan_in = parameter[0].numel()
                gain = 2.0 if "lm_head" in name else 1.5 if "q_proj" in name or "k_proj" in name else 1.0
                value = gain * noise / fan_in**0.5
            parameter.copy_(value)


@contextlib.contextmanager
def exact():
    """Inside, a .double() model is double throughout; RMSNorm and rotary tables are float32 as shipped."""
    norm, rotary = modeling_llama.LlamaRMSNorm.forward, modeling_llama.LlamaRotaryEmbedding.forward

    def norm_double(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))

    def rotary_double(self, x, position_ids):
        config = self.config
        dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        exponent = torch.arange(0, dim, 2, dtype=torch.float64) / dim
        angle = position_ids[..., None].double() / config.rope_parameters["rope_theta"] ** exponent
        angle = torch.cat((angle, angle), dim=-1)
        return angle.cos().to(x.dtype), angle.sin().to(x.dtype)

    modeling_llama.LlamaRMSNorm.forward = norm_double
    modeling_llama.LlamaRotaryEmbedding.forward = rotary_double
    try:
        yield
    finally:
        modeling_llama.LlamaRMSNorm.forward, modeling_llama.LlamaRotaryEmbedding.forward = norm, rotary


class HfLlava:
    """transformers' model behind the three calls that the golden scripts need."""

    def __init__(self, folder):
        # attn sdpa: the eager path rounds its softmax to float32
        self.model = LlavaForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="sdpa"
        ).eval()
        config = self.model.config
        self.mark, self.size = config.image_token_id, config.vision_config.image_size
        patches = (self.size // config.vision_config.patch_size) ** 2
        self.image_tokens = patches + (config.vision_feature_select_strategy == "full")

    def dtype(self):
        return next(self.model.parameters()).dtype

    def expand(self, prompt):
        ids = []
        for token in prompt:
            ids += [token] * self.image_tokens if token == self.mark else [token]
        return torch.tensor([ids])

    def features(self, image):
        return self.model.get_image_features(image.to(self.dtype())).pooler_output[0]

    def logits(self, prompt, image, answer):
        """Rows that predict the answer's tokens, (len(answer), V)."""
        ids = torch.cat([self.expand(prompt), torch.tensor([answer])], dim=1)
        out = self.model(input_ids=ids, pixel_values=image.to(self.dtype())).logits[0]
        return out[-len(answer) - 1 : -1]

    def greedy(self, prompt, image, count):
        self.model.generation_config.eos_token_id = None  # so that `count` tokens come, and none is forbidden
        ids = self.expand(prompt)
        out = self.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=image,
            do_sample=False,
            max_new_tokens=count,
            pad_token_id=0,
        )
        return out[0, ids.shape[1] :].tolist()

    def parameters(self):
        return self.model.named_parameters()


def logps(model, prompt, image, answer):
    """Log-probs of the answer's tokens in nats, (len(answer),)."""
    rows = model.logits(prompt, image, answer).log_softmax(-1)
    return rows.gather(1, torch.tensor(answer)[:, None])[:, 0]


def dpo(model, pairs, references, beta=0.1):
    """Mean DPO loss over the pairs, and the log-probs behind it: [(chosen, rejected), ...]."""
    losses, scores = [], []
    for index, (pair, reference) in enumerate(zip(pairs, references, strict=True)):
        image = pixels(pair.get("image", index), model.size)
        chosen = logps(model, pair["prompt"], image, pair["chosen"])
        rejected = logps(model, pair["prompt"], image, pair["rejected"])
        h = (chosen.sum() - rejected.sum()) - (reference[0] - reference[1])
        losses.append(-torch.nn.functional.logsigmoid(beta * h))
        scores.append((chosen, rejected))
    return torch.stack(losses).mean(), scores


def gradients(parameters):
    """grad.NAME, and grad_norm.NAME where that is a sample; norm 0 alone where nothing depends on NAME."""
    entries, total = {}, 0.0
    for name, parameter in parameters:
        if parameter.grad is None:
            entries["grad_norm." + name] = torch.zeros(1, dtype=torch.float64)
            continue
        norm = parameter.grad.double().norm()
        total += norm.item() ** 2
        entries["grad." + name] = sample(parameter.grad.double()).float().contiguous()
        if parameter.numel() > FULL:
            entries["grad_norm." + name] = norm.reshape(1)
    entries["grad_norm"] = torch.tensor([total**0.5], dtype=torch.float64)
    return entries


def random_pairs(count, mark, vocab, seed):
    """Pairs of random ids; the mark in the middle of the even prompts, straight after <s> in the odd ones."""
    generator = torch.Generator().manual_seed(seed)

    def ids(n):
        end = mark if mark > 0 else vocab
        return torch.randint(3, end, (n,), generator=generator).tolist()

    pairs = []
    for index in range(count):
        prompt = [1, *ids(5), mark, *ids(6)] if index % 2 == 0 else [1, mark, *ids(4)]
        chosen = ids(8 if index % 2 == 0 else 11) + [2]
        # the even pairs differ inside only, the odd ones from the first token on and in length
        rejected = [*chosen[:3], *ids(4), *chosen[5:]] if index % 2 == 0 else [*ids(2), 2]
        pairs.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
    return pairs


def pair_entries(index, pair):
    return {f"pair{index}.{key}": torch.tensor(pair[key]) for key in ("prompt", "chosen", "rejected")}


def write(path, entries, metadata):
    """A safetensors file, the same bytes at every run: the library writes the metadata in no fixed order."""
    save_file({key: value.detach().contiguous() for key, value in entries.items()}, path, metadata)
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
    os.chmod(path, 0o644)


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def readable(folder):
    for file in folder.iterdir():
        if file.is_file():
            os.chmod(file, 0o644)
