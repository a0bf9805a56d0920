# SPDX-License-Identifier: Apache-2.0
"""Models and pairs for the race on a device.

`make` fills a folder, part by part, with two worlds: `whole`, of the model itself, and `thin`, of its first BLOCKS blocks at full width,
which is small enough for gradients in files. Each has model, adapter (PEFT's, neither of its matrices zero) and for each
workload <name>.safetensors (pixel values, token ids, the reference's log-probs: those of the model itself in fp32) and
<name>.truth.safetensors: what transformers' own model says of the answers, `full` and with the adapter `lora`, in f32 and
bf16. Everything that is random has a fixed seed; what is there already is kept.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from device_sides import WORKLOADS
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file, save_file
from torch_batches import NAMES
from torch_llava import Tensors
from transformers import LlavaForConditionalGeneration
from world import log_probs

SOURCE = Path(__file__).resolve().parents[2]
BLOCKS = 2
LINEARS = [f"self_attn.{x}_proj" for x in "qkvo"] + [f"mlp.{x}_proj" for x in ("gate", "up", "down")]
ANSWERS = dict(zip(WORKLOADS, ([(150, 150)], [(40, 300), (210, 97), (120, 180), (300, 65)]), strict=True))  # of pairs, over and over
TINY = 12  # the tiny shape's answers are shorter by so much
QUESTION = 60  # tokens


def make(part, folder, programs, shape, model, pairs, device):
    """A part of what device_sides.PARTS names, of the given model folder, or of random weights of a shape that
    bench/real_size/random_llava writes. A folder of something else is made anew. Whether there was
    anything to do."""
    folder, wanted = Path(folder), {"shape": shape, "model": model, "pairs": pairs}
    note = folder / "made.json"
    made = json.loads(note.read_text()) if note.exists() else {}
    if made.get("of") != wanted:
        made = {"of": wanted, "parts": []}
        for name in ("whole", "thin", "random"):
            shutil.rmtree(folder / name, ignore_errors=True)
    if part in made["parts"]:
        return False
    if part == "model":
        (folder / "whole").mkdir(parents=True, exist_ok=True)
        if not model:
            tokenizer = SOURCE / "examples/scenes/base"
            command = [Path(programs) / "random_llava", folder / "random", shape, tokenizer]
            subprocess.run(command, check=True, stdout=sys.stderr)
        link = folder / "whole/model"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(model or folder / "random/model").resolve())
    else:
        if part == "thin":
            cut(folder / "whole/model", folder / "thin/model")
        write_adapter(folder / part)
        for workload in ANSWERS:
            write_pairs(folder / part, workload, pairs)
        write_truth(folder / part, device)
    note.write_text(json.dumps({"of": wanted, "parts": [*made["parts"], part]}))
    return True


def cut(model, thin):
    """The first BLOCKS blocks of a model."""
    thin.mkdir(parents=True, exist_ok=True)
    config = json.loads((model / "config.json").read_text())
    blocks = config["text_config"]["num_hidden_layers"] = min(BLOCKS, config["text_config"]["num_hidden_layers"])
    (thin / "config.json").write_text(json.dumps(config, indent=1))
    tensors, layers = Tensors(model), "language_model.layers."
    keep = [name for name in tensors.names if not name.startswith(layers) or int(name.split(".")[2]) < blocks]
    save_file({tensors.names[name][1]: tensors[name] for name in keep}, thin / "model.safetensors", {"format": "pt"})


def write_adapter(world):
    """Of rank 128 where the model is wide, on all linear layers of the decoder; numbers that bfloat16 holds exactly."""
    text = json.loads((world / "model/config.json").read_text())["text_config"]
    width, inner = text["hidden_size"], text["intermediate_size"]
    rank = min(128, width // 8)
    generator = torch.Generator().manual_seed(2)
    normal = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    tensors = {}
    for i in range(text["num_hidden_layers"]):
        for linear in LINEARS:
            rows = inner if "gate" in linear or "up" in linear else width
            columns = inner if "down" in linear else width
            name = f"base_model.model.model.language_model.layers.{i}.{linear}"
            tensors[f"{name}.lora_A.weight"] = (normal(rank, columns) / columns**0.5).bfloat16().float()
            tensors[f"{name}.lora_B.weight"] = (0.05 * normal(rows, rank) / rank**0.5).bfloat16().float()
    targets = [linear.split(".")[1] for linear in LINEARS]
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=rf".*language_model\..*\.({'|'.join(targets)})")
    config.save_pretrained(world / "adapter")
    save_file(tensors, world / "adapter/adapter_model.safetensors")


def write_pairs(world, workload, pairs):
    config = json.loads((world / "model/config.json").read_text())
    size, tiny = config["vision_config"]["image_size"], config["text_config"]["hidden_size"] < 512
    generator = torch.Generator().manual_seed(len(workload))
    words = lambda n: torch.randint(  # noqa: E731
        3, config["image_token_index"], (max(2, n // TINY) if tiny else n,), generator=generator
    ).int()
    entries = {"pixel_values": torch.randn(pairs, 3, size, size, generator=generator)}
    for i in range(pairs):
        entries[f"question.{i}"] = words(QUESTION)
        lengths = ANSWERS[workload][i % len(ANSWERS[workload])]
        for name, length in zip(("chosen", "rejected"), lengths, strict=True):
            entries[f"{name}.{i}"] = words(length)
    save_file(entries, world / f"{workload}.safetensors")


def write_truth(world, device):
    """transformers' log-probs into the truth files, and those of its fp32 model as the reference into the pairs."""
    pairs = {workload: load_file(world / f"{workload}.safetensors") for workload in ANSWERS}
    truth = {workload: {} for workload in ANSWERS}
    for type_, torch_type in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        model = LlavaForConditionalGeneration.from_pretrained(world / "model", dtype=torch_type).to(device).eval()
        for mode in ("full", "lora"):
            if mode == "lora":
                model = PeftModel.from_pretrained(model, world / "adapter").eval()
            for workload, t in pairs.items():
                found = [x.cpu() for x in answers(model, t, device)]
                truth[workload][f"{mode}.{type_}"] = torch.cat(found)
                if (mode, type_) == ("full", "f32"):
                    t |= {f"reference.{name}": x for name, x in zip(answer_names(t), found, strict=True)}
    for workload, t in pairs.items():
        save_file(t, world / f"{workload}.safetensors")
        save_file(truth[workload], world / f"{workload}.truth.safetensors")


def answer_names(pairs):
    return [f"{name}.{i}" for i in range(len(pairs["pixel_values"])) for name in NAMES]


def answers(model, pairs, device):
    """transformers' log-probs of each answer."""
    for name in answer_names(pairs):
        i = int(name.split(".")[1])
        given = pairs["pixel_values"][i : i + 1], pairs[f"question.{i}"], pairs[name]
        yield log_probs(model, *(x.to(device) for x in given))
