// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of noun_lemmas.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/noun_lemmas.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/text/characters_impl.hpp>

#include <array>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE noun_lemmas::noun_lemmas(const std::filesystem::path& folder) {
  // Lines of the licence begin with a blank; the others with the noun, its words joined by underscores.
  const std::string index = read_file(folder / "index.noun");
  for (std::size_t at = 0; at < index.size();) {
    const std::size_t end = index.find('\n', at);
    if (index[at] != ' ') nouns_.insert(index.substr(at, index.find_first_of(" \n", at) - at));
    if (end == index.npos) break;
    at = end + 1;
  }
  require<input_error>(!nouns_.empty(), (folder / "index.noun").string(),
                       ": no nouns; expected WordNet's index, a noun at the beginning of each line");
  const std::string exceptions = read_file(folder / "noun.exc");
  for (std::size_t at = 0; at < exceptions.size();) {
    const std::size_t end = std::min(exceptions.find('\n', at), exceptions.size());
    auto words = detail::split_at_spaces(std::string_view(exceptions).substr(at, end - at));
    if (!words.empty()) exceptions_[words[0]].assign(words.begin() + 1, words.end());
    at = end + 1;
  }
}

CANDOR_INLINE std::string noun_lemmas::lemma(std::string_view word) const {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> endings{{{"s", ""},
                                                                                  {"ses", "s"},
                                                                                  {"ves", "f"},
                                                                                  {"xes", "x"},
                                                                                  {"zes", "z"},
                                                                                  {"ches", "ch"},
                                                                                  {"shes", "sh"},
                                                                                  {"men", "man"},
                                                                                  {"ies", "y"}}};
  std::vector<std::string> forms{std::string(word)};
  if (const auto at = exceptions_.find(forms[0]); at != exceptions_.end()) {
    forms.insert(forms.end(), at->second.begin(), at->second.end());
  } else {
    for (const auto& [ending, becomes] : endings)
      if (word.ends_with(ending))
        forms.push_back(std::string(word.substr(0, word.size() - ending.size())) + std::string(becomes));
  }
  const std::string* best = nullptr;
  for (const auto& form : forms)
    if (nouns_.contains(form) && (best == nullptr || form.size() < best->size())) best = &form;
  return best == nullptr ? std::string(word) : *best;
}

}  // namespace CANDOR_NS
