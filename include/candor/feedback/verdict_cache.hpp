// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Verdicts that were paid for, on disk: a run that starts again asks nothing twice.

#include <candor/core/fingerprint.hpp>
#include <candor/image/image_source.hpp>
#include <candor/io/line_log.hpp>
#include <candor/model/questions.hpp>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

namespace CANDOR_NS {

/// A file of lines {"key": "...", "yes": 0.9, "no": 0.1} that grows with each verdict, `<path>.part`. A line
/// that a kill cut short is dropped when it is opened; input_error with the line for any other that is none.
class verdict_cache {
 public:
  explicit verdict_cache(const std::filesystem::path& path);

  /// Names a question to a judge about pictures by the content of all.
  static std::string key(const std::string& judge, std::span<const image_source> images,
                         const std::string& question) {
    return key(pictures(judge, images), question);
  }
  /// The same in two steps, for many questions about pictures that are then read once.
  static fingerprint pictures(const std::string& judge, std::span<const image_source> images);
  static std::string key(fingerprint of_pictures, const std::string& question);

  std::optional<yes_no_answer> find(const std::string& key) const;
  /// Keeps a verdict, or many at once; they are on the disk when this returns.
  void add(const std::string& key, const yes_no_answer& verdict) {
    const std::pair one{key, verdict};
    add_all(std::span(&one, 1));
  }
  void add_all(std::span<const std::pair<std::string, yes_no_answer>> verdicts);
  std::size_t size() const { return known_.size(); }

 private:
  line_log log_;
  std::unordered_map<std::string, yes_no_answer> known_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/verdict_cache_impl.hpp>
#endif
