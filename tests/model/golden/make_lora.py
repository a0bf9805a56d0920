# SPDX-License-Identifier: Apache-2.0
"""Writes lora/: a PEFT adapter on the folder `base`, and what transformers and peft compute with it.

Run after make_llava.py: python make_lora.py
"""

import json
import os
import shutil

import torch
from common import (
    HERE,
    HfLlava,
    dpo,
    exact,
    gradients,
    pair_entries,
    random_pairs,
    versions,
    write,
    write_json,
)
from peft import LoraConfig, PeftModel, get_peft_model

SEED, FOLDER = 21, HERE / "lora"
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
# a plain list of layer names would reach the tower's q_proj, k_proj and v_proj too
TARGETS = r".*language_model\..*\.(" + "|".join(LAYERS) + ")"


def tidy(folder):
    """Keeps what a reader needs, with no path of the machine that wrote it."""
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "base"
    write_json(folder / "adapter_config.json", config)
    for file in folder.iterdir():
        os.chmod(file, 0o644)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    base = HfLlava(HERE / "base")
    modules = [
        name for name, _ in base.model.named_modules() if "language_model." in name and name.endswith(LAYERS)
    ]
    pairs = random_pairs(2, base.mark, 96, SEED)
    options = dict(r=4, lora_alpha=8, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM")
    base.model = get_peft_model(base.model, LoraConfig(target_modules=TARGETS, **options))
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in sorted(base.model.named_parameters()):
            if "lora_" in name:  # A as peft scales it, B not zero
                bound = 1.0 / parameter.shape[1] ** 0.5 if "lora_A" in name else 0.04
                parameter.copy_(bound * torch.randn(parameter.shape, generator=generator))
    base.model.save_pretrained(FOLDER)

    # the same layers named in a list, as other trainers write them: adapter_config.json alone
    listed = get_peft_model(HfLlava(HERE / "base").model, LoraConfig(target_modules=modules, **options))
    names = {name for name, _ in listed.named_parameters() if "lora_" in name}
    assert names == {name for name, _ in base.model.named_parameters() if "lora_" in name}
    listed.save_pretrained(HERE / "lora_list")
    (HERE / "lora_list" / "adapter_model.safetensors").unlink()
    tidy(FOLDER)
    tidy(HERE / "lora_list")
    config = json.loads((HERE / "lora_list" / "adapter_config.json").read_text())
    config["target_modules"] = sorted(config["target_modules"])  # peft keeps a set, in no fixed order
    write_json(HERE / "lora_list" / "adapter_config.json", config)

    # read back as a user would; the reference is the adapter switched off
    model = HfLlava(HERE / "base")
    model.model = PeftModel.from_pretrained(model.model, FOLDER, is_trainable=True).eval()
    with torch.no_grad():
        single = dpo(model, pairs, [(0.0, 0.0)] * 2)[1]
    model.model.double()
    with exact():
        with torch.no_grad(), model.model.disable_adapter():
            reference = [(c.sum().item(), r.sum().item()) for c, r in dpo(model, pairs, [(0.0, 0.0)] * 2)[1]]
        loss, double = dpo(model, pairs, reference)
        loss.backward()
    entries = gradients((n, p) for n, p in model.model.named_parameters() if "lora_" in n)
    entries = {
        name.replace(".default.", "."): value for name, value in entries.items()
    }  # as the adapter file says

    merged = HfLlava(HERE / "base")
    merged.model = PeftModel.from_pretrained(merged.model, FOLDER).merge_and_unload().eval()
    with torch.no_grad():
        merged_scores = dpo(merged, pairs, [(0.0, 0.0)] * 2)[1]
    for index, pair in enumerate(pairs):
        entries |= pair_entries(index, pair)
        entries[f"pair{index}.reference"] = torch.tensor(reference[index], dtype=torch.float64)
        for side, answer in enumerate(("chosen", "rejected")):
            entries[f"pair{index}.{answer}.logps_f32"] = single[index][side]
            entries[f"pair{index}.{answer}.logps_f64"] = double[index][side]
            entries[f"pair{index}.{answer}.merged_f32"] = merged_scores[index][side]
    entries["loss_f64"] = loss.reshape(1)
    weight = merged.model.model.language_model.layers[0].self_attn.q_proj.weight
    entries["merged.model.language_model.layers.0.self_attn.q_proj.weight"] = weight
    write(
        FOLDER / "expected.safetensors",
        entries,
        versions(
            "make_lora.py",
            seed=SEED,
            beta=0.1,
            base="base",
            image_mark=base.mark,
            image_size=base.size,
            image_tokens=base.image_tokens,
        ),
    )
    moved = [round(double[i][s].sum().item() - reference[i][s], 3) for i in range(2) for s in range(2)]
    apart = max((single[i][s] - merged_scores[i][s]).abs().max().item() for i in range(2) for s in range(2))
    print(f"lora: loss {loss.item():.6f}, sums moved by {moved} nats, merged differs by {apart:.1e}")


if __name__ == "__main__":
    main()
