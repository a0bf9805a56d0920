# SPDX-License-Identifier: Apache-2.0
"""transformers' side of run_text.py, used as RLAIF-V's code uses it: each sample is an item of its own in the batch of
`generate`, and each question a forward pass of its own. A process that is told what to do line by line:

    torch_text.py MODEL TEXT.safetensors f32|bf16 THREADS

    greedy N     the N likeliest tokens in turn, and the gap between the two largest logits at each
    questions    P(yes) and P(no) of each question
    samples N L  seconds for N samples of L tokens
    ask          seconds for all questions
"""

import json
import sys
import time

import torch
from safetensors.torch import load_file
from transformers import LlavaForConditionalGeneration
from world import IMAGE_TOKENS, MARK


class Model:
    def __init__(self, folder, path, type_):
        dtype = torch.bfloat16 if type_ == "bf16" else torch.float32
        self.model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()
        self.model.generation_config.eos_token_id = None  # every text has the asked length
        self.t = load_file(path)
        self.pixels = self.t["pixel_values"].to(dtype)

    def prompt(self, question):
        return torch.cat([torch.full((IMAGE_TOKENS,), MARK), question.long()])[None]

    def generate(self, copies, count, **options):
        ids = self.prompt(self.t["question"]).repeat(copies, 1)
        return self.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=self.pixels.repeat(copies, 1, 1, 1),
            max_new_tokens=count,
            pad_token_id=0,
            return_dict_in_generate=True,
            **options,
        ), ids.shape[1]

    def greedy(self, count):
        out, length = self.generate(1, count, do_sample=False, output_logits=True)
        top = [x[0].float().topk(2).values for x in out.logits]
        return {"tokens": out.sequences[0, length:].tolist(), "gaps": [(t[0] - t[1]).item() for t in top]}

    def answers(self):
        out = []
        for i in range(int(self.t["questions"])):
            ids = self.prompt(self.t[f"question.{i}"])
            logits = self.model(input_ids=ids, pixel_values=self.pixels, logits_to_keep=1).logits[0, -1]
            p = logits.float().softmax(-1)
            out.append([p[self.t[name].long()].sum().item() for name in ("yes", "no")])
        return out

    def samples(self, copies, count):
        begin = time.perf_counter()
        out, length = self.generate(copies, count, do_sample=True, temperature=0.7, top_k=50)
        assert out.sequences.shape == (copies, length + count)
        return time.perf_counter() - begin

    def ask(self):
        begin = time.perf_counter()
        self.answers()
        return time.perf_counter() - begin


@torch.no_grad()
def main():
    folder, path, type_, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    model = Model(folder, path, type_)
    say = lambda answer: print(json.dumps(answer), flush=True)  # noqa: E731
    say({"program": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()})
    for line in sys.stdin:
        command, *rest = line.split()
        if command == "greedy":
            say(model.greedy(int(rest[0])))
        elif command == "questions":
            say({"answers": model.answers()})
        elif command == "samples":
            say({"seconds": model.samples(int(rest[0]), int(rest[1]))})
        elif command == "ask":
            say({"seconds": model.ask()})
        else:
            sys.exit(f"unknown command {command}")


if __name__ == "__main__":
    main()
