# SPDX-License-Identifier: Apache-2.0
"""The model and the pairs that both sides of the comparison read.

    python world.py FOLDER

writes FOLDER/model (a LLaVA of about 50 M parameters with random weights, as transformers saves it) and
FOLDER/<workload>.safetensors for each workload: pixel values, token ids, the log-probs that transformers' own model
gives the answers in fp32 (`policy.*`), and the reference's (`reference.*`: those with noise, so that the pairs differ).
FOLDER/texts.safetensors has an image with questions for run_text.py.
Everything that is random has a fixed seed.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration  # noqa: E402

IMAGE_TOKENS, QUESTION, VOCABULARY, MARK = 576, 60, 32064, 32000
QUESTIONS = 40

# name: answers' lengths (chosen, rejected) of the pairs of one step
WORKLOADS = {
    "even": [(150, 150), (150, 150)],
    "uneven": [(40, 300), (210, 97)],
}


def config():
    """bench/train/step_bench.cpp's model."""
    return LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=384,
            intermediate_size=1536,
            num_hidden_layers=6,
            num_attention_heads=6,
            image_size=336,
            patch_size=14,
            projection_dim=384,
        ),
        text_config=LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=512,
            intermediate_size=1408,
            num_hidden_layers=8,
            num_attention_heads=8,
            num_key_value_heads=8,
            head_dim=64,
            rms_norm_eps=1e-6,
            max_position_embeddings=4096,
            tie_word_embeddings=True,
        ),
        image_token_index=MARK,
        image_seq_length=IMAGE_TOKENS,
        tie_word_embeddings=True,
    )


def randomize(model):
    """Activations of order one, no bias or norm that is trivial; the table is small, since it is the head as well."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator)
            if name.endswith("bias"):
                p.copy_(0.1 * noise)
            elif "norm" in name or "layrnorm" in name:
                p.copy_(1 + 0.1 * noise)
            elif "embed_tokens" in name:
                p.copy_(0.05 * noise)
            elif "embedding" in name:
                p.copy_(0.5 * noise / (p[0].numel() ** 0.5 if "patch" in name else 1))
            else:
                p.copy_(noise / p[0].numel() ** 0.5)


@torch.no_grad()
def log_probs(model, pixels, question, answer):
    """transformers' log-probs of an answer's tokens, nats, (len(answer),)."""
    image = torch.full((model.config.image_seq_length,), model.config.image_token_id, device=question.device)
    ids = torch.cat([image, question, answer])[None]
    logits = model(input_ids=ids, pixel_values=pixels).logits[0, -len(answer) - 1 : -1]
    return logits.float().log_softmax(-1).gather(1, answer[:, None].long())[:, 0].contiguous()


def pairs(model, lengths, seed):
    generator = torch.Generator().manual_seed(seed)
    entries = {"pixel_values": torch.randn(len(lengths), 3, 336, 336, generator=generator)}
    for i, both in enumerate(lengths):
        pixels = entries["pixel_values"][i : i + 1]
        question = torch.randint(3, MARK, (QUESTION,), generator=generator)
        entries[f"question.{i}"] = question.int()
        for name, length in zip(("chosen", "rejected"), both, strict=True):
            answer = torch.randint(3, MARK, (length,), generator=generator)
            policy = log_probs(model, pixels, question, answer)
            entries[f"{name}.{i}"] = answer.int()
            entries[f"policy.{name}.{i}"] = policy
            entries[f"reference.{name}.{i}"] = policy + 0.3 * torch.randn(length, generator=generator)
    return entries


def texts(seed):
    """One image with a question to be answered, and QUESTIONS others of 8 to 24 tokens to be answered by yes or no."""
    generator = torch.Generator().manual_seed(seed)
    entries = {"pixel_values": torch.randn(1, 3, 336, 336, generator=generator)}
    entries["question"] = torch.randint(3, MARK, (QUESTION,), generator=generator).int()
    for i in range(QUESTIONS):
        length = int(torch.randint(8, 25, (1,), generator=generator))
        entries[f"question.{i}"] = torch.randint(3, MARK, (length,), generator=generator).int()
    entries["questions"] = torch.tensor([QUESTIONS], dtype=torch.int32)
    entries["yes"] = torch.tensor([4874, 3869], dtype=torch.int32)  # LLaMA's
    entries["no"] = torch.tensor([694, 1939], dtype=torch.int32)
    return entries


def make(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    model = LlavaForConditionalGeneration(config()).eval()
    model.tie_weights()
    randomize(model)
    model.save_pretrained(folder / "model")
    for seed, (name, lengths) in enumerate(WORKLOADS.items()):
        save_file(pairs(model, lengths, seed), folder / f"{name}.safetensors")
    save_file(texts(len(WORKLOADS)), folder / "texts.safetensors")


if __name__ == "__main__":
    make(sys.argv[1])
