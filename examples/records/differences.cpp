// SPDX-License-Identifier: Apache-2.0
// What differs between two answers, by words.
#include <candor/eval/report.hpp>
#include <candor/text/align.hpp>

#include "records/page.hpp"

#include <map>
#include <vector>

namespace records {
namespace {

/// Words, each with the white space behind it; white space at the beginning is a word of its own.
std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view spaces = " \t\r\n";
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto space = text.find_first_of(spaces, at);
    const auto next = space == text.npos ? space : text.find_first_not_of(spaces, space);
    out.push_back(text.substr(at, next - at));
    at = next == text.npos ? text.size() : next;
  }
  return out;
}

/// A number for each word, the same for equal words; the white space behind it does not count.
std::vector<std::int32_t> numbers_of(const std::vector<std::string_view>& words,
                                     std::map<std::string_view, std::int32_t>& known) {
  std::vector<std::int32_t> out;
  for (auto word : words) {
    word = word.substr(0, word.find_last_not_of(" \t\r\n") + 1);
    out.push_back(known.emplace(word, static_cast<std::int32_t>(known.size())).first->second);
  }
  return out;
}

/// Words [begin, end) between two tags, white space at their end outside.
std::string marked(const std::vector<std::string_view>& words, std::size_t begin, std::size_t end,
                   std::string_view kind) {
  if (begin == end) return {};
  std::string run;
  for (std::size_t i = begin; i < end; ++i) run += words[i];
  const auto last = run.find_last_not_of(" \t\r\n") + 1;
  return candor::text("<mark class=\"", kind, "\">",
                      candor::html_escaped(std::string_view(run).substr(0, last)), "</mark>",
                      candor::html_escaped(std::string_view(run).substr(last)));
}

std::string plain(const std::vector<std::string_view>& words, std::size_t begin, std::size_t end) {
  std::string out;
  for (std::size_t i = begin; i < end; ++i) out += candor::html_escaped(words[i]);
  return out;
}

}  // namespace

marked_texts mark_differences(std::string_view chosen, std::string_view rejected) {
  const auto a = words_of(chosen), b = words_of(rejected);
  std::map<std::string_view, std::int32_t> known;
  const auto in_a = numbers_of(a, known), in_b = numbers_of(b, known);
  marked_texts out;
  std::size_t at_a = 0, at_b = 0;
  for (const auto& span :
       candor::changed_spans(in_a, in_b, {.min_match = 1, .autojunk = false, .weight_insertions = true})) {
    out.chosen += plain(a, at_a, span.begin_a) + marked(a, span.begin_a, span.end_a, "chosen");
    out.rejected += plain(b, at_b, span.begin_b) + marked(b, span.begin_b, span.end_b, "rejected");
    at_a = span.end_a;
    at_b = span.end_b;
  }
  out.chosen += plain(a, at_a, a.size());
  out.rejected += plain(b, at_b, b.size());
  return out;
}

}  // namespace records
