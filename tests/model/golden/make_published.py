# SPDX-License-Identifier: Apache-2.0
"""Writes published/: the layouts in which LLaVA's models and adapters are published, and what they compute.

The weights are those of bf16/, in torch's own files. Run after make_llava.py: python make_published.py
"""

import json
import os
import shutil

import torch
from common import HERE, HfLlava, dpo, pair_entries, random_pairs, readable, versions, write, write_json
from make_llava import CONFIGS, MARK, TEXT, VISION
from make_original import llava_folder, llava_name
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, LlamaConfig, LlamaForCausalLM

SEED, FOLDER = 31, HERE / "published"
TOWER = "openai/clip-tiny-patch7"
LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
text, vision = TEXT | CONFIGS["bf16"][2], VISION | CONFIGS["bf16"][3]


def bf16_weights():
    model = HfLlava(HERE / "bf16").model.to(torch.bfloat16)
    return {llava_name(name): value.detach() for name, value in model.named_parameters()}


def llava_config(folder):
    """config.json of original LLaVA, which names its tower only."""
    llava_folder(folder, {"x": torch.zeros(1)}, text, vision, "llava_llama", "mlp2x_gelu", "bfloat16")
    shutil.rmtree(folder / "vision_tower")
    (folder / "model.safetensors").unlink()
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", config | {"mm_vision_tower": TOWER})


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    weights = bf16_weights()
    tower = {name: value for name, value in weights.items() if "vision_tower" in name}
    rest = {name: value for name, value in weights.items() if "vision_tower" not in name}

    # llava/: as liuhaotian/llava-v1.5-7b, in two shards without a tower
    llava_config(FOLDER / "llava")
    names, index = list(rest), {}
    for number, part in enumerate((names[::2], names[1::2]), 1):
        file = f"pytorch_model-{number:05d}-of-00002.bin"
        torch.save({name: rest[name].clone() for name in part}, FOLDER / "llava" / file)
        index |= {name: file for name in part}
    size = sum(value.numel() * value.element_size() for value in rest.values())
    write_json(FOLDER / "llava" / "pytorch_model.bin.index.json", {"metadata": {"total_size": size}, "weight_map": index})

    # clip/: as openai/clip-vit-large-patch14-336, with its text model
    torch.manual_seed(SEED)
    small = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    clip = CLIPModel(CLIPConfig(text_config=small | dict(vocab_size=16, max_position_embeddings=8), projection_dim=8,
                                vision_config=vision)).to(torch.bfloat16)
    state = clip.state_dict()
    for name, value in tower.items():
        state[name.replace("model.vision_tower.vision_tower.", "")].copy_(value)
    write_json(FOLDER / "clip" / "config.json", clip.config.to_dict() | {"architectures": ["CLIPModel"]})
    torch.save(state, FOLDER / "clip" / "pytorch_model.bin")
    side = vision["image_size"]
    CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side}).save_pretrained(FOLDER / "clip")

    # language/: as lmsys/vicuna-7b-v1.5
    language = {name: value for name, value in rest.items() if "mm_projector" not in name}
    llama = LlamaForCausalLM(LlamaConfig(**text))
    llama.load_state_dict({name: value.float() for name, value in language.items()})
    write_json(FOLDER / "language" / "config.json", llama.config.to_dict() | {"architectures": ["LlamaForCausalLM"]})
    torch.save({name: value.clone() for name, value in language.items()}, FOLDER / "language" / "pytorch_model.bin")

    # adapter/: as liuhaotian/llava-v1.5-7b-lora, whose projector was trained whole
    llava_config(FOLDER / "adapter")
    options = dict(r=4, lora_alpha=8, lora_dropout=0.05, bias="none", task_type="CAUSAL_LM")
    adapted = get_peft_model(llama, LoraConfig(target_modules=LAYERS, **options))
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in sorted(adapted.named_parameters()):
            if "lora_" in name:
                bound = 1.0 / parameter.shape[1] ** 0.5 if "lora_A" in name else 0.04
                parameter.copy_(bound * torch.randn(parameter.shape, generator=generator))
    adapted.save_pretrained(FOLDER / "adapter", safe_serialization=False)
    (FOLDER / "adapter" / "README.md").unlink(missing_ok=True)
    config = json.loads((FOLDER / "adapter" / "adapter_config.json").read_text())
    config |= {"base_model_name_or_path": "language", "target_modules": sorted(config["target_modules"])}
    write_json(FOLDER / "adapter" / "adapter_config.json", config)
    projector = {name: value.float() + 0.1 * torch.randn(value.shape, generator=generator)
                 for name, value in rest.items() if "mm_projector" in name}
    torch.save({"base_model.model." + name: value for name, value in projector.items()},
               FOLDER / "adapter" / "non_lora_trainables.bin")

    # projector/: as liuhaotian/llava-v1.5-mlp2x-336px-pretrain-vicuna-7b-v1.5, the first stage's
    llava_config(FOLDER / "projector")
    torch.save({name: value.clone() for name, value in rest.items() if "mm_projector" in name},
               FOLDER / "projector" / "mm_projector.bin")

    # what all of it computes: merged by peft, in transformers' LLaVA
    fresh = LlamaForCausalLM(LlamaConfig(**text))
    fresh.load_state_dict({name: value.float() for name, value in language.items()})
    merged = PeftModel.from_pretrained(fresh, FOLDER / "adapter").merge_and_unload()
    model = HfLlava(HERE / "bf16")
    new = {**dict(merged.named_parameters()), **projector}
    with torch.no_grad():
        for name, value in model.model.named_parameters():
            if llava_name(name) in new:
                value.copy_(new[llava_name(name)])
        pairs = random_pairs(2, MARK, text["vocab_size"], SEED)
        scores = dpo(model, pairs, [(0.0, 0.0)] * 2)[1]
    entries = {}
    for number, pair in enumerate(pairs):
        entries |= pair_entries(number, pair)
        for side_, answer in enumerate(("chosen", "rejected")):
            entries[f"pair{number}.{answer}.merged_f32"] = scores[number][side_]
    for name, value in model.model.named_parameters():
        if llava_name(name) in new and value.numel() <= 1600 and ("layers.1." in name or "projector" in name):
            entries["merged." + name] = value
    write(FOLDER / "expected.safetensors", entries,
          versions("make_published.py", seed=SEED, base="bf16", image_mark=MARK, image_size=side, image_tokens=model.image_tokens))
    for folder in FOLDER.iterdir():
        if folder.is_dir():
            readable(folder)
    os.chmod(FOLDER / "expected.safetensors", 0o644)
    print("published: sums", [round(s.sum().item(), 3) for pair in scores for s in pair])


if __name__ == "__main__":
    main()
