# SPDX-License-Identifier: Apache-2.0
"""Writes pairs.json: judged answers, and the pairs that RLAIF-V's own scripts make of them.

    python make_pairs.py RLAIF-V      a checkout of https://github.com/RLHF-V/RLAIF-V (commit 83d917b2)

Needs numpy, pandas and jsonlines. The draw of at most two pairs is unseeded there and not part of the golden file.
"""

import contextlib
import io
import json
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(sys.argv[1]) / "utils"))
from get_pairs_filter_shorten import cal_pair_search_difflen  # noqa: E402
from get_preference_pairs import get_pair_data  # noqa: E402

SEED = 5
WORDS = "a the red dog cat sits on runs near big small tree house and with two".split()


def probabilities(dice):
    raw = {k: dice.choice([0.0, 0.1, 0.2, 0.3, 0.4]) * dice.random() for k in ("yes", "Yes", "no", "No")}
    if dice.random() < 0.1:
        raw = {"yes": 0.25, "Yes": 0.0, "no": 0.0, "No": 0.25}  # a tie confirms nothing
    return {k: round(v, 6) for k, v in raw.items()}


def main():
    dice = random.Random(SEED)
    groups, divided, checked = [], [], []
    for g in range(12):
        identity = f"q{g // 2}" if g < 6 else f"q{g}"  # some share an id and differ in their question
        group = {"id": identity, "question": f"Describe {g}.", "answers": []}
        for a in range(6):
            number = 6 * g + a
            claims = [f"Is there a {dice.choice(WORDS)}?" for _ in range(dice.choice([0, 1, 2, 3, 4, 5]))]
            answer = " ".join(dice.choices(WORDS, k=dice.randint(4, 24)))
            scores = [probabilities(dice) for _ in claims]
            group["answers"].append({"answer": answer, "questions": claims, "scores": scores})
            common = {"question_id": number, "ds_question_id": identity, "raw_question": group["question"]}
            divided.append(common | {"answer": answer, "facts": claims, "changed_facts": claims, "metainfos": {"image_path": f"{g}.jpg"}})
            for claim, score in zip(claims, scores):
                checked.append({"question_id": number, "ds_question_id": identity, "raw_question": claim, "scores": score,
                                "metainfos": {"metainfos": {"origin_question": group["question"]}}})
        groups.append(group)

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        for name, rows in (("checked", checked), ("divided", divided)):
            (Path(folder) / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
        pairs = get_pair_data(f"{folder}/checked.jsonl", f"{folder}/divided.jsonl", f"{folder}/pairs.jsonl")
        kept, ratio, _, _ = cal_pair_search_difflen(pairs)

    def named(pair):
        g = int(pair["image_id"].split(".")[0])
        places = {a["answer"]: i for i, a in enumerate(groups[g]["answers"])}
        return [g, places[pair["chosen"]], places[pair["rejected"]]]

    golden = {"from": "RLAIF-V 83d917b2", "seed": SEED, "groups": groups, "pairs": [named(p) for p in pairs],
              "balanced": [named(p) for p in kept], "ratio": float(ratio)}
    Path(__file__).with_name("pairs.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
