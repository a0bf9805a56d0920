// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Strings that end a generated text, wherever their letters fall into tokens. transformers' stop_strings end
/// a text in the same place, and keep what stands from the string on; `cut` takes that away.

#include <candor/text/tokenizer.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// Give it to generate_options::stop.
class stop_strings {
 public:
  /// usage_error for an empty string, which every text has.
  stop_strings(tokenizer words, std::vector<std::string> strings);

  /// Whether the text has one of the strings.
  bool operator()(std::span<const std::int32_t> tokens) const;

  /// The text before the first of the strings.
  std::string_view cut(std::string_view text) const;

 private:
  tokenizer words_;
  std::vector<std::string> strings_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/text/stop_strings_impl.hpp>
#endif
