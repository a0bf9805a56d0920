// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of text_tools.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/text_tools.hpp>
#include <candor/eval/word_tokens.hpp>

#include <array>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// nltk leaves some packages zipped; only unzipped ones are read here.
CANDOR_INLINE std::filesystem::path nltk_part(const std::filesystem::path& data, const std::string& folder,
                                              const std::string& package) {
  const auto part = data / folder;
  if (std::filesystem::is_directory(part)) return part;
  const auto zip = data / folder.substr(0, folder.find('/')) / (package + ".zip");
  if (std::filesystem::exists(zip))
    fail<input_error>(zip.string(), " is still packed; unzip it in its folder: cd ",
                      zip.parent_path().string(), " && unzip ", package, ".zip");
  fail<input_error>(part.string(), " is missing; fetch it with: python -m nltk.downloader -d ", data.string(),
                    " ", package);
}

/// WordNet's base form as far as endings tell. "men" and "people" are nouns of their own there, and of
/// several forms it takes the shortest: "vas" for "vases".
CANDOR_INLINE std::string lemma_by_rule(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 14> whole{{{"men", "men"},
                                                                                 {"people", "people"},
                                                                                 {"women", "woman"},
                                                                                 {"children", "child"},
                                                                                 {"feet", "foot"},
                                                                                 {"geese", "goose"},
                                                                                 {"mice", "mouse"},
                                                                                 {"teeth", "tooth"},
                                                                                 {"knives", "knife"},
                                                                                 {"wives", "wife"},
                                                                                 {"shoes", "shoe"},
                                                                                 {"buses", "bus"},
                                                                                 {"skis", "ski"},
                                                                                 {"vases", "vas"}}};
  for (const auto& [plural, base] : whole)
    if (word == plural) return std::string(base);
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> endings{{{"ss", "ss"},
                                                                                   {"us", "us"},
                                                                                   {"is", "is"},
                                                                                   {"sses", "ss"},
                                                                                   {"ches", "ch"},
                                                                                   {"shes", "sh"},
                                                                                   {"xes", "x"},
                                                                                   {"oes", "o"},
                                                                                   {"ies", "y"},
                                                                                   {"olves", "olf"},
                                                                                   {"men", "man"},
                                                                                   {"s", ""}}};
  for (const auto& [ending, base] : endings)
    if (word.size() > ending.size() && word.ends_with(ending))
      return std::string(word.substr(0, word.size() - ending.size())) + std::string(base);
  return std::string(word);
}

}  // namespace detail

CANDOR_INLINE text_tools::text_tools(const std::filesystem::path& nltk_data, const text_needs& needs)
    : exact_(true), sentences_(detail::nltk_part(nltk_data, "tokenizers/punkt_tab/english", "punkt_tab")) {
  if (needs.lemmas) lemmas_.emplace(detail::nltk_part(nltk_data, "corpora/wordnet", "wordnet"));
  if (needs.tags)
    tagger_.emplace(detail::nltk_part(nltk_data, "taggers/averaged_perceptron_tagger_eng",
                                      "averaged_perceptron_tagger_eng"));
}

CANDOR_INLINE std::vector<std::string> text_tools::words(std::string_view text) const {
  std::vector<std::string> out;
  for (const auto sentence : sentences_.sentences(text))
    for (auto& word : word_tokens(sentence)) out.push_back(std::move(word));
  return out;
}

CANDOR_INLINE std::string text_tools::lemma(std::string_view word) const {
  return lemmas_ ? lemmas_->lemma(word) : detail::lemma_by_rule(word);
}

CANDOR_INLINE std::vector<std::string> text_tools::nouns(std::string_view text) const {
  const auto all = words(text);
  const auto tags = tagger_ ? tagger_->tags(all) : std::vector<std::string>(all.size(), "NN");
  std::vector<std::string> out;
  for (std::size_t w = 0; w < all.size(); ++w)
    if (tags[w].starts_with("NN")) out.push_back(lemma(all[w]));
  return out;
}

}  // namespace CANDOR_NS
