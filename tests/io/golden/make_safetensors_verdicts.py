#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes safetensors_verdicts.json: what Python's safetensors says to each file of ../safetensors_cases.hpp.

The files are described once, in C++; a hidden test hands them over. Size and check sum tie a verdict to its bytes.

Run: CANDOR_CASES=/tmp/cases ../../../build/dev/bin/tests_io "[write-safetensors-cases]"
     python3 make_safetensors_verdicts.py /tmp/cases        (needs safetensors)
"""
import json
import os
import sys
import zlib

import safetensors


def verdict(data):
    try:
        safetensors.deserialize(data)
        return "accepted"
    except safetensors.SafetensorError:
        return "refused"


cases = {}
for line in open(sys.argv[1], encoding="utf-8"):
    name, hexadecimal = line.rstrip("\n").split("\t")
    data = bytes.fromhex(hexadecimal)
    assert name not in cases, name
    cases[name] = [len(data), zlib.crc32(data), verdict(data)]

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "safetensors_verdicts.json")
with open(path, "w", encoding="utf-8") as file:
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in cases.items())
    file.write(f'{{"safetensors": "{safetensors.__version__}", "cases": {{\n{lines}\n}}}}\n')
