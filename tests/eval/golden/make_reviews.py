# SPDX-License-Identifier: Apache-2.0
"""MMHal-Bench's and RefoMB's ratings as RLAIF-V's own programs parse and add them up, on reviews made by rule.

    python make_reviews.py RLAIF_V > reviews.json

The argument is the repository's folder. The reviews are stored with the figures.
"""
import contextlib, io, json, pathlib, re, sys, tempfile, types

FORMS = ["Fine.\nRating: {k}", "rating: {k}", "Rating: {k}, since it is right.", "**Rating: {k}**", "RATING: {k}\nRating: {k}",
         "Rating: {k}, or maybe Rating: {other}", "The rating is {k}", "Rating:{k}", "My rating: {k}/6"]
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
print(json.dumps({"mmhal": mmhal, "refomb": {"reviews": reviews, "scores": scores,
                                             "score": sum((s + 1) / 2 for s in scores) / len(scores)}}, indent=0))
