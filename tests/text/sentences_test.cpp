// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <candor/text/sentences.hpp>

#include <string>
#include <vector>

namespace {

using texts = std::vector<std::string>;

texts sentences_of(const std::string& text) {
  texts out;
  for (const auto s : candor::sentences(text)) out.emplace_back(s);
  return out;
}

texts words_of(const std::string& text) {
  texts out;
  for (const auto& w : candor::split_words(text)) out.emplace_back(w.text);
  return out;
}

}  // namespace

TEST_CASE("sentences end where they end", "[sentences]") {
  CHECK(sentences_of("A dog. A cat sits! Really?") == texts{"A dog.", "A cat sits!", "Really?"});
  CHECK(sentences_of("It costs 2.5 dollars. Mr. J. Smith pays, e.g. in cash.") ==
        texts{"It costs 2.5 dollars.", "Mr. J. Smith pays, e.g. in cash."});
  CHECK(sentences_of("The sign says \"Stop.\" A car waits.") ==
        texts{"The sign says \"Stop.\"", "A car waits."});
  CHECK(sentences_of("\"Stop!\" he says.") == texts{"\"Stop!\" he says."});
  CHECK(sentences_of("no full stop") == texts{"no full stop"});
  CHECK(sentences_of("Wait... A bird.") == texts{"Wait...", "A bird."});
}

TEST_CASE("lines and marks of lists are boundaries of sentences", "[sentences]") {
  CHECK(sentences_of("Objects:\n- a dog\n* a cat\n\n12. two birds\n") ==
        texts{"Objects:", "a dog", "a cat", "two birds"});
  CHECK(sentences_of("").empty());
  CHECK(sentences_of(" \n . ... \n").empty());
}

TEST_CASE("words keep hyphens, apostrophes and numbers, and quotes are one word", "[sentences]") {
  CHECK(words_of("A close-up of Twenty's \"Plenty of it\", 1,000.5 m.") ==
        texts{"A", "close-up", "of", "Twenty's", "\"Plenty of it\"", ",", "1,000.5", "m", "."});
  CHECK(words_of("a \"quote that does not end") == texts{"a", "\"", "quote", "that", "does", "not", "end"});
  CHECK(words_of("caf\u00e9 \u2014 na\u00efve") == texts{"caf\u00e9", "\u2014", "na\u00efve"});
  CHECK(candor::split_words("Dog.")[0].lower == "dog");
  CHECK(candor::split_words("Dog.")[1].mark);
}
