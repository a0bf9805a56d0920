# SPDX-License-Identifier: Apache-2.0
"""The loops that candor is raced against on a device: the same pairs, the same weights, the same DPO step."""

import contextlib

import torch
from safetensors.torch import save_file
from torch_batches import Packed, Padded, Pairs, Shared, dpo
from torch_llava import Decoder, Llava, plain
from torch_optimizer import MasterAdamW

BETA, RATE, MAX_NORM = 0.1, 5e-7, 1.0


class Loop:
    """What the loops share. Subclasses give `model`, `make_batch`, `log_probs_of` and `loss_of`."""

    def __init__(self, work, device):
        self.device = device
        self.weights = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = MasterAdamW(self.weights, RATE, MAX_NORM)
        self.work(work)

    def work(self, path):
        self.pairs = Pairs(path, self.device)
        self.batch(0)

    def batch(self, size):
        """At most so many pairs in a pass; 0: all."""
        size = size or len(self.pairs)
        starts = range(0, len(self.pairs), size)
        self.batches = [self.make_batch(range(i, min(i + size, len(self.pairs)))) for i in starts]

    @torch.no_grad()
    def log_probs(self):
        """[of each pair: chosen, rejected]"""
        return [run.tolist() for batch in self.batches for run in self.log_probs_of(batch)]

    def backward(self):
        whole = 0.0
        for batch in self.batches:
            loss = self.loss_of(batch) * (len(batch.of) / len(self.pairs))
            loss.backward()
            whole = whole + loss.detach()
        return whole

    def step(self):
        loss = self.backward()
        self.optimizer.step()
        return loss.item()

    def gradients(self, path):
        log_probs, loss = self.log_probs(), self.backward().item()
        save_file(self.gradient_tensors(), path)
        self.drop_gradients()
        return {"loss": loss, "log_probs": log_probs}

    def drop_gradients(self):
        for p in self.weights:
            p.grad = None


class Tuned(Loop):
    """The reference comes from the table, the head reads scored rows only, no padding, no recompute. Weights,
    activations and gradients of bfloat16 with fp32 masters, or fp32 in all."""

    layout = Packed

    def __init__(self, model, work, type_, device, adapter, compile_):
        self.model = Llava(model, type_, device, adapter)
        if compile_:
            self.model.before, self.model.behind = (torch.compile(f, dynamic=True) for f in (Decoder.before, Decoder.behind))
        super().__init__(work, device)

    def make_batch(self, of):
        side = self.pairs.pixels.shape[-1] // self.model.patch
        return self.layout(self.pairs, side * side, of)

    def log_probs_of(self, batch):
        return self.model(batch).split(batch.answers)

    def loss_of(self, batch):
        return batch.loss(self.model(batch), BETA)

    def gradient_tensors(self):
        return self.model.gradients()


class SharedStem(Tuned):
    """The same with image and question of a pair computed once."""

    layout = Shared


class Trl(Loop):
    """As TRL's DPOTrainer with transformers' model: chosen and rejected concatenated and padded, the reference computed
    in every step, all logits, blocks recomputed (gradient checkpointing). All weights: fp32 under bfloat16 autocast, the
    reference in bfloat16. An adapter: on bfloat16 weights, the reference is the model without it."""

    def __init__(self, model, work, type_, device, adapter, compile_):
        del compile_  # TRL does not
        from transformers import LlavaForConditionalGeneration

        read = lambda type_: LlavaForConditionalGeneration.from_pretrained(model, dtype=type_).to(device)  # noqa: E731
        self.autocast = lambda: torch.autocast(torch.device(device).type, torch.bfloat16, enabled=type_ == torch.bfloat16)
        if adapter:
            from peft import PeftModel

            self.model = PeftModel.from_pretrained(read(type_), adapter, is_trainable=True)
            self.reference, self.without_adapter = self.model, self.model.disable_adapter
        else:
            self.model = read(torch.float32)
            for name, p in self.model.named_parameters():
                p.requires_grad_("vision_tower" not in name)
            self.reference, self.without_adapter = read(type_).requires_grad_(False), contextlib.nullcontext
        config = self.model.config
        self.mark, self.image_tokens = config.image_token_id, config.image_seq_length
        self.model.gradient_checkpointing_enable({"use_reentrant": False})
        self.model.train()
        super().__init__(work, device)

    def make_batch(self, of):
        return Padded(self.pairs, self.image_tokens, self.mark, of)

    def per_token(self, model, batch):
        """Log-probs of all tokens but the first, (2 N, L - 1)."""
        with self.autocast():
            logits = model(**batch.inputs, use_cache=False).logits[:, :-1]
            ids = batch.inputs["input_ids"][:, 1:, None]
            rows = zip(logits, ids, strict=True)  # one sequence at a time, as TRL does to save memory
            return torch.stack([row.float().log_softmax(-1).gather(-1, i)[:, 0] for row, i in rows])

    def log_probs_of(self, batch):
        runs = [row[mask] for row, mask in zip(self.per_token(self.model, batch), batch.scored, strict=True)]
        return [runs[at + i] for i in range(len(batch.of)) for at in (0, len(batch.of))]

    def loss_of(self, batch):
        sums = lambda model: (self.per_token(model, batch) * batch.scored).sum(1).view(2, -1).T  # noqa: E731
        with torch.no_grad(), self.without_adapter():
            reference = sums(self.reference)
        return dpo(sums(self.model), reference, BETA)

    def gradient_tensors(self):
        named = self.model.named_parameters()
        return {plain(name): p.grad.float().contiguous() for name, p in named if p.grad is not None}


LOOPS = {"trl": Trl, "tuned": Tuned, "shared": SharedStem}
