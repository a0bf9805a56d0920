// SPDX-License-Identifier: Apache-2.0
/// What keeps a pipeline's files from being used with other data or options.

#include "training/made_with.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

using namespace candor_test;

TEST_CASE("what was made with other options is refused, and so is what does not say", "[examples]") {
  const scratch_folder scratch;
  const auto note = scratch / "made_with/pair.json";
  candor::run_config two, three;
  two.add("seed", 2);
  three.add("seed", 3);
  CHECK_THROWS_WITH(training::require_made_with(note, two, "pairs.jsonl", "choose another --output"),
                    contains("pairs.jsonl does not say what it was made with"));
  training::claim(note, two, "pairs.jsonl", "choose another --output");
  training::claim(note, two, "pairs.jsonl", "choose another --output");
  CHECK_THROWS_WITH(
      training::claim(note, three, "pairs.jsonl", "choose another --output"),
      contains("pairs.jsonl was made with other data or options (seed: 3, was 2); choose another"));
}
