// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <candor/feedback/corrections.hpp>

#include <vector>

using namespace candor_test;

TEST_CASE("corrections that change something make pairs", "[corrections]") {
  CHECK_THAT(candor::correction_prompt("What is there?", "A sun."), contains(": What is there? | A sun."));
  const std::vector<candor::correction> all{{"A sun.", "A sun."},  {"A sun.", " A sun. \n"},
                                            {"A sun.", "A moon."}, {"A sun.", ""},
                                            {"", "A sun."},        {"A dog.", "a dog."}};
  CHECK(candor::changed_answers(all) == std::vector<std::size_t>{2, 5});
}
