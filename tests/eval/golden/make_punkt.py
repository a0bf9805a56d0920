# SPDX-License-Identifier: Apache-2.0
"""Parameters of Punkt, trained by nltk's own trainer on sentences of a toy grammar, since only their use is tested.

    python make_punkt.py

Writes nltk_data/tokenizers/punkt_tab/english, before make_text.py, make_chair.py and make_amber.py, which read it.
"""
import pathlib, random

from nltk.tokenize.punkt import PunktParameters, PunktTrainer
from nltk.tabdata import TabEncoder

ABBREVIATED = """Mr. Mrs. Dr. Prof. St. vs. etc. e.g. i.e. Co. Inc. Jr. a.m. p.m. U.S. Jan. Feb. Sept. Oct. No. Fig. approx.
 dept. est. Gen. Sgt. Rev. Ave. Blvd. Mt. Ltd. Corp.""".split()
NAMES = "Smith Brown Cole Louis Helens Jones Miller Park Baker Wood Stone Hill Young".split()
NOUNS = """dog cat man woman table chair bus train street sign bottle glass vase kitchen park bench ball child kite boat
 sun moon tree house car truck horse sheep umbrella pizza cake phone laptop clock bed sink oven zebra""".split()
VERBS = "sits stands runs shows holds sees crosses follows closes opens".split()
ADJECTIVES = "red small old wooden open bright large quiet".split()
STARTERS = "The It There In However They A He She This But And Then".split()


def sentences(dice, count):
    pick = dice.choice
    thing = lambda: f"the {pick(ADJECTIVES)} {pick(NOUNS)}" if dice.random() < .5 else f"a {pick(NOUNS)}"
    for _ in range(count):
        begin = pick(STARTERS)
        kind = dice.random()
        if kind < .35:
            middle = f"{pick(NOUNS)} {pick(VERBS)} near {thing()} and {thing()}"
        elif kind < .6:
            middle = f"{pick(NOUNS)} {pick(VERBS)} {pick(ABBREVIATED)} {pick(NAMES)} and {thing()}"
        elif kind < .8:
            middle = f"{pick(NOUNS)} of {pick(ABBREVIATED)} {pick(NOUNS)} {pick(VERBS)} at {dice.randrange(1, 12)} {pick(['a.m.', 'p.m.'])} near {thing()}"
        elif kind < .9:
            middle = f"{pick(NOUNS)} has {dice.randrange(2, 90)} {pick(NOUNS)}s, {pick(ABBREVIATED)} {pick(ADJECTIVES)} ones"
        else:
            middle = f"{pick(NOUNS)} {pick(VERBS)} {pick('ABCDEJ')}. {pick(NAMES)}"
        yield begin + " " + middle + dice.choices([".", "!", "?"], [8, 1, 1])[0]


def main():
    dice = random.Random(1)
    trainer = PunktTrainer()
    trainer.INCLUDE_ALL_COLLOCS = True
    trainer.train(" ".join(sentences(dice, 4000)), finalize=True)
    learned: PunktParameters = trainer.get_params()
    folder = pathlib.Path(__file__).parent / "nltk_data/tokenizers/punkt_tab/english"
    folder.mkdir(parents=True, exist_ok=True)
    text = TabEncoder()
    for name, content in [("abbrev_types.txt", text.set2txt(learned.abbrev_types)),
                          ("sent_starters.txt", text.set2txt(learned.sent_starters)),
                          ("collocations.tab", text.tups2tab(learned.collocations)),
                          ("ortho_context.tab", text.ivdict2tab(learned.ortho_context))]:
        (folder / name).write_text("\n".join(sorted(content.splitlines())) + "\n")


if __name__ == "__main__":
    main()
