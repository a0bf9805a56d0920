// SPDX-License-Identifier: Apache-2.0
/// Sentences, words, base forms and parts of speech, against nltk and pattern.en.

#include "eval/eval_world.hpp"

#include <candor/eval/singular.hpp>
#include <candor/eval/text_tools.hpp>
#include <candor/eval/word_tokens.hpp>

using namespace candor_test;

namespace {

const json& expected() {
  static const json document = read_json(golden("eval/text.json"));
  return document;
}

candor::text_tools golden_tools() {
  return candor::text_tools(golden("eval/nltk_data"), {.lemmas = true, .tags = true});
}

}  // namespace

TEST_CASE("Sentences and words are those of nltk", "[eval][text]") {
  const candor::punkt punkt(golden("eval/nltk_data") / "tokenizers/punkt_tab/english");
  const auto tools = golden_tools();
  for (std::size_t t = 0; t < expected().at("texts").size(); ++t) {
    const auto text = expected().at("texts")[t].get<std::string>();
    INFO(text);
    const auto sentences = punkt.sentences(text);
    CHECK(json(std::vector<std::string>(sentences.begin(), sentences.end())) ==
          expected().at("sentences")[t]);
    CHECK(json(tools.words(text)) == expected().at("words")[t]);
    CHECK(json(tools.tagger()->tags(tools.words(text))) == expected().at("tags")[t]);
  }
}

TEST_CASE("Base forms are those of WordNet and of pattern.en", "[eval][text]") {
  const auto tools = golden_tools();
  for (const auto& [word, forms] : expected().at("base").items()) {
    INFO(word);
    CHECK(tools.lemma(word) == forms[0].get<std::string>());
    CHECK(candor::singular(word) == forms[1].get<std::string>());
  }
}

TEST_CASE("2,000 captions are taken apart as by nltk and pattern.en", "[eval][text]") {
  const auto file = shared_data("pope/captions_instructblip.json");
  if (file.empty()) CANDOR_SKIP("needs pope/ of the optional real data");
  const auto tools = golden_tools();
  std::uint64_t digest = hash_of("");
  std::size_t words = 0;
  for (const auto& line : read_lines(file)) {
    std::string text = line.at("text");
    words += tools.words(text).size();
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const auto split = tools.words(text);
    const auto tags = tools.tagger()->tags(split);
    std::string all;
    for (std::size_t w = 0; w < split.size(); ++w)
      all += (w > 0 ? "\n" : "") + split[w] + " " + tools.lemma(split[w]) + " " + candor::singular(split[w]) +
             " " + tags[w];
    for (const char c : all) digest = (digest ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  CHECK(words == expected().at("caption words").get<std::size_t>());
  CHECK(std::to_string(digest) == expected().at("caption digest").get<std::string>());
}

TEST_CASE("Without nltk's data plain rules stand in", "[eval][text]") {
  const candor::text_tools plain;
  CHECK_FALSE(plain.exact());
  using words = std::vector<std::string>;
  CHECK(plain.words("A dog. J. Brown's cats!") == words{"A", "dog", ".", "J.", "Brown", "'s", "cats", "!"});
  CHECK(plain.lemma("cats") == "cat");
  CHECK(plain.nouns("two red cats") == words{"two", "red", "cat"});
}

TEST_CASE("Incomplete data of nltk is refused by name", "[eval][text][bad]") {
  const scratch_folder folder;
  const auto refusal = [&] {
    return thrown_by([&] { candor::text_tools(folder.path(), {.lemmas = true}); });
  };
  CHECK_THAT(refusal(), contains("3: ") && contains("punkt_tab"));
  std::filesystem::create_directories(folder / "tokenizers");
  std::filesystem::copy(golden("eval/nltk_data") / "tokenizers", folder / "tokenizers",
                        std::filesystem::copy_options::recursive);
  CHECK_THAT(refusal(), contains("corpora/wordnet is missing") && contains("nltk.downloader"));
  std::filesystem::create_directories(folder / "corpora");
  candor::write_atomically(folder / "corpora/wordnet.zip", "");
  CHECK_THAT(refusal(), contains("unzip wordnet.zip"));
  std::filesystem::create_directories(folder / "corpora/wordnet");
  CHECK_THAT(refusal(), contains("5: ") && contains("index.noun"));
  candor::write_atomically(folder / "corpora/wordnet/index.noun", "  1 licence\n");
  candor::write_atomically(folder / "corpora/wordnet/noun.exc", "");
  CHECK_THAT(refusal(), contains("3: ") && contains("no nouns"));
  candor::write_atomically(folder / "tokenizers/punkt_tab/english/ortho_context.tab", "word\tx\n");
  CHECK_THAT(refusal(), contains("ortho_context.tab:1: expected a word, a tab and a number"));
}
