# SPDX-License-Identifier: Apache-2.0
"""The PyTorch sides of the comparison on a device: a process that is told what to do line by line, as candor_step.cpp is.

    python torch_device.py cuda|cuda:N|cpu THREADS [--eager]     --eager: nothing by torch.compile but FlexAttention

    make JSON        a part of the worlds of device_world.py: its arguments
    load JSON        {"loop": of torch_loops.py, "model": FOLDER, "work": FILE, "type": "f32" or "bf16", "adapter": FOLDER or ""}
    unload           what was loaded
    log_probs        of the scored tokens, nats
    gradients FILE   loss, log-probs, and gradients into a safetensors file, no step
    steps N          N training steps: their losses and seconds
    work FILE        other pairs from now on
    batch N          at most N pairs in a pass from now on; 0: all
    memory           MiB: now, and the most since the last `memory` or `load`; of the allocator, on the CPU resident

Where memory ends, the answer is {"out of memory": why} and the process goes on.
"""

import gc
import json
import os
import sys
import time

os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")

import torch  # noqa: E402
from torch_attention import varlen  # noqa: E402
from torch_loops import LOOPS  # noqa: E402
from torch_step import memory as resident_memory  # noqa: E402

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


class Server:
    def __init__(self, device, threads, eager):
        self.device, self.loop = device, None
        self.on_device = torch.device(device).type == "cuda"
        self.compile = self.on_device and not eager
        if self.on_device:
            torch.backends.cudnn.allow_tf32 = False  # fp32 is what others are held to
            torch._dynamo.config.recompile_limit = 64  # FlexAttention is compiled for some sizes
        else:
            torch.set_num_threads(threads)

    def greeting(self):
        out = {"program": f"PyTorch {torch.__version__}", "compiled": self.compile}
        if self.on_device:
            out["device"] = torch.cuda.get_device_name(self.device)
            out["attention"] = "varlen_attn" if varlen() else "scaled_dot_product_attention, one sequence at a time"
        return out

    def answer(self, command, rest):
        try:
            return getattr(self, command)(*rest)
        except torch.OutOfMemoryError as full:
            why = str(full)
        if self.loop:  # behind the handler: the exception holds what its frames hold
            self.loop.drop_gradients()
        self.clear()
        return {"out of memory": why.split("\n")[0]}

    def clear(self):
        gc.collect()
        if self.on_device:
            torch.cuda.empty_cache()

    def make(self, what):
        from device_world import make

        made = make(**json.loads(what))
        self.clear()
        return {"made": made}

    def load(self, what):
        self.unload()
        if self.on_device:
            torch.cuda.reset_peak_memory_stats(self.device)
        w = json.loads(what)
        type_ = TYPES[w["type"]]
        self.loop = LOOPS[w["loop"]](
            w["model"], w["work"], type_, self.device, w["adapter"], self.compile and type_ == torch.bfloat16
        )
        return {}

    def unload(self):
        self.loop = None
        self.clear()
        return {}

    def work(self, path):
        self.loop.work(path)
        return {}

    def batch(self, size):
        self.loop.batch(int(size))
        return {}

    def log_probs(self):
        return {"log_probs": self.loop.log_probs()}

    def gradients(self, path):
        return self.loop.gradients(path)

    def steps(self, count):
        losses, seconds = [], []
        for _ in range(int(count)):
            begin = time.perf_counter()
            losses.append(self.loop.step())
            if self.on_device:
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - begin)
        return {"losses": losses, "seconds": seconds}

    def memory(self):
        if not self.on_device:
            return resident_memory()
        now, peak = torch.cuda.memory_allocated(self.device), torch.cuda.max_memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        return {"now": now / (1 << 20), "peak": peak / (1 << 20)}


def main():
    server = Server(sys.argv[1], int(sys.argv[2]), "--eager" in sys.argv[3:])
    say = lambda answer: print(json.dumps(answer), flush=True)  # noqa: E731
    say(server.greeting())
    for line in sys.stdin:
        command, *rest = line.split(maxsplit=1)
        say(server.answer(command, [x.strip() for x in rest]))


if __name__ == "__main__":
    main()
