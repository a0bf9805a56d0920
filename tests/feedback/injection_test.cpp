// SPDX-License-Identifier: Apache-2.0
#include <candor/feedback/injection.hpp>

#include "support/catch.hpp"

#include <set>

using candor::injection_fate;
using candor::injection_kind;

namespace {

const std::string answer = "A man in a red shirt holds two cans. Behind him stands a white van.";

injection_fate fate_of(const std::string& changed, double min_similarity = 0.5) {
  return candor::read_injection("### Changed answer:\n" + changed, answer, {min_similarity}).fate;
}

}  // namespace

TEST_CASE("The prompt holds question, answer and the kind of mistake", "[feedback][injection]") {
  std::set<std::string> prompts;
  for (const auto kind : candor::injection_kinds) {
    const auto prompt = candor::injection_prompt("What does the man hold?", answer, kind);
    CHECK(prompt.find("### Question:\nWhat does the man hold?\n") != std::string::npos);
    CHECK(prompt.find("### Answer:\n" + answer + "\n") != std::string::npos);
    CHECK(prompt.find("\"### Changed answer:\"") != std::string::npos);
    prompts.insert(prompt);
  }
  CHECK(prompts.size() == 3);
  CHECK(candor::name_of(injection_kind::relation) == "relation");
}

TEST_CASE("A reply is kept where it changes the answer and keeps most of it", "[feedback][injection]") {
  const auto kept = candor::read_injection(
      "Sure.\n### Changed answer: \n A man in a blue shirt holds two cans. Behind him stands a white van. \n",
      answer);
  CHECK(kept.fate == injection_fate::kept);
  CHECK(kept.text == "A man in a blue shirt holds two cans. Behind him stands a white van.");
  CHECK(kept.similarity == Approx(2.0 * 14 / 30));
  CHECK(fate_of("A man in a red shirt holds two cans. Behind him stands a white van and a dog.") ==
        injection_fate::kept);
}

TEST_CASE("Replies that are no injection are told apart", "[feedback][injection]") {
  CHECK(fate_of(answer) == injection_fate::unchanged);
  CHECK(fate_of("a man in a red shirt holds two cans; behind him stands a white van") ==
        injection_fate::unchanged);
  CHECK(fate_of("Some dogs run over the beach while children throw a ball.") == injection_fate::rewritten);
  CHECK(fate_of("A man in a blue shirt holds two cans. Behind him stands a white van.", 0.95) ==
        injection_fate::rewritten);
  CHECK(fate_of("") == injection_fate::unreadable);
  CHECK(fate_of(answer + " It rains.\n### Note:\nI added rain.") == injection_fate::unreadable);
  const auto bare = candor::read_injection("A man in a blue shirt.", answer);
  CHECK(bare.fate == injection_fate::unreadable);
  CHECK(bare.text.empty());
}

TEST_CASE("The similarity of words is difflib's ratio", "[feedback][injection]") {
  CHECK(candor::word_similarity("", "") == 1.0);
  CHECK(candor::word_similarity("a dog", "") == 0.0);
  CHECK(candor::word_similarity("one two three four", "one two four") == Approx(6.0 / 7));
  CHECK(candor::word_similarity("one two", "two one") == Approx(0.5));
  CHECK(candor::word_similarity("A Dog!", "a dog") == 1.0);
}
