// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CLIP's tokenizer (Radford et al., 2021): lower-cased text is cut into words, numbers and signs, and each
/// is joined from its bytes by byte-pair merges, the last byte carrying the mark `</w>`. The ids are those of
/// transformers' CLIPTokenizer for the same folder.

#include <candor/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

namespace detail {
struct clip_vocabulary;
}

/// Copies share their tables; all functions may be called from several threads.
///
///     candor::clip_tokenizer words("clip-vit-large-patch14-336");
///     auto ids = words.encode("A red kite.", 77);
class clip_tokenizer {
 public:
  /// Reads tokenizer.json, or where it is absent vocab.json and merges.txt. io_error where a file cannot be
  /// read; input_error where one is missing, malformed, or of another tokenizer than CLIP's.
  explicit clip_tokenizer(const std::filesystem::path& folder);

  /// The id of the text's begin, the text, the id of its end; what makes it longer than `max_length` ids is
  /// cut off before the end. Bytes that are not UTF-8 are read as U+FFFD, words of the vocabulary that stand
  /// for begin and end become their ids. usage_error where max_length is below 2.
  std::vector<std::int32_t> encode(std::string_view text, std::size_t max_length) const;

  /// Number of ids: one more than the highest.
  std::size_t size() const;
  std::int32_t bos() const;
  std::int32_t eos() const;
  /// Hash of the bytes of the files, 32 hexadecimal digits.
  const std::string& content_hash() const;

 private:
  std::shared_ptr<const detail::clip_vocabulary> vocabulary_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/text/clip_tokenizer_impl.hpp>
#endif
