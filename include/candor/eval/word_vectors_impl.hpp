// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of word_vectors.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/word_vectors.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/text/characters_impl.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE word_vectors::word_vectors(const std::filesystem::path& file) {
  const std::string bytes = read_file(file, std::uint64_t{8} << 30);
  std::size_t width = 0, line = 0;
  for (std::size_t at = 0; at < bytes.size(); ++line) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    std::string_view rest(bytes.data() + at, end - at);
    at = end + 1;
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    std::string word(rest.substr(0, blank));
    std::vector<float> numbers;
    rest.remove_prefix(blank);
    while (true) {
      while (!rest.empty() && detail::is_space(rest.front())) rest.remove_prefix(1);
      if (rest.empty()) break;
      float x = 0;
      const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), x);
      require<input_error>(read.ec == std::errc() && std::isfinite(x), file.string(), ":", line + 1,
                           ": expected a word and its numbers, found \"", rest.substr(0, 20), "\"");
      numbers.push_back(x);
      rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
    }
    if (line == 0 && numbers.size() == 1) continue;  // word2vec's count and width
    if (width == 0) width = numbers.size();
    require<input_error>(numbers.size() == width && width > 0, file.string(), ":", line + 1, ": the word \"",
                         word, "\" has ", numbers.size(), " numbers; expected ", width,
                         ", as the first one has");
    vectors_.emplace(std::move(word), std::move(numbers));
  }
  require<input_error>(!vectors_.empty(), file.string(),
                       ": no vectors; expected a word and its numbers a line");
}

CANDOR_INLINE float word_vectors::similarity(std::string_view a, std::string_view b) const {
  if (a == b) return 1.0f;
  const auto x = vectors_.find(std::string(a)), y = vectors_.find(std::string(b));
  if (x == vectors_.end() || y == vectors_.end()) return 0.0f;
  float dot = 0, square_x = 0, square_y = 0;
  for (std::size_t i = 0; i < x->second.size(); ++i) {
    dot += x->second[i] * y->second[i];
    square_x += x->second[i] * x->second[i];
    square_y += y->second[i] * y->second[i];
  }
  return square_x > 0 && square_y > 0 ? dot / (std::sqrt(square_x) * std::sqrt(square_y)) : 0.0f;
}

}  // namespace CANDOR_NS
