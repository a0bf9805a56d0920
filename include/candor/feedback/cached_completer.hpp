// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Completions of a served model that stay on disk: a run that is killed, or whose server falls silent, and
/// starts again asks nothing twice.

#include <candor/feedback/remote_judge.hpp>
#include <candor/io/line_log.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace CANDOR_NS {

/// A text_completer (feedback/prompted.hpp) at temperature 0, with a file of lines {"key": "...", "text":
/// "..."} that grows with each reply, `<cache>.part`. The key is of the model's name, the prompt with its
/// pictures and the longest reply; where the model is served makes no difference. A line that a kill cut
/// short is dropped when the file is opened; input_error with the line for any other that is none.
class cached_completer {
 public:
  cached_completer(endpoint_options endpoint, const std::filesystem::path& cache,
                   std::int64_t max_new_tokens = 512);

  /// One text for each prompt. io_error where the server does not answer in the end; what came is kept.
  std::vector<std::string> operator()(std::span<const std::string> prompts);
  /// The same for prompts with pictures, one prompt each.
  std::vector<std::string> operator()(std::span<const picture_questions> prompts);
  /// Prompts that went to the server.
  std::int64_t asked() const { return asked_; }

 private:
  std::string key(const picture_questions& prompt) const;

  endpoint_options endpoint_;
  std::int64_t max_new_tokens_, asked_ = 0;
  line_log log_;
  std::unordered_map<std::string, std::string> known_;  // by key
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/cached_completer_impl.hpp>
#endif
