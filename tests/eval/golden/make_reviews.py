# SPDX-License-Identifier: Apache-2.0
"""MMHal-Bench's and RefoMB's ratings as RLAIF-V's own programs parse and add them up, and LLaVA-Bench's as LLaVA's do, on
reviews made by rule.

    python make_reviews.py RLAIF_V LLAVA > reviews.json

The arguments are the repositories' folders. The reviews are stored with the figures.
"""
import contextlib, io, json, pathlib, re, sys, tempfile, types

import numpy

FORMS = ["Fine.\nRating: {k}", "rating: {k}", "Rating: {k}, since it is right.", "**Rating: {k}**", "RATING: {k}\nRating: {k}",
         "Rating: {k}, or maybe Rating: {other}", "The rating is {k}", "Rating:{k}", "My rating: {k}/6"]
SCORES = ["{a} {b}\nGood.", "{a},{b}\nGood.", "{a}.5 {b}\nFine.", "{a}, {b}\nNot read there.", "{a} {b} \nNor this.", "{a}  {b}", "{a}",
          "Scores: {a} {b}", "{a} {b}\r\nGood.", "{a} x", "+{a} {b}.", "\n{a} {b}"]
VERDICTS = ["A is better. [[A]]", "[[B]]", "Equal: [[C]]", "not [[A]] but [[B]]", "[[B]] I say. [[B]]", "[A] or [[C]]", "[[D]] [[A]]"]

repository = pathlib.Path(sys.argv[1])
module = lambda name, **members: sys.modules.__setitem__(name, types.SimpleNamespace(**members))
module("jsonlines", Reader=None), module("gpt4", Chat=None, get_eval=None)

responses = []
for i in range(96):
    k = i * i * 7 % 11 % 7
    text = FORMS[i * 5 % 13 % len(FORMS)].format(k=k, other=(k + 1) % 7)
    responses.append({"choices": [{"message": {"role": "assistant", "content": text}}]})
scope = {"__name__": "mmhal"}
exec(compile((repository / "eval/summarize_gpt_mmhal_review.py").read_text(), "mmhal", "exec"), scope)
with tempfile.NamedTemporaryFile("w", suffix=".json") as file, contextlib.redirect_stdout(io.StringIO()) as said:
    json.dump(responses, file), file.flush()
    informativeness = scope["cal_informative"](file.name)
    scope["cal_mmhalscore"](file.name)
number = lambda what: [float(x) for x in re.search(rf"{what}: (.*)", said.getvalue()).group(1).split(",")]
mmhal = {"responses": responses, "score": number("Average score")[0], "rate": number("Hallucination rate")[0],
         "types": number("Average score for each question type"), "informativeness": informativeness}

source = (repository / "eval/eval_RefoMB_p0.py").read_text()
scope = {"__name__": "refomb", "re": re}
exec(compile(source[source.index("def post_process"):source.index("def read_jsonl_modelA")], "refomb", "exec"), scope)
reviews = [{"review": VERDICTS[i * i % 7], "type_name": "type " + "xyz"[i % 3]} for i in range(99)]
scores = [scope["post_process"](r["review"])[0] for r in reviews]

def llava_bench(folder):
    """Reviews with the scores that LLaVA's program reads, and its summary of those that it can read."""
    source = (folder / "llava/eval/eval_gpt_review_bench.py").read_text()
    scope = {"__name__": "bench"}
    exec(compile(source[source.index("def parse_score") : source.index("if __name__")], "bench", "exec"), scope)
    reviews = []
    for i in range(90):
        text = SCORES[i * 7 % 17 % len(SCORES)].format(a=5 + i * i % 6, b=1 + i * 5 % 9)
        reviews.append({"question_id": i, "category": "llava_bench_" + ["conv", "detail", "complex"][i % 3], "content": text,
                        "tuple": scope["parse_score"](text)})
    summary = (folder / "llava/eval/summarize_gpt_review.py").read_text()
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()) as said:
        file = pathlib.Path(scratch) / "review_model.jsonl"
        file.write_text("".join(json.dumps(r) + "\n" for r in reviews if r["tuple"][0] >= 0))
        sys.argv = ["summarize", "--files", str(file)]
        exec(compile(summary, "summary", "exec"), {"__name__": "__main__"})
    printed = re.findall(r"^(\S+) ([\d.]+) ([\d.]+) ([\d.]+)$", said.getvalue(), re.M)
    rows = {}
    for name, *numbers in printed:
        mean = numpy.mean([r["tuple"] for r in reviews if r["tuple"][0] >= 0 and name in ("all", r["category"])], axis=0)
        rows[name] = {"printed": [float(x) for x in numbers], "means": mean.tolist()}
    return {"reviews": reviews, "rows": rows}


with contextlib.redirect_stdout(sys.stderr):  # it prints what it cannot read
    llava = llava_bench(pathlib.Path(sys.argv[2]))
print(json.dumps({"mmhal": mmhal, "refomb": {"reviews": reviews, "scores": scores,
                                             "score": sum((s + 1) / 2 for s in scores) / len(scores)}, "llava_bench": llava}, indent=0))
