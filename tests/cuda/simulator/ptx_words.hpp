// SPDX-License-Identifier: Apache-2.0
#pragma once
// PTX as words: names with their dots, numbers, and single signs.

#include "cuda/simulator/program.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace simulator {

class ptx_words {
 public:
  /// Lines are counted from `line`.
  explicit ptx_words(std::string_view text, std::uint32_t line = 1) : text_(text), line_(line) { step(); }

  bool at_end() const { return word_.empty(); }
  std::string_view peek() const { return word_; }
  std::uint32_t line() const { return line_of_word_; }
  std::string_view take() {
    const auto word = word_;
    step();
    return word;
  }
  bool take_if(std::string_view wanted) {
    if (word_ != wanted) return false;
    step();
    return true;
  }
  void expect(std::string_view wanted) {
    if (!take_if(wanted)) fail("expected `" + std::string(wanted) + "`, found `" + std::string(word_) + "`");
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw unknown_ptx("PTX line " + std::to_string(line_of_word_) + ": " + what);
  }

 private:
  static bool in_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '%' || c == '.';
  }
  bool starts(std::string_view s) const { return text_.substr(at_, s.size()) == s; }

  void skip_blanks() {
    while (at_ < text_.size()) {
      if (starts("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
        line_ += text_[at_++] == '\n';
      } else {
        return;
      }
    }
  }
  void step() {
    skip_blanks();
    line_of_word_ = line_;
    std::size_t end = at_;
    if (end < text_.size() && text_[end] == '"') {
      end = std::min(text_.find('"', end + 1), text_.size() - 1) + 1;
    } else {
      while (end < text_.size() && (in_word(text_[end]) || text_.substr(end, 2) == "::" ||
                                    (end > at_ && text_.substr(end - 1, 2) == "::")))
        ++end;
      if (end == at_ && end < text_.size()) ++end;
    }
    word_ = text_.substr(at_, end - at_);
    at_ = end;
  }

  std::string_view text_, word_;
  std::size_t at_ = 0;
  std::uint32_t line_, line_of_word_ = 1;
};

}  // namespace simulator
