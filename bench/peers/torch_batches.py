# SPDX-License-Identifier: Apache-2.0
"""The pairs of a step as the loops' models take them."""

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch_attention import Runs, Stems

NAMES = ("chosen", "rejected")


class Pairs:
    """What a file of pairs holds, on a device."""

    def __init__(self, path, device="cpu"):
        t = {name: value.to(device) for name, value in load_file(path).items()}
        self.pixels, self.device = t["pixel_values"], device
        self.questions = [t[f"question.{i}"] for i in range(len(self.pixels))]
        self.answers = [[t[f"{name}.{i}"] for name in NAMES] for i in range(len(self.pixels))]
        sums = [t[f"reference.{name}.{i}"].double().sum() for i in range(len(self.pixels)) for name in NAMES]
        self.reference = torch.stack(sums).view(-1, 2)  # nats

    def __len__(self):
        return len(self.pixels)


class Batch:
    """Tokens of some pairs one behind the other, without padding. Subclasses lay them out."""

    def __init__(self, pairs, image_tokens, of=None):
        self.of = range(len(pairs)) if of is None else of
        self.pixels, self.reference = pairs.pixels[self.of.start : self.of.stop], pairs.reference[self.of.start : self.of.stop]
        self.image_tokens, self.device = image_tokens, pairs.device
        self.images = []  # before each run of words: that of a pair, or None
        self.answers, words, positions, scored, targets = [], [], [], [], []
        self.first = 0  # row of the next token
        for i, pair in enumerate(self.of):
            for run, image, places, rows, answer in self.lay_out(i, pairs.questions[pair], pairs.answers[pair]):
                words.append(run)
                self.images.append(image)
                positions.append(places)
                self.first += len(places)
                if answer is not None:
                    scored.append(rows)
                    targets.append(answer.long())
                    self.answers.append(len(answer))
        self.word_lengths = [len(run) for run in words]
        self.words, self.positions = torch.cat(words).long(), torch.cat(positions)
        self.scored, self.targets = torch.cat(scored), torch.cat(targets)

    def range(self, begin, end):
        return torch.arange(begin, end, device=self.device)

    def loss(self, log_probs, beta):
        """DPO (Rafailov et al., 2023), the mean over the pairs."""
        return dpo(torch.stack([run.sum() for run in log_probs.split(self.answers)]).view(-1, 2), self.reference, beta)


def dpo(sums, reference, beta):  # (pairs, 2) each
    ratio = sums - reference.to(sums.dtype)
    return -F.logsigmoid(beta * (ratio[:, 0] - ratio[:, 1])).mean()


class Packed(Batch):
    """Chosen and rejected of each pair, a sequence each."""

    def __init__(self, pairs, image_tokens, of=None):
        self.lengths = []
        super().__init__(pairs, image_tokens, of)
        self.attend = Runs(self.lengths, pairs.device)

    def lay_out(self, i, question, answers):
        for answer in answers:
            length = self.image_tokens + len(question) + len(answer)
            self.lengths.append(length)
            end = self.first + length - 1
            yield torch.cat((question, answer)), i, self.range(0, length), self.range(end - len(answer), end), answer


class Shared(Batch):
    """Image and question of each pair once, the answers behind them."""

    def __init__(self, pairs, image_tokens, of=None):
        self.stems, self.branches = [], []  # of each run: its pair, its number in the pair
        super().__init__(pairs, image_tokens, of)
        runs = [n if image is None else n + image_tokens for n, image in zip(self.word_lengths, self.images, strict=True)]
        of_tokens = lambda numbers: torch.tensor(numbers, device=self.device).repeat_interleave(  # noqa: E731
            torch.tensor(runs, device=self.device)
        )
        self.attend = Stems(of_tokens(self.stems), of_tokens(self.branches))

    def lay_out(self, i, question, answers):
        stem = self.image_tokens + len(question)
        self.stems += [i] * 3
        self.branches += [0, 1, 2]
        yield question, i, self.range(0, stem), None, None
        last = self.range(self.first - 1, self.first)  # it predicts the first token of every branch
        for answer in answers:
            rows = torch.cat((last, self.range(self.first, self.first + len(answer) - 1)))
            yield answer, None, self.range(stem, stem + len(answer)), rows, answer


class Padded:
    """As TRL's collator: all chosen, then all rejected, padded to the longest; every image twice."""

    def __init__(self, pairs, image_tokens, mark, of):
        self.of, rows = of, [(i, a) for a in range(2) for i in of]
        image = torch.full((image_tokens,), mark, device=pairs.device)
        ids = [torch.cat((image, pairs.questions[i], pairs.answers[i][a])).long() for i, a in rows]
        pad = lambda x: torch.nn.utils.rnn.pad_sequence(x, batch_first=True)  # noqa: E731
        pixels = pairs.pixels[of.start : of.stop]
        self.inputs = {
            "input_ids": pad(ids),  # (2 N, L)
            "attention_mask": pad([torch.ones_like(x) for x in ids]),
            "pixel_values": torch.cat((pixels, pixels)),
        }
        scored = []
        for x, (i, a) in zip(ids, rows, strict=True):
            mask = torch.zeros_like(x, dtype=torch.bool)
            mask[-len(pairs.answers[i][a]) :] = True
            scored.append(mask)
        self.scored = pad(scored)[:, 1:]  # (2 N, L - 1): of the tokens that are predicted
