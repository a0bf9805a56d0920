// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Reads the protobuf wire of a sentencepiece .model and checks it before sentencepiece sees it, since
/// released versions of that library trust piece lengths, the character map's trie and the nesting of
/// user-defined pieces, and crash on crafted files. Wire format: protobuf's encoding page; fields:
/// sentencepiece_model.proto.

#include <candor/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// What a piece of the vocabulary is; the values are those of the file.
enum class piece_kind : std::uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6
};

struct sentencepiece_entry {
  std::string text;
  float score = 0;
  piece_kind kind = piece_kind::normal;
};

/// The checked content of a .model, as far as candor uses it.
struct sentencepiece_content {
  enum class algorithm : std::uint8_t { unigram = 1, bpe = 2, word = 3, character = 4 };

  std::vector<sentencepiece_entry> pieces;
  algorithm model = algorithm::unigram;
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool has_character_map = false;
  std::int32_t unknown_id = -1;  ///< place of the one piece of kind unknown
  std::string settings;          ///< the trainer and normaliser blocks as they stand in the file
};

/// Caps of the check; each lies far beyond any published tokenizer.
struct sentencepiece_limits {
  std::size_t file_bytes = std::size_t{64} << 20;
  std::size_t piece_bytes = 4096;
  std::size_t pieces = 1'000'000;
  std::size_t character_map_bytes = std::size_t{8} << 20;
  std::size_t nesting =
      32;  ///< user-defined pieces, or rules of the character map, that are prefixes of each other
};

/// Checks the bytes of a .model: lengths and varints within the file, known kinds, pieces that are distinct,
/// not empty, valid UTF-8 and free of NUL, finite scores, exactly one unknown piece, 256 byte pieces where
/// bytes are the fallback, a character map whose trie and texts stay within their block, and the caps above.
/// Errors: input_error as "<name>: byte <offset>: ...".
sentencepiece_content check_sentencepiece(std::string_view bytes, std::string_view name,
                                          const sentencepiece_limits& limits = {});

/// Which pair of neighbouring pieces a BPE model merges first.
enum class merge_order : std::uint8_t {
  by_score,  ///< the one whose union has the highest score: sentencepiece, transformers 4
  by_id  ///< the one whose union has the lowest id: transformers 5 from a tokenizer.model; LLaMA's runs of
         ///< spaces, which have low ids and the lowest score, come out differently
};

/// The content as a .model again, without self tests, denormaliser and unknown blocks, and with no dummy
/// prefix and no removal of spaces: tokenizers on top of it do the first themselves and never the second.
std::string write_sentencepiece(const sentencepiece_content& content,
                                merge_order order = merge_order::by_score);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/text/sentencepiece_check_impl.hpp>
#endif
