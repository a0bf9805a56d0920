#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden files of this folder: what safetensors, transformers and peft write, at a tiny size.

Run: python3 make_io.py      (needs torch, transformers, safetensors, peft; the versions go into versions.json)
"""
import json
import os
import shutil

import peft
import safetensors
import torch
import transformers
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

SEED = 20
HERE = os.path.dirname(os.path.abspath(__file__))
os.chdir(HERE)

# types.safetensors: element i of each tensor is (i - 2) * 0.75, truncated for integers; flags alternate.
values = torch.arange(6, dtype=torch.float64).sub(2).mul(0.75).reshape(2, 3)
tensors = {name: values.to(kind) for name, kind in {
    "double": torch.float64, "float": torch.float32, "half": torch.float16, "brain": torch.bfloat16,
    "long": torch.int64, "int": torch.int32, "short": torch.int16, "char": torch.int8}.items()}
tensors["byte"] = torch.arange(6, dtype=torch.uint8)
tensors["flag"] = torch.arange(6).remainder(2).bool()
tensors["scalar"] = torch.tensor(1.5)
tensors["empty"] = torch.zeros(0, 4)
save_file(tensors, "types.safetensors", metadata={"format": "pt"})

torch.manual_seed(SEED)
config = LlavaConfig(
    vision_config=CLIPVisionConfig(hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2, image_size=8,
                                   patch_size=4, projection_dim=8),
    text_config=LlamaConfig(vocab_size=24, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4,
                            num_key_value_heads=2, max_position_embeddings=64, rope_theta=20000.0, pad_token_id=0),
    image_token_index=23)
model = LlavaForConditionalGeneration(config).eval()
for folder in ("llava", "llava_sharded", "adapter"):
    shutil.rmtree(folder, ignore_errors=True)
model.save_pretrained("llava")
model.save_pretrained("llava_sharded", max_shard_size="6KB")
for folder in ("llava", "llava_sharded"):
    os.remove(folder + "/generation_config.json")

with safetensors.safe_open("llava/model.safetensors", "pt") as file:
    stored = sorted(file.keys())
names = {"module_paths": sorted(model.state_dict()), "stored": stored,
         "first_elements": {k: v.flatten()[0].item() for k, v in sorted(model.state_dict().items())},
         "linear_modules": sorted(n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear))}
with open("names.json", "w") as file:
    json.dump(names, file, indent=1)

adapted = peft.get_peft_model(model, peft.LoraConfig(
    r=2, lora_alpha=4, lora_dropout=0.05, target_modules=r".*language_model.*\.(q_proj|v_proj)"))
for name, parameter in adapted.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(parameter)
adapted.base_model.model.name_or_path = "tiny"
adapted.save_pretrained("adapter")
if os.path.exists("adapter/README.md"):
    os.remove("adapter/README.md")

with open("versions.json", "w") as file:
    json.dump({"seed": SEED, "torch": torch.__version__, "transformers": transformers.__version__,
               "safetensors": safetensors.__version__, "peft": peft.__version__}, file, indent=1)
