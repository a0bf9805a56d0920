# SPDX-License-Identifier: Apache-2.0
"""Writes linear/, an original LLaVA with a linear projector, and the tensors of bf16/ under other names.

Run after make_llava.py: python make_original.py
"""

import shutil

import torch
from common import HERE, HfLlava, randomize, readable, write, write_json
from make_llava import CONFIGS, MARK, TEXT, VISION, expected
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

# ---- the linear projector, in original LLaVA's naming


class LinearLlava(torch.nn.Module):
    """transformers' tower and LLaMA around one nn.Linear (mm_projector_type "linear"), merged by hand."""

    mark, size, image_tokens = -200, 28, 16

    def __init__(self):
        super().__init__()
        self.tower = CLIPVisionModel(CLIPVisionConfig(**VISION))
        self.projector = torch.nn.Linear(VISION["hidden_size"], TEXT["hidden_size"])
        self.llama = LlamaForCausalLM(LlamaConfig(**TEXT))
        self.eval()

    def features(self, image):
        dtype = self.projector.weight.dtype
        hidden = self.tower(image.to(dtype), output_hidden_states=True).hidden_states[-2]
        return self.projector(hidden[0, 1:])

    def embed(self, prompt, image, answer):
        at = prompt.index(self.mark)
        table = self.llama.get_input_embeddings()
        before, after = torch.tensor(prompt[:at]), torch.tensor(prompt[at + 1 :] + answer, dtype=torch.int64)
        return torch.cat([table(before), self.features(image), table(after)])[None]

    def logits(self, prompt, image, answer):
        return self.llama(inputs_embeds=self.embed(prompt, image, answer)).logits[0, -len(answer) - 1 : -1]

    def greedy(self, prompt, image, count):
        self.llama.generation_config.eos_token_id = None
        embeds = self.embed(prompt, image, [])
        mask = torch.ones(embeds.shape[:2], dtype=torch.int64)
        out = self.llama.generate(
            inputs_embeds=embeds, attention_mask=mask, do_sample=False, max_new_tokens=count, pad_token_id=0
        )
        return out[0].tolist()

    def parameters(self, recurse=True):
        return ((self.canonical(name), value) for name, value in self.named_parameters())

    @staticmethod
    def canonical(name):
        if name.startswith("tower."):
            return "model.vision_tower." + name[6:]
        if name.startswith("projector."):
            return "model.multi_modal_projector.linear_1." + name[10:]
        return name.removeprefix("llama.").replace("model.", "model.language_model.", 1)


def llava_name(name):
    """From the module path of transformers to original LLaVA's name."""
    name = name.replace("model.vision_tower.", "model.vision_tower.vision_tower.vision_model.")
    name = name.replace("model.multi_modal_projector.linear_1.", "model.mm_projector.0.")
    name = name.replace("model.multi_modal_projector.linear_2.", "model.mm_projector.2.")
    return name.replace("model.language_model.", "model.")


def llava_folder(folder, weights, text, vision, model_type, projector, dtype):
    """config.json as LLaVA's repository writes it; mm_vision_tower is a folder beside it, as LLaVA allows."""
    shutil.rmtree(folder, ignore_errors=True)
    write_json(
        folder / "config.json",
        {
            "_name_or_path": folder.name,
            "architectures": ["LlavaLlamaForCausalLM"],
            "bos_token_id": 1,
            "eos_token_id": 2,
            "freeze_mm_mlp_adapter": False,
            "hidden_act": "silu",
            "hidden_size": text["hidden_size"],
            "image_aspect_ratio": "pad",
            "initializer_range": 0.02,
            "intermediate_size": text["intermediate_size"],
            "max_length": 4096,
            "max_position_embeddings": text["max_position_embeddings"],
            "mm_hidden_size": vision["hidden_size"],
            "mm_projector_type": projector,
            "mm_use_im_patch_token": False,
            "mm_use_im_start_end": False,
            "mm_vision_select_feature": "patch",
            "mm_vision_select_layer": -2,
            "mm_vision_tower": "vision_tower",
            "model_type": model_type,
            "num_attention_heads": text["num_attention_heads"],
            "num_hidden_layers": text["num_hidden_layers"],
            "num_key_value_heads": text["num_key_value_heads"],
            "pad_token_id": 0,
            "pretraining_tp": 1,
            "rms_norm_eps": text["rms_norm_eps"],
            "rope_scaling": None,
            "tie_word_embeddings": False,
            "torch_dtype": dtype,
            "transformers_version": "4.31.0",
            "tune_mm_mlp_adapter": False,
            "use_cache": True,
            "use_mm_proj": True,
            "vocab_size": text["vocab_size"],
        },
    )
    CLIPVisionConfig(**vision).save_pretrained(folder / "vision_tower")
    write(folder / "model.safetensors", weights, {"format": "pt"})
    readable(folder)


def make_linear():
    model, seed = LinearLlava(), 9
    randomize(model, seed)
    weights = {}
    for name, value in model.parameters():
        weights[llava_name(name).replace("mm_projector.0.", "mm_projector.")] = value
    llava_folder(HERE / "linear", weights, TEXT, VISION, "llava_llama", "linear", "float32")
    expected(model, "linear", seed, "make_original.py", file_dtype="float32")


# ---- the weights of `bf16` under other names


def make_names():
    """The same tensors as transformers, llava-hf folders and LLaVA have written them over the years."""
    source = HERE / "bf16"
    model = HfLlava(source).model.to(torch.bfloat16)
    weights = dict(model.named_parameters())
    for folder in ("names_hub", "names_module", "sharded"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    text = TEXT | CONFIGS["bf16"][2]
    vision = VISION | CONFIGS["bf16"][3]
    positions = torch.arange((vision["image_size"] // vision["patch_size"]) ** 2 + 1)[None]
    inverse = 1.0 / (10000.0 ** (torch.arange(0, 8, 2).float() / 8))

    # llava-hf on the hub: defaults left out of config.json, the tower's position_ids among the tensors
    def hub(name):
        name = name.removeprefix("model.").replace("vision_tower.", "vision_tower.vision_model.")
        name = name.replace("language_model.", "language_model.model.")
        return name.replace("lm_head.", "language_model.lm_head.")

    write_json(
        HERE / "names_hub" / "config.json",
        {
            "architectures": ["LlavaForConditionalGeneration"],
            "ignore_index": -100,
            "image_token_index": MARK,
            "model_type": "llava",
            "pad_token_id": MARK + 1,
            "projector_hidden_act": "gelu",
            "text_config": {
                "_name_or_path": "lmsys/vicuna-7b-v1.5",
                "architectures": ["LlamaForCausalLM"],
                "max_position_embeddings": 4096,
                "model_type": "llama",
                "rms_norm_eps": 1e-05,
                "torch_dtype": "float16",
                "vocab_size": text["vocab_size"],
                "hidden_size": text["hidden_size"],
                "intermediate_size": text["intermediate_size"],
                "num_hidden_layers": text["num_hidden_layers"],
                "num_attention_heads": text["num_attention_heads"],
                "num_key_value_heads": text["num_key_value_heads"],
            },
            "torch_dtype": "bfloat16",
            "transformers_version": "4.36.0.dev0",
            "vision_config": vision | {"model_type": "clip_vision_model", "vocab_size": 32000},
            "vision_feature_layer": -2,
            "vision_feature_select_strategy": "default",
            "vocab_size": text["vocab_size"],
        },
    )
    tensors = {hub(name): value for name, value in weights.items()}
    tensors["vision_tower.vision_model.embeddings.position_ids"] = positions
    write(HERE / "names_hub" / "model.safetensors", tensors, {"format": "pt"})

    # module paths, the tower still one level deeper than today
    (HERE / "names_module").mkdir()
    shutil.copy(source / "config.json", HERE / "names_module")
    tensors = {
        name.replace("vision_tower.", "vision_tower.vision_model."): value for name, value in weights.items()
    }
    write(HERE / "names_module" / "model.safetensors", tensors, {"format": "pt"})

    tensors = {llava_name(name): value for name, value in weights.items()}
    tensors["model.vision_tower.vision_tower.vision_model.embeddings.position_ids"] = positions
    for layer in range(text["num_hidden_layers"]):
        tensors[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = inverse.clone()
    llava_folder(HERE / "names_llava", tensors, text, vision, "llava", "mlp2x_gelu", "bfloat16")

    model.save_pretrained(HERE / "sharded", max_shard_size="16KB")
    readable(HERE / "sharded")

    for folder in ("names_hub", "names_module", "sharded"):  # transformers reads them as the same model
        for name, value in HfLlava(HERE / folder).parameters():
            assert torch.equal(value, weights[name].float()), (folder, name)
    print("names_hub, names_module, names_llava, sharded: the tensors of bf16 again")


if __name__ == "__main__":
    make_linear()
    make_names()
