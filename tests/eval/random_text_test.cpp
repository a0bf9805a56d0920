// SPDX-License-Identifier: Apache-2.0
/// Laws that hold for any bytes: nothing is lost between sentences and words, and a page stays a page.

#include "eval/eval_world.hpp"

#include <candor/core/random.hpp>
#include <candor/eval/report.hpp>
#include <candor/eval/reviews.hpp>
#include <candor/eval/singular.hpp>
#include <candor/eval/text_tools.hpp>
#include <candor/eval/word_tokens.hpp>
#include <candor/text/utf8.hpp>

#include <array>

using namespace candor_test;

namespace {

/// Mostly what texts are made of, and some bytes that they are not.
std::string random_text(std::uint64_t seed) {
  constexpr std::array<std::string_view, 44> parts{
      "a",  "Dog", "U.S.", "e.g.", "Mr",  ".",  ". ", "..",   "...",  " . . .", "?",
      "!",  "'",   "''",   "\"",   "`",   "``", "’",  "“",    "»",    "--",     "-",
      ",",  ":",   ";",    "can",  "not", "'t", "is", "n't",  " ",    "  ",     "\n",
      "\t", "5",   "3.",   "(",    ")",   "[",  "é",  "\xC3", "\xFF", "\x01",   "wanna "};
  candor::random_stream random(seed, 7);
  std::string out;
  for (auto n = random.below(40); n > 0; --n) out += parts[random.below(parts.size())];
  return out;
}

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (!(c == ' ' || (c >= '\t' && c <= '\r'))) out += c;
  return out;
}

/// Words say quotation marks differently.
std::string without_quotes(std::string text) {
  std::erase_if(text, [](char c) { return c == '"' || c == '\'' || c == '`'; });
  return text;
}

}  // namespace

TEST_CASE("Sentences and words lose nothing of any text", "[eval][text][random]") {
  const candor::punkt trained(golden("eval/nltk_data") / "tokenizers/punkt_tab/english"), plain;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    const std::string text = random_text(seed);
    INFO("seed " << seed);
    for (const auto* punkt : {&trained, &plain}) {
      std::string all;
      for (const auto sentence : punkt->sentences(text)) all += sentence;
      if (without_spaces(all) != without_spaces(text)) FAIL_CHECK("sentences of: " << text);
    }
    std::string all;
    for (const auto& word : candor::word_tokens(text)) {
      if (word.empty()) FAIL_CHECK("an empty word in: " << text);
      all += word;
      candor::singular(word);
    }
    if (without_quotes(without_spaces(all)) != without_quotes(without_spaces(text)))
      FAIL_CHECK("words of: " << text);
    candor::mmhal_rating(text);
    candor::refomb_verdict(text);
    candor::llava_bench_scores(text);
    candor::deceived_verdict(text);
  }
}

TEST_CASE("A report of any bytes is UTF-8 with no foreign tag", "[eval][report][random]") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::string text = random_text(seed) + "<b onload=x>" + random_text(seed + 1);
    candor::report r;
    r.gallery = {
        {text, text, {{text, text, {{random_text(seed), candor::claim_verdict::wrong}, {text, {}}}, {}}}}};
    const std::string page = candor::report_html(r);
    INFO("seed " << seed);
    CHECK(candor::utf8_error(page) == std::string::npos);
    CHECK(page.find("<b onload") == page.npos);
  }
}
