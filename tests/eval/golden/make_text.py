# SPDX-License-Identifier: Apache-2.0
"""Words, base forms and parts of speech by nltk and pattern.en, and the share of nltk's data that they need.

    python make_text.py NLTK_DATA PATTERN shared/data

NLTK_DATA holds corpora/wordnet (3.0); PATTERN is a folder with pattern.en 2.6. Sentences are cut with the parameters of
make_punkt.py, which runs before. The words of InstructBLIP's captions and of AMBER are covered, but neither is stored.
The tagger is a small one that is trained here on a toy grammar, since only its arithmetic is tested. Writes text.json,
and nltk_data/corpora with WordNet's licence and nltk_data/taggers.
"""
import importlib.util, json, pathlib, random, shutil, sys

import nltk
from nltk.stem import WordNetLemmatizer
from nltk.tag.perceptron import PerceptronTagger
from nltk.tokenize.punkt import PunktTokenizer

TEXTS = [
    "A man's dog can't catch the ball, but the children's dogs can.", "\"Stop!\" she said. 'Why?' he asked (twice).",
    "Mr. Smith and Dr. J. Brown met at 5 p.m. on Jan. 3rd. They left.", "It costs $3.88, roughly 3,36 euros; 50% off!",
    "wait... what?! no -- yes. ok", "He said: \"the end.\" Then he left.", "(The sign says STOP.) A bus goes by.",
    "two teddy bears, a hot dog & 3 wine glasses on the table:a toilet seat", "I cannot; gimme, gonna gotta wanna go. 'Tis so. 'twas",
    "the U.S. flag. the u.s. army. An apple. i.e. a fruit", "she'll they're I've isn't I'm he'd d'ye more'n lemme", "a. b. c.",
    "A sentence without end", "", "   ", "...", "Hello.World.How are you?Fine.", "red/green [1] {2} <3> *4* #5 @6",
    "people riding bikes, women and men, mice, geese, wolves, knives, leaves, shelves, tomatoes, cookies, buses",
    "“Curly quotes.” ‘They’ said. It’s «fine». ok – dash — dash", "the man said, 'hi there' and 'go!'  He left\nand then\n\nreturned.",
    "No. 5 is alive. He is no. 1 in the world. The year 1984. 3. items", "Prof. A. B. Cole, Jr. of Acme Inc. agreed. St. Louis won.",
    "one, two,three,4 5:30 a:b x: , :", "The 2nd-floor window's open; a well-known follow-up mother-in-law passers-by",
    "A dining-table set for two . There is also a vase . . . nice", "end of quote.' 'Another one.' \"And another.\" (Fine.) [Good.] ok.",
    "e.g. this. etc. that. vs. those. The Co. closed.", "It was 10 a.m. The sun rose. it was 10 a.m. and hot.", "don't. won't! shouldn't?",
]
NOUNS = """bus buses glass glasses wineglasses police officer ski skis scissors bench benches sheep knives wolves vases
 databases houses horses roses shoes potatoes pizza sofa pasta tie ties bow-tie cookies movies zombies puppies quizzes
 vertices matrices statuses crises axes boxes churches dishes dresses series species curves gloves sleeves hives waves
 leaves loaves calves elves thieves wives lives drives olives children people women men feet teeth geese mice oxen
 alumni cacti safari taxi media data criteria analyses psychoanalyses diagnoses bases hypotheses synopses noses poses
 closes doses osmoses hour four our opera news dogs' dogs 's ' s as is this has was ears shears out men's
 mothers-in-law passers-by commander-in-chief rice slice slices police ice dice lice juice bread water cheese
 luggage furniture tuna salmon trout elk moves axis testes genii brethren kine ties pies cuties ladies boys keys
 donuts doughnuts couches remotes toothbrushes frisbees skateboards kites umbrellas zebras giraffes cellphones""".split()

GRAMMAR = {
    "DT": "a the A an", "CD": "two three 2 4 1984", "IN": "on in with of near over", "CC": "and",
    "JJ": "red orange light hot wooden old clear young flat", "VBZ": "sits runs is light shows tracks", "VBG": "riding sitting standing",
    "NN": "dog man orange light table well-known hot-dog bus wave track bear kitchen park", "NNS": "dogs men lights tracks bears people sinks buses",
}


def main(nltk_data, pattern, data):
    here = pathlib.Path(__file__).parent
    nltk.data.path = [nltk_data, str(here / "nltk_data")]
    sys.path.insert(0, pattern)
    rules = importlib.util.spec_from_file_location("inflect", pathlib.Path(pattern) / "pattern/text/en/inflect.py")
    inflect = importlib.util.module_from_spec(rules)  # alone, since the package wants to download corpora
    rules.loader.exec_module(inflect)
    singularize = inflect.singularize

    told = [json.loads(line)["text"] for line in open(f"{data}/pope/captions_instructblip.json")]
    # Sentences of a small grammar, so that there is something to learn; no more is asked of it.
    random.seed(1)
    pick = lambda tag: (random.choice(GRAMMAR[tag].split()), tag)
    clause = lambda: [pick("DT"), pick("JJ"), pick("NN"), pick("VBZ"), pick("IN"), pick("CD"), pick("NNS")]
    sentences = [clause() + [("and", "CC")] + clause() + [(".", ".")] for _ in range(150)]
    sentences += [[pick("CD"), pick("NNS"), pick("VBG"), pick("IN"), pick("DT"), pick("NN")] for _ in range(150)]
    tagger = PerceptronTagger(load=False)
    tagger.train(sentences, nr_iter=3)
    rounded = {f: {k: round(v, 3) for k, v in ws.items() if round(v, 3)} for f, ws in tagger.model.weights.items()}
    tagger.model.weights = {f: ws for f, ws in rounded.items() if ws}

    texts = TEXTS
    words = [nltk.word_tokenize(t) for t in texts]
    lemma = WordNetLemmatizer().lemmatize
    known = sorted({w for ws in words for w in ws} | set(NOUNS))
    expected = {
        "nltk": nltk.__version__,
        "texts": texts,
        "sentences": [PunktTokenizer().tokenize(t) for t in texts],
        "words": words,
        "tags": [[tag for _, tag in tagger.tag(ws)] for ws in words],
        "base": {w: [lemma(w), singularize(w)] for w in known},
        "caption words": sum(len(nltk.word_tokenize(t)) for t in told),
    }
    digest = 14695981039346656037
    for t in told:
        ws = nltk.word_tokenize(t.lower())
        line = "\n".join(f"{w} {lemma(w)} {singularize(w)} {tag}" for w, (_, tag) in zip(ws, tagger.tag(ws)))
        for byte in line.encode():
            digest = (digest ^ byte) * 1099511628211 % 2**64
    expected["caption digest"] = str(digest)
    (here / "text.json").write_text(json.dumps(expected, ensure_ascii=False, indent=0) + "\n")

    # What of nltk's data these texts need.
    out = here / "nltk_data"
    for part in ["corpora", "taggers"]: shutil.rmtree(out / part, ignore_errors=True)
    needed = {w.lower() for w in known} | {w for t in told for w in nltk.word_tokenize(t.lower())}
    related = json.load(open(f"{data}/amber/relation.json"))
    objects = set(related) | {w for words in related.values() for w in words}
    needed |= objects | {w + "s" for w in objects} | {w.rstrip(".") for w in needed} | {"##number##"}
    wordnet, source = out / "corpora/wordnet", pathlib.Path(nltk_data) / "corpora/wordnet"
    wordnet.mkdir(parents=True)
    forms = set(needed)
    for w in needed:
        for old, new in [("s", ""), ("ses", "s"), ("ves", "f"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"),
                         ("men", "man"), ("ies", "y")]:
            if w.endswith(old): forms.add(w[: -len(old)] + new)
    exceptions = [line for line in open(source / "noun.exc") if line.split()[0] in needed]
    forms |= {w for line in exceptions for w in line.split()}
    index = [line.split()[0] + " n\n" for line in open(source / "index.noun") if line[0] != " " and line.split()[0] in forms]
    (wordnet / "noun.exc").write_text("".join(exceptions))
    licence = [line for line in open(source / "index.noun") if line[0] == " "]
    (wordnet / "index.noun").write_text("".join(licence + index))
    (wordnet / "LICENSE").write_text(
        "index.noun and noun.exc are shares of WordNet 3.0: the nouns that the tests need, without their senses.\n\n"
        + "".join(line.split(maxsplit=1)[1].rstrip() + "\n" if line.strip(" \n0123456789") else "\n" for line in licence))
    folder = out / "taggers/averaged_perceptron_tagger_eng"
    folder.mkdir(parents=True)
    for name, part in zip(["weights", "tagdict", "classes"], tagger.encode_json_obj()):
        if name == "classes": part = sorted(part)
        (folder / f"averaged_perceptron_tagger_eng.{name}.json").write_text(json.dumps(part, indent=0) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
