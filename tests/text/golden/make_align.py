#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes align.json: 500 random pairs of id sequences with the matching blocks of Python's difflib (with and without
autojunk) and the changed spans of RLHF-V's rule (blocks of at least 3 ids; both sides not empty).

Sequences are stored as strings: id k is chr(35 + k), with the backslash's code skipped, so that the file stays small."""
import difflib, json, pathlib, random, sys

SEED = 20240607
rng = random.Random(SEED)


def encode(ids):
    return "".join(chr(35 + k if 35 + k < 92 else 36 + k) for k in ids)


def edit(ids, words, n):
    out = list(ids)
    for _ in range(n):
        kind, at = rng.randrange(4), rng.randrange(len(out) + 1)
        run = [rng.randrange(words) for _ in range(rng.randint(1, 6))]
        if kind == 0:
            out[at:at] = run
        elif kind == 1:
            del out[at:at + len(run)]
        elif kind == 2:
            out[at:at + len(run)] = run
        else:
            to = rng.randrange(len(out) + 1)
            moved = out[at:at + 8]
            del out[at:at + 8]
            out[to:to] = moved
    return out


def changed(blocks):
    spans, a0, b0 = [], 0, 0
    for a, b, n in blocks:
        if n and n < 3:
            continue
        if a > a0 and b > b0:
            spans.append([a0, a, b0, b])
        a0, b0 = a + n, b + n
    return spans


def flat(rows):
    return [x for row in rows for x in row]


pairs = []
for case in range(500):
    long = case % 5 == 0
    n = rng.randint(200, 260) if long else rng.choice([0, 1, 2, rng.randint(3, 40), rng.randint(3, 70)])
    words = rng.choice([2, 5, 30, 85])
    skewed = rng.random() < 0.5  # a few frequent ids, as commas and "the" are
    a = [min(int(rng.expovariate(0.3)), words - 1) if skewed else rng.randrange(words) for _ in range(n)]
    b = [rng.randrange(words) for _ in range(rng.randint(0, 50))] if case % 17 == 3 else edit(a, words, rng.randint(0, 6))
    m = difflib.SequenceMatcher(None, a, b)
    blocks = [list(x) for x in m.get_matching_blocks()]
    plain = [list(x) for x in difflib.SequenceMatcher(None, a, b, False).get_matching_blocks()]
    row = {"a": encode(a), "b": encode(b), "m": flat(blocks), "c": flat(changed(blocks))}
    if plain != blocks:
        row["p"] = flat(plain)
    pairs.append(row)

out = pathlib.Path(__file__).with_name("align.json")
out.write_text(json.dumps({"made_by": "make_align.py", "python": sys.version.split()[0], "seed": SEED, "pairs": pairs},
                          separators=(",", ":")) + "\n")
print(out.stat().st_size, "bytes;", sum("p" in p for p in pairs), "pairs in which autojunk matters;",
      sum(len(p["b"]) >= 200 for p in pairs), "long ones")
