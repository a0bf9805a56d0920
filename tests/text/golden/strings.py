# SPDX-License-Identifier: Apache-2.0
"""Strings on which the tokenizers are compared: sentences, scripts of the world, emoji, digits, white space, code,
special tokens in the text, and random mixtures of all of them."""

WORDS = """a the this that an on in at of with near behind beside under over between man woman child dog cat horse bird
car bus train bicycle table chair cup plate pizza cake sandwich apple orange banana tree grass sky beach river mountain
street building window door lamp clock book phone laptop keyboard screen shirt hat umbrella bag skateboard surfboard
kite ball bat glove red green blue yellow white black brown grey small large tall round wooden metal two three four
several many is are was were has have holds wears rides eats stands sits walks runs looks shows appears seems image
picture photo photograph background foreground left right center What Where Who How many color doing there not no yes
It They He She There Here answer question describe please detail hallucination preference tokenization unbelievable
internationalization supercalifragilistic antidisestablishmentarianism Zürich naïve café résumé jalapeño""".split()
SCRIPTS = ["你好世界", "图片里有一只猫", "日本語のテキスト", "カタカナ", "안녕하세요", "Привет, мир", "Ελληνικά", "עברית", "العربية",
           "हिन्दी में", "ไทย", "ქართული", "Հայերեն", "አማርኛ", "தமிழ்", "Tiếng Việt", "ﬁ ligature", "Ωμέγα", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
           "é vs é", "ß ẞ", "İstanbul", "\u200bzero\u200dwidth", "\ufeffbom", "\u00a0nbsp\u3000wide", "½ ¾ ²³ №", "€ £ ¥ ₿",
           "“quotes” ‘single’ – — …", "∀x∈ℝ: x²≥0", "\u0000nul", "\x01\x7f control", "a\u0301 combining"]
EMOJI = ["😀", "🐱", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇨🇭", "❤️", "🤖🔥", "☃", "1️⃣"]
CODE = ["for (int i = 0; i < n; ++i) { s += a[i]; }", "def f(x):\n    return x ** 2", "<html><body>&nbsp;</body></html>",
        "x = {'a': [1, 2], \"b\": None}", "#include <vector>", "SELECT * FROM t WHERE id=42;", "\tif true:\n\t\tpass",
        "https://example.org/a?b=c&d=e#f", "C:\\dir\\file.txt", "a->b::c<d>(e)[f]", "\\frac{1}{2} \\alpha", "0xDEADBEEF",
        "<0x0A>", "<0xFF>", "<0x", "key=value; path=/", "$HOME/.config", "@user #tag 100%", "-- comment\r\nnext"]
SPECIAL = ["<s>", "</s>", "<unk>", "<image>", "<pad>", "<s", "</ s>", "<Image>", "<image", "<<image>>", "▁", "▁▁a", "a▁b"]
SPACE = [" ", "  ", "   ", "\t", "\n", "\n\n", " \n", "\r\n", "\n ", "        ", "\t \t", "\u2003", " " * 17, "\n" * 5]


def strings(rng, count):
    out = ["", " ", "a", "USER: <image>\nWhat is this? ASSISTANT:", "ASSISTANT: yes</s>USER: why? ASSISTANT: because</s>",
           "x</s> y", "<s> a", "<s>a", "</s>", "<image>", "<image><image>", " <image> ", "a<image>b", "a <image> b"]
    out += SCRIPTS + EMOJI + CODE + SPECIAL + SPACE

    def sentence():
        text = " ".join(rng.choice(WORDS) for _ in range(rng.randint(2, 9)))
        return text[:1].upper() + text[1:] + rng.choice([".", "?", "!", "", ",", " .", "..."])

    def digits():
        return rng.choice([str(rng.randrange(10 ** rng.randint(1, 12))), f"{rng.uniform(-1e3, 1e3):.3f}",
                           f"{rng.randrange(24)}:{rng.randrange(60):02d}", f"{rng.randrange(1, 32)}/{rng.randrange(1, 13)}/2024"])

    def random_characters():
        ranges = [(32, 126), (0xA1, 0x2FF), (0x370, 0x5FF), (0x4E00, 0x9FFF), (0x1F300, 0x1F64F), (0x1, 0x1F), (0x2000, 0x206F)]
        return "".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 6)))

    def any_part():
        kind = rng.random()
        if kind < 0.35:
            return rng.choice(WORDS)
        if kind < 0.5:
            return rng.choice(SPACE)
        return rng.choice([lambda: rng.choice(SCRIPTS), lambda: rng.choice(EMOJI), lambda: rng.choice(CODE)[:14], digits,
                           lambda: rng.choice(SPECIAL), random_characters])()

    while len(out) < count:
        kind = rng.random()
        if kind < 0.35:
            text = sentence()
        elif kind < 0.45:
            text = rng.choice(SPACE) + sentence() + rng.choice(SPACE)
        elif kind < 0.52:
            text = digits()
        else:
            text = "".join(any_part() for _ in range(rng.randint(1, 5)))
        if text not in out[-50:]:
            out.append(text)
    return out
