# SPDX-License-Identifier: Apache-2.0
"""AMBER by its own inference.py, on answers that are chosen by rule (its data are not shipped).

    python make_amber.py AMBER_REPOSITORY NLTK_DATA shared/data > amber.json

Descriptions are made of captions and of words from the annotations; NLTK_DATA has the golden tagger of make_text.py and the parameters of make_punkt.py in
the place of nltk's. spaCy is a stand-in with the vectors that are written to amber_vectors.txt: one for every sixth
word of AMBER's, in nine directions. tests/eval/amber_test.cpp makes the same answers.
"""
import contextlib, io, json, math, pathlib, random, re, sys, tempfile, types

import nltk
import numpy

here = pathlib.Path(__file__).parent


def hash_of(text):
    value = 14695981039346656037  # FNV-1a
    for byte in text.encode():
        value = (value ^ byte) * 1099511628211 % 2**64
    return value


def answers(annotations, captions):
    for item in annotations:
        pick = hash_of(f"amber {item['id']}")
        if item["type"] == "generative":
            words = item["truth"] + item["hallu"]
            said = [words[(pick >> 8 * i) % len(words)] for i in range(3)]
            caption = captions[pick % len(captions)]
            yield {"id": item["id"], "response": f"{caption}. There is a {said[0]}, a {said[1]} and some {said[2]}s near people."}
        else:
            right = "Yes" if item["truth"] == "yes" else "No"
            other = ["Yes", "No", "Yes", "No", "No.", "yes", ""][pick // 7 % 7]
            yield {"id": item["id"], "response": right if pick % 7 < 4 else other}


def vectors(relation):
    random.seed(3)
    words = sorted(set(relation) | {w for ws in relation.values() for w in ws})
    centres = [[random.gauss(0, 1) for _ in range(6)] for _ in range(9)]
    lines = []
    for word in words:
        pick = hash_of("vector " + word)
        if pick % 6: continue
        centre = centres[pick // 6 % 9]
        lines.append(" ".join([word] + [f"{c + random.gauss(0, .4):.3f}" for c in centre]) + "\n")
    (here / "amber_vectors.txt").write_text("".join(lines))
    return {line.split()[0]: numpy.array(line.split()[1:], dtype="float32") for line in lines}


class Word:
    """A text of one word as spaCy compares it."""
    def __init__(self, text, table): self.text, self.vector = text, table.get(text)
    def similarity(self, other):
        if self.text == other.text: return 1.0
        if self.vector is None or other.vector is None: return 0.0
        return numpy.dot(self.vector, other.vector) / (numpy.linalg.norm(self.vector) * numpy.linalg.norm(other.vector))


def run(source, folder, inference):
    table = {"": None}
    out = {}
    for with_vectors in [True, False]:
        table = vectors(json.load(open(folder / "relation.json"))) if with_vectors else {}
        sys.modules["spacy"] = types.ModuleType("spacy")
        sys.modules["spacy"].load = lambda _: lambda word: Word(word, table)
        sys.modules["tqdm"] = types.ModuleType("tqdm")
        sys.modules["tqdm"].tqdm = lambda x: x
        scope = {"__name__": "amber"}
        exec(compile(source, "inference.py", "exec"), scope)
        args = types.SimpleNamespace(word_association=folder / "relation.json", safe_words=folder / "safe_words.txt",
                                     inference_data=inference, annotation=folder / "annotations.json",
                                     metrics=folder / "metrics.txt", similarity_score=0.8, evaluation_type="a")
        scope["args"] = args
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            scope["main"](args)
        sections, name = {}, None
        for line in said.getvalue().splitlines():
            if m := re.fullmatch(r"(\w[\w ]*):\s+([\d.]+) *", line): sections[name].append(float(m.group(2)))
            elif line.strip(): name = line.strip().rstrip(":"); sections[name] = []
        out["vectors" if with_vectors else "plain"] = sections if with_vectors else {k: v for k, v in sections.items() if k == "Generative Task"}
    return out


if __name__ == "__main__":
    repository, nltk_data, data = sys.argv[1:]
    nltk.data.path = [nltk_data]
    folder = pathlib.Path(data) / "amber"
    captions = [json.loads(line)["text"] for line in open(pathlib.Path(data) / "pope/captions_instructblip.json")]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as inference:
        json.dump(list(answers(json.load(open(folder / "annotations.json")), captions)), inference)
        inference.flush()
        print(json.dumps(run((pathlib.Path(repository) / "inference.py").read_text(), folder, inference.name), indent=1))
