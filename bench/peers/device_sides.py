# SPDX-License-Identifier: Apache-2.0
"""Who takes part in the race on a device, one at a time: the device's memory belongs to one side only."""

import contextlib
import json
import sys
from pathlib import Path

from process import Ended, Process

HERE = Path(__file__).resolve().parent
LOOPS = ("trl", "tuned", "shared")
SIDES = ("candor", *LOOPS)
WORKLOADS = ("150", "40-300")  # tokens of an answer
PARTS = ("model", "thin", "whole")  # of the worlds, each some minutes of work for a large model
QUIET = {"PYTHONWARNINGS": "ignore::FutureWarning", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_OFFLINE": "1"}


class DoesNotFit(Exception):
    """The model with its optimizer is too large for the device."""


class Sides:
    """PyTorch's process stays, so that what it compiled is kept; candor's is started each time."""

    def __init__(self, candor, folder, device, threads, eager):
        self.candor, self.folder, self.device, self.threads = candor, folder, device, str(threads)
        arguments = [device, self.threads, *(["--eager"] if eager else [])]
        self.torch = Process([sys.executable, str(HERE / "torch_device.py"), *arguments], QUIET | {"OMP_NUM_THREADS": self.threads})
        self.programs = {"PyTorch": self.torch.greeting}

    def make(self, part, **what):
        """device_world.make, in PyTorch's process, which has imported what it needs."""
        what |= {"part": part, "folder": str(self.folder), "device": self.device}
        return self.torch.ask("make " + json.dumps(what))["made"]

    @contextlib.contextmanager
    def open(self, side, world, workload, mode, type_):
        """A process that has loaded the model of a world (`whole` or `thin`) and a workload; `mode` is full or lora."""
        model, work = self.folder / world / "model", self.folder / world / f"{workload}.safetensors"
        adapter = str(self.folder / world / "adapter") if mode == "lora" else ""
        if side == "candor":
            command = [self.candor, model, work, type_, self.threads, "shared", self.device, adapter]
            try:
                process = Process([str(x) for x in command if x != ""])
            except Ended as ended:
                if ended.status != 6:  # candor's for memory that ran out
                    raise
                raise DoesNotFit from ended
            self.programs["candor"] = process.greeting
            try:
                yield process
            finally:
                process.close()
        else:
            what = {"loop": side, "model": str(model), "work": str(work), "type": type_, "adapter": adapter}
            if "out of memory" in self.torch.ask("load " + json.dumps(what)):
                raise DoesNotFit
            yield self.torch
            self.torch.ask("unload")

    def close(self):
        self.torch.close()
