# SPDX-License-Identifier: Apache-2.0
"""CHAIR by its own scorer, and by RLAIF-V's fork, on InstructBLIP's captions (nothing of these is shipped).

    python make_chair.py HALLUCINATION RLAIF_V PATTERN NLTK_DATA shared/data > chair.json

The first two arguments are the repositories' folders; the scorers are run as they are but for Python 2's print.
tests/eval/chair_test.cpp writes the same annotations and captions. NLTK_DATA gets the golden tagger of make_text.py and the parameters of make_punkt.py.
"""
import importlib.util, io, json, os, pathlib, re, sys, tempfile, types, contextlib

import nltk

here = pathlib.Path(__file__).parent


def module(name, **members):
    sys.modules[name] = made = types.ModuleType(name)
    made.__dict__.update(members)
    return made


def annotations(folder, data):
    """MSCOCO's files: instances from POPE's questions, reference captions from other pictures."""
    told = [json.loads(line) for line in open(data / "pope/captions_instructblip.json")]
    present = {}
    for name in ["random", "popular"]:
        for line in open(data / f"pope/coco_pope_{name}.json"):
            q = json.loads(line)
            if q["label"] == "yes":
                thing = re.fullmatch(r"Is there an? (.*) in the image\?", q["text"]).group(1)
                present.setdefault(q["image"], []).append(thing)
    pictures = sorted(present)
    names = sorted({t for ts in present.values() for t in ts})
    instances, captions = [], []
    for i, caption in enumerate(told):
        for thing in present[pictures[i % len(pictures)]]:
            instances.append({"image_id": caption["image_id"], "category_id": names.index(thing) + 1})
        if i % 2:
            captions.append({"image_id": caption["image_id"], "caption": told[i - 1]["text"]})
        if i % 3 == 0:
            captions.append({"image_id": caption["image_id"], "caption": caption["text"]})
    images = [{"id": c["image_id"]} for c in told]
    for split in ["train", "val"]:
        mine = lambda rows: [r for j, r in enumerate(rows) if (j % 5 == 0) == (split == "train")]
        common = {"info": {}, "licenses": [], "images": images}
        (folder / f"instances_{split}2014.json").write_text(json.dumps(
            {**common, "annotations": mine(instances), "categories": [{"id": j + 1, "name": n} for j, n in enumerate(names)]}))
        (folder / f"captions_{split}2014.json").write_text(json.dumps({**common, "annotations": mine(captions)}))
    return told


def classic(repository, pattern, folder, told):
    sys.path.insert(0, pattern)
    rules = importlib.util.spec_from_file_location("inflect", pathlib.Path(pattern) / "pattern/text/en/inflect.py")
    inflect = importlib.util.module_from_spec(rules)
    rules.loader.exec_module(inflect)
    module("pattern"), module("pattern.en", singularize=inflect.singularize), module("misc", os=os)
    source = (pathlib.Path(repository) / "utils/chair.py").read_text()
    source = re.sub(r"(?m)^(\s*)print (.*)$", r"\1print(\2)", source).replace("\t", "    ")
    scope = {"__name__": "chair", "os": os}
    exec(compile(source, "chair.py", "exec"), scope)
    blank = {k: 0 for k in ["Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "METEOR", "CIDEr", "SPICE", "ROUGE_L"]}
    file = folder / "captions.json"
    file.write_text(json.dumps({"overall": blank, "imgToEval": {
        c["image_id"]: {"image_id": c["image_id"], "caption": c["text"], **blank} for c in told}}))
    with contextlib.chdir(repository):
        scorer = scope["CHAIR"]({c["image_id"] for c in told}, str(folder))
    scorer.get_annotations()
    return scorer.compute_chair(str(file))


def refined(repository, folder, told, listed):
    lemma = nltk.WordNetLemmatizer().lemmatize
    token = lambda word, tag: types.SimpleNamespace(lemma_=lemma(word), tag_=tag)
    module("jsonlines", Reader=lambda f: map(json.loads, f)), module("gpt4_grpc", Chat=lambda **_: None)
    module("spacy", load=lambda _: lambda text: [token(*p) for p in nltk.pos_tag(nltk.word_tokenize(text))])
    module("tqdm", tqdm=None)
    with contextlib.chdir(repository):
        scope = {"__name__": "halbench"}
        exec(compile(open("eval/eval_gpt_obj_halbench.py").read(), "eval_gpt_obj_halbench.py", "exec"), scope)
        scorer = scope["CHAIR"]({c["image_id"] for c in told}, str(folder), "")
    scorer.get_annotations()
    file = folder / "captions.jsonl"
    file.write_text("".join(json.dumps({"image_id": c["image_id"], "question": "", "text": c["text"]}) + "\n" for c in told))
    figures = scorer.compute_chair(str(file), -1)
    # What a judge might list: the caption's words without its articles, two at a time, with an adjective now and then.
    def judge(**_):
        for item in scorer.caps: item["extract_objs"] = listed(item["caption"])
        return scorer.caps, {}, {}
    scorer.gpt_caption_processor = judge
    return figures, scorer.compute_chair(str(file), -1, gpt_process=True)


def listed(caption):
    words = [w for w in caption.lower().split() if w not in ("a", "an", "the", "of", "in", "on", "with", "and")]
    if len(caption.split()) <= 3: return []
    return ["red " + w if i % 3 == 0 else w for i, w in enumerate(words)] + [" ".join(words[i:i + 2]) for i in range(0, len(words), 2)]


def main(hallucination, rlaif_v, pattern, nltk_data, data):
    nltk.data.path = [nltk_data]
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        folder = pathlib.Path(scratch)
        told = annotations(folder, pathlib.Path(data))
        first = classic(hallucination, pattern, folder, told)
        second, third = refined(rlaif_v, folder, told, listed)
    def summary(result, keys):
        wrong = [str(s["image_id"]) + ":" + ",".join(w if isinstance(w, str) else w[0] for w, _ in s["mscoco_hallucinated_words"])
                 for s in result["sentences"]]
        digest = 14695981039346656037
        for byte in "\n".join(sorted(wrong)).encode(): digest = (digest ^ byte) * 1099511628211 % 2**64
        return {**{k: result["overall_metrics"][k] for k in keys}, "captions": len(result["sentences"]), "wrong digest": str(digest)}
    more = ["CHAIRs", "CHAIRs_refine", "CHAIRi", "obj_rec", "coco_sentence_num", "coco_word_count", "gt_word_count", "avg_word_len"]
    print(json.dumps({"classic": summary(first, ["CHAIRs", "CHAIRi"]), "refined": summary(second, more),
                      "listed": summary(third, more)}, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
