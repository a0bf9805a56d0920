# SPDX-License-Identifier: Apache-2.0
"""POPE's own scorer on answers made from InstructBLIP's captions (neither is shipped).

    python make_pope.py POPE/evaluate.py shared/data/pope > pope.json

The first argument is the scorer of the POPE repository, which is run as it is. tests/eval/pope_test.cpp makes the
same answers.
"""
import contextlib, io, json, re, sys, tempfile, pathlib

FORMS = ["Yes, {0}", "No, {0}", "yes", "no", "Yes", "No.", "{0}", "Not that I can see. {0}", "It is, yes. {0}, no less.",
         "no, only {0}", "{0}, and not that", " No", "nothing of that kind, {0}", "NO", "", "It shows {0}. No."]


def hash_of(text):
    value = 14695981039346656037  # FNV-1a
    for byte in text.encode():
        value = (value ^ byte) * 1099511628211 % 2**64
    return value


def answer(question, captions):
    """Mostly right for two questions of three, with a caption of some picture behind it; else one of the forms."""
    pick = hash_of(question["image"] + question["text"])
    caption = captions[pick % len(captions)]
    if pick // 7 % 3:
        return ("Yes, " if question["label"] == "yes" or pick // 11 % 3 == 0 else "No, ") + caption
    return FORMS[pick // 13 % len(FORMS)].format(caption)


def figures(scorer, questions, captions):
    with tempfile.TemporaryDirectory() as folder:
        answers = pathlib.Path(folder) / "answers.jsonl"
        lines = [json.loads(line) for line in open(questions)]
        answers.write_text("".join(json.dumps({"answer": answer(q, captions)}) + "\n" for q in lines))
        source = open(scorer).read()
        source = source.replace("ans_file = ''", f"ans_file = {str(answers)!r}")
        source = source.replace("label_file = ''", f"label_file = {str(questions)!r}")
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(source, scorer, "exec"), {})
    counts = [int(n) for n in re.search(r"TP.*\n(.*)", out.getvalue()).group(1).split("\t")]
    named = {k: float(re.search(rf"{k}: (.*)", out.getvalue()).group(1)) for k in
             ["Accuracy", "Precision", "Recall", "F1 score", "Yes ratio"]}
    return {"n": len(lines), "TP, FP, TN, FN": counts, **named}


if __name__ == "__main__":
    scorer, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    captions = [json.loads(line)["text"] for line in open(folder / "captions_instructblip.json")]
    print(json.dumps({s: figures(scorer, folder / f"coco_pope_{s}.json", captions) for s in ["random", "popular"]},
                     indent=1))
