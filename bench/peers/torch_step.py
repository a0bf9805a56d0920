# SPDX-License-Identifier: Apache-2.0
"""The PyTorch side of the comparison: a process that is told what to do line by line, as candor_step.cpp is.

    python torch_step.py MODEL WORKLOAD.safetensors f32|bf16|autocast THREADS

    gradients FILE   loss, log-probs of the scored tokens, and gradients into a safetensors file, no step
    steps N          N training steps: their losses and seconds
    memory           MiB resident: now, and the most since the last `memory`
"""

import json
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch_batches import Packed, Pairs
from torch_llava import Llava

BETA, RATE, MAX_NORM, IMAGE_TOKENS = 0.1, 5e-7, 1.0, 576


class Trainer:
    """AdamW, the gradient's norm held at 1. `bf16`: weights, activations and gradients in bfloat16, masters in
    fp32; `autocast`: fp32 weights, products in bfloat16."""

    def __init__(self, model_folder, workload, mode):
        self.mode = mode
        self.model, self.batch = Llava(model_folder), Packed(Pairs(workload), IMAGE_TOKENS)
        if mode == "bf16":
            self.model.bfloat16()
        self.weights = [p for p in self.model.parameters() if p.requires_grad]
        self.masters = [p.detach().float() for p in self.weights] if mode == "bf16" else self.weights
        self.optimizer = torch.optim.AdamW(self.masters, lr=RATE, weight_decay=0.0, fused=True)

    def backward(self):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.mode == "autocast"):
            log_probs = self.model(self.batch)
        loss = self.batch.loss(log_probs, BETA)
        loss.backward()
        return loss.item(), log_probs.detach()

    def step(self):
        loss, _ = self.backward()
        if self.mode == "bf16":
            for master, weight in zip(self.masters, self.weights, strict=True):
                master.grad, weight.grad = weight.grad.float(), None
        torch.nn.utils.clip_grad_norm_(self.masters, MAX_NORM, foreach=True)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.mode == "bf16":
            with torch.no_grad():
                torch._foreach_copy_(self.weights, self.masters)
        return loss

    def gradients(self, path):
        loss, log_probs = self.backward()
        save_file(self.model.gradients(), path)
        self.model.zero_grad(set_to_none=True)
        return {"loss": loss, "log_probs": [x.tolist() for x in log_probs.split(self.batch.answers)]}

    def steps(self, count):
        losses, seconds = [], []
        for _ in range(count):
            begin = time.perf_counter()
            losses.append(self.step())
            seconds.append(time.perf_counter() - begin)
        return {"losses": losses, "seconds": seconds}


def memory():
    """MiB resident now and at most since the last call, or since the start."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    found = {name: int(status[key].split()[0]) / 1024 for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))}
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    return found


def main():
    model_folder, workload, mode, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    trainer = Trainer(model_folder, workload, mode)
    say = lambda answer: print(json.dumps(answer), flush=True)  # noqa: E731
    say({"program": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()})
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "gradients":
            say(trainer.gradients(rest[0]))
        elif command == "steps":
            say(trainer.steps(int(rest[0])))
        elif command == "memory":
            say(memory())
        else:
            sys.exit(f"unknown command {command}")


if __name__ == "__main__":
    main()
