// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of perceptron_tagger.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/perceptron_tagger.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/text/characters_impl.hpp>

#include <algorithm>
#include <string_view>

namespace CANDOR_NS {
namespace detail {

/// The one file of a folder with this ending.
CANDOR_INLINE std::filesystem::path file_ending_in(const std::filesystem::path& folder,
                                                   std::string_view ending) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed))
    if (entry.path().filename().string().ends_with(ending)) return entry.path();
  fail<input_error>(folder.string(), ": no file *", ending,
                    "; fetch the weights with nltk.download(\"averaged_perceptron_tagger_eng\")");
}

/// The last three characters.
CANDOR_INLINE std::string_view suffix_of(std::string_view word) {
  std::size_t at = word.size();
  for (int n = 0; n < 3 && at > 0; ++n) do
      --at;
    while (at > 0 && (static_cast<unsigned char>(word[at]) & 0xC0u) == 0x80u);
  return word.substr(at);
}

CANDOR_INLINE std::string_view first_character(std::string_view word) {
  std::size_t n = word.empty() ? 0 : 1;
  while (n < word.size() && (static_cast<unsigned char>(word[n]) & 0xC0u) == 0x80u) ++n;
  return word.substr(0, n);
}

/// A word as its neighbours see it.
CANDOR_INLINE std::string tagger_form(const std::string& word) {
  if (word.find('-') != word.npos && word[0] != '-') return "!HYPHEN";
  if (word.size() == 4 && std::all_of(word.begin(), word.end(), is_digit)) return "!YEAR";
  if (!word.empty() && is_digit(word[0])) return "!DIGITS";
  return lower(word);
}

}  // namespace detail

CANDOR_INLINE perceptron_tagger::perceptron_tagger(const std::filesystem::path& folder) {
  const auto read = [&](const char* ending) {
    const auto file = detail::file_ending_in(folder, ending);
    return std::pair(detail::read_json_file(file, std::uint64_t{256} << 20), file.string());
  };
  const auto classes = read(".classes.json");  // clang before 16 lets no lambda capture structured bindings
  for (const auto& label : detail::json_field(classes.first, classes.second).items())
    labels_.push_back(label.string());
  std::sort(labels_.begin(), labels_.end());
  const auto label_of = [&](const detail::json_field& at, const std::string& name) {
    const auto found = std::lower_bound(labels_.begin(), labels_.end(), name);
    if (found == labels_.end() || *found != name)
      at.refuse("the tag ", detail::in_quotes(name), " is not in ", classes.second);
    return static_cast<std::uint32_t>(found - labels_.begin());
  };
  const auto [words, words_file] = read(".tagdict.json");
  const auto tagged = detail::json_field(words, words_file).object();
  for (const auto& [word, tag] : words.items()) {
    const detail::json_field field(tag, words_file, word);
    known_[word] = label_of(field, field.string());
  }
  const auto [weights, weights_file] = read(".weights.json");
  const auto all = detail::json_field(weights, weights_file).object();
  for (const auto& [feature, by_label] : weights.items()) {
    const detail::json_field field(by_label, weights_file, feature);
    field.object();
    const auto begin = static_cast<std::uint32_t>(weights_.size());
    for (const auto& [label, weight] : by_label.items())
      weights_.push_back(
          {label_of(field, label), detail::json_field(weight, weights_file, feature).number()});
    features_[feature] = {begin, static_cast<std::uint32_t>(weights_.size())};
  }
  require<input_error>(!labels_.empty(), classes.second, ": no tags; expected a list of texts");
}

CANDOR_INLINE void perceptron_tagger::add(scores& to, const std::string& feature) const {
  const auto at = features_.find(feature);
  if (at == features_.end()) return;
  for (auto i = at->second.first; i < at->second.second; ++i) to[weights_[i].label] += weights_[i].weight;
}

CANDOR_INLINE std::vector<std::string> perceptron_tagger::tags(const std::vector<std::string>& words) const {
  std::vector<std::string> context{"-START-", "-START2-"};
  for (const auto& word : words) context.push_back(detail::tagger_form(word));
  context.insert(context.end(), {"-END-", "-END2-"});
  std::string before = "-START-", two_before = "-START2-";
  std::vector<std::string> out;
  for (std::size_t w = 0; w < words.size(); ++w) {
    const auto known = known_.find(words[w]);
    std::string tag;
    if (known != known_.end()) {
      tag = labels_[known->second];
    } else {
      scores sums(labels_.size(), 0.0);
      const std::size_t i = w + 2;
      const auto feature = [&](const auto&... parts) { add(sums, text(parts...)); };
      feature("bias");
      feature("i suffix ", detail::suffix_of(words[w]));
      feature("i pref1 ", detail::first_character(words[w]));
      feature("i-1 tag ", before);
      feature("i-2 tag ", two_before);
      feature("i tag+i-2 tag ", before, " ", two_before);
      feature("i word ", context[i]);
      feature("i-1 tag+i word ", before, " ", context[i]);
      feature("i-1 word ", context[i - 1]);
      feature("i-1 suffix ", detail::suffix_of(context[i - 1]));
      feature("i-2 word ", context[i - 2]);
      feature("i+1 word ", context[i + 1]);
      feature("i+1 suffix ", detail::suffix_of(context[i + 1]));
      feature("i+2 word ", context[i + 2]);
      std::size_t best = 0;
      for (std::size_t l = 1; l < sums.size(); ++l)
        if (sums[l] >= sums[best]) best = l;
      tag = labels_[best];
    }
    two_before = before;
    before = tag;
    out.push_back(std::move(tag));
  }
  return out;
}

}  // namespace CANDOR_NS
