#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes torch/: files of torch.save in the forms that people have, and the same tensors as safetensors.

Run after make_io.py: python3 make_torch.py      (needs torch and safetensors; the versions go into torch/versions.json)
"""
import json
import os
import shutil
from collections import OrderedDict

import safetensors
import torch
from safetensors.torch import load_file, save_file

SEED = 23
HERE = os.path.dirname(os.path.abspath(__file__))
os.chdir(HERE)
shutil.rmtree("torch", ignore_errors=True)
os.makedirs("torch/sharded")
os.makedirs("torch/whole")

# types.bin: the tensors of types.safetensors, whose elements are (i - 2) * 0.75
torch.save(load_file("types.safetensors"), "torch/types.bin")

# views.bin: everything that is not one contiguous tensor a storage; views.safetensors holds the values
torch.manual_seed(SEED)
base, images = torch.randn(6, 8), torch.randn(2, 3, 4, 5)
views = OrderedDict(
    whole=base,
    transposed=base.t(),
    rows=base[2:5],
    block=base[1:5, 2:7],
    steps=base[::2, 1::3],
    element=base[3, 4],
    flat=base.flatten()[5:43],
    permuted=images.permute(0, 2, 3, 1),
    channels_last=images.to(memory_format=torch.channels_last),
    single_column=base[:, 3:4],
    half=torch.randn(4, 3).half().t(),
    brain=torch.randn(3, 4).bfloat16().t(),
    parameter=torch.nn.Parameter(torch.randn(3)),
    frozen=torch.nn.Parameter(torch.randn(2, 2).t(), requires_grad=False),
    empty=torch.zeros(0, 4),
    tail=base[6:],
)
torch.save(views, "torch/views.bin")
torch.save(views, "torch/views_old.bin", _use_new_zipfile_serialization=False)
save_file({k: v.detach().clone(memory_format=torch.contiguous_format) for k, v in views.items()}, "torch/views.safetensors")

# nested.pt: what training programs save around a model
layer = torch.nn.Sequential(OrderedDict(first=torch.nn.Linear(2, 3), second=torch.nn.LayerNorm(3)))
steps = torch.optim.AdamW(layer.parameters(), lr=0.1)
layer(torch.ones(1, 2)).sum().backward()
steps.step()
torch.save({"epoch": 3, "loss": 0.25, "name": "run", "flags": [True, None], "big": 1 << 40, "negative": -7,
            "sizes": OrderedDict(first=torch.Size([3, 2])), "state_dict": layer.state_dict(), "optimizer": steps.state_dict()},
           "torch/nested.pt")
torch.save({"module": {"a": torch.ones(1), "inner": {"b": torch.full((2,), 2.0)}}}, "torch/module.pt")
save_file({k: v.clone() for k, v in layer.state_dict().items()}, "torch/nested.safetensors")

# whole/ and sharded/: the model of llava/, as transformers 4 wrote it without safetensors
model = load_file("llava/model.safetensors")
torch.save(OrderedDict(model), "torch/whole/pytorch_model.bin")
names = sorted(model)
shards = [names[i::3] for i in range(3)]
index = {"metadata": {"total_size": sum(v.numel() * v.element_size() for v in model.values())}, "weight_map": {}}
for i, part in enumerate(shards):
    file = f"pytorch_model-{i + 1:05d}-of-{len(shards):05d}.bin"
    torch.save({name: model[name] for name in part}, "torch/sharded/" + file)
    index["weight_map"] |= {name: file for name in part}
with open("torch/sharded/pytorch_model.bin.index.json", "w") as file:
    json.dump(index, file, indent=1, sort_keys=True)

for file in ("views.safetensors", "nested.safetensors"):
    os.chmod("torch/" + file, 0o644)
with open("torch/versions.json", "w") as file:
    json.dump({"seed": SEED, "torch": torch.__version__, "safetensors": safetensors.__version__}, file, indent=1)
