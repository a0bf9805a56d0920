#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh PROGRAMS WORK: real_size.sh with the tiny shape on the CPU. Exit code 1 where a part fails.
set -eu
rm -rf "$2"
sh "$(dirname "$0")/../real_size.sh" --programs "$1" --work "$2" --shape tiny --device cpu
for name in "write fp16 shards" "resume to step 30" "score the export in fp32"; do
  grep -q "\"name\": \"$name\"" "$2/results.jsonl"
done
[ "$(ls "$2"/world/model/model-*.safetensors | wc -l)" -gt 1 ]  # shards indeed
# Called again, it does nothing again.
before=$(cksum < "$2/results.jsonl")
sh "$(dirname "$0")/../real_size.sh" --programs "$1" --work "$2" --shape tiny --device cpu
[ "$before" = "$(cksum < "$2/results.jsonl")" ]
rm -rf "$2"
