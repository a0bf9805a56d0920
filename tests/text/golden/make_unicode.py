#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes include/candor/text/unicode_classes_impl.hpp and unicode_decompositions_impl.hpp from Python's unicodedata.

Run: python make_unicode.py"""
import pathlib
import unicodedata

HEADERS = pathlib.Path(__file__).resolve().parents[3] / "include/candor/text"
ALL = range(0x110000)
HEAD = """// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// {about}
/// Unicode {version}, written by tests/text/golden/make_unicode.py.

#include <candor/core/config.hpp>

#include <cstdint>

namespace CANDOR_NS::detail {{

// clang-format off
"""
TAIL = """// clang-format on

}  // namespace CANDOR_NS::detail
"""


def ranges(value_of):
    """Runs of code points with the same value, those without one left out: [first, last, value]."""
    out = []
    for c in ALL:
        value = value_of(c)
        if not value:
            continue
        if out and out[-1][1] == c - 1 and out[-1][2] == value:
            out[-1][1] = c
        else:
            out.append([c, c, value])
    return out


def lower_runs():
    """[first, last, step, distance] of characters whose lower case is one other character."""
    out = []
    for c in ALL:
        small = chr(c).lower()
        if small == chr(c) or len(small) > 1:
            continue
        distance = ord(small) - c
        step = c - out[-1][1] if out else 0
        if out and out[-1][3] == distance and step in (1, 2) and (out[-1][0] == out[-1][1] or out[-1][2] == step):
            out[-1][1:3] = c, step
        else:
            out.append([c, c, 1, distance])
    return out


def decompositions():
    """[code, first, second or 0, may be composed again]: canonical ones, one step."""
    out = []
    for c in ALL:
        parts = unicodedata.decomposition(chr(c)).split()
        if not parts or parts[0].startswith("<"):
            continue
        again = len(parts) == 2 and unicodedata.normalize("NFC", chr(c)) == chr(c)
        out.append([c, int(parts[0], 16), int(parts[1], 16) if len(parts) == 2 else 0, int(again)])
    return out


def table(declaration, rows):
    items, lines, line = ["{" + ",".join(hex(v) if v > 9 else str(v) for v in row) + "}," for row in rows], [], ""
    for item in items:
        if len(line) + len(item) > 108:
            lines.append(line)
            line = ""
        line += item
    return declaration + " = {\n" + "\n".join(lines + [line]) + "\n};\n"


def write(name, about, *tables):
    text = HEAD.format(about=about, version=unicodedata.unidata_version) + "\n".join(tables) + TAIL
    (HEADERS / name).write_text(text)


write(
    "unicode_classes_impl.hpp",
    "Letters, numbers and lower case of all characters, as sorted runs of code points.",
    "struct unicode_run {\n  std::uint32_t first, last;\n};\n",
    table("/// General categories L*.\ninline constexpr unicode_run unicode_letters[]",
          [r[:2] for r in ranges(lambda c: unicodedata.category(chr(c))[0] == "L")]),
    table("/// General categories N*.\ninline constexpr unicode_run unicode_numbers[]",
          [r[:2] for r in ranges(lambda c: unicodedata.category(chr(c))[0] == "N")]),
    "/// Every step-th character from first to last becomes the one `distance` beyond it.\n"
    "struct lower_case_run {\n  std::uint32_t first, last, step;\n  std::int32_t distance;\n};\n",
    table("inline constexpr lower_case_run lower_case_runs[]", lower_runs()),
)
write(
    "unicode_decompositions_impl.hpp",
    "Canonical decompositions and combining classes: what normal form C is made of.",
    "/// One step; `second` is 0 where one character stands for another. `composes`: C has the character whole.\n"
    "struct canonical_decomposition {\n  std::uint32_t code, first, second, composes;\n};\n",
    table("inline constexpr canonical_decomposition canonical_decompositions[]", decompositions()),
    "struct combining_run {\n  std::uint32_t first, last, order;\n};\n",
    table("inline constexpr combining_run combining_runs[]", ranges(lambda c: unicodedata.combining(chr(c)))),
)
