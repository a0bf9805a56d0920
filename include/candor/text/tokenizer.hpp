// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The tokenizer of the LLaMA family: a sentencepiece model with added tokens on top, giving the ids that
/// transformers gives for the same folder.
///
/// sentencepiece sees the text between added tokens; where a space is put before such a chunk (the "dummy
/// prefix") is the only thing in which transformers' tokenizers of this family differ, see prefix_rule.

#include <candor/core/config.hpp>
#include <candor/text/sentencepiece_check.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// Stands in a list of ids for one image, whatever number of tokens it has in the model (LLaVA's
/// IMAGE_TOKEN_INDEX).
inline constexpr std::int32_t image_mark = -200;

/// Which chunks of text between added tokens get a space in front.
enum class prefix_rule : std::uint8_t {
  none,   ///< no chunk
  first,  ///< the chunk at the beginning of the text: the slow tokenizer with legacy false
  each,   ///< every chunk: the slow tokenizer with legacy true, and tokenizer.json with `Prepend`
  first_unless_space,  ///< as first, where it does not begin with a space: `Metaspace` with "first"
  each_unless_space    ///< as each, where it does not begin with a space: `Metaspace` with "always"
};

/// A token outside of the sentencepiece model, or one of its pieces that is to be found in texts.
struct added_token {
  std::int32_t id = 0;
  std::string text;
  bool special = true;  ///< left out by decode with skip_special
};

struct tokenizer_options {
  std::vector<added_token> added = {};               ///< besides those of the folder
  std::optional<prefix_rule> prefix = std::nullopt;  ///< instead of what the folder says
  std::optional<merge_order> merges = std::nullopt;  ///< instead of what the folder says
};

struct encode_options {
  bool bos = false;           ///< begin with the id of `<s>`
  bool eos = false;           ///< end with the id of `</s>`
  bool split_special = true;  ///< added tokens in the text become their ids; false: they are plain text
  bool continues = false;     ///< the text stands after an added token: its first chunk is not "first"
};

namespace detail {
struct tokenizer_tables;
}

/// Copies share their tables; all functions may be called from several threads.
///
///     candor::tokenizer words("llava-1.5-7b-hf");
///     auto ids = words.encode("What is this?", {.bos = true});
class tokenizer {
 public:
  /// From a model folder or a sentencepiece file.
  ///
  /// A folder needs `tokenizer.model`; its added tokens come from `added_tokens.json`,
  /// `tokenizer_config.json`
  /// (`added_tokens_decoder`) and `tokenizer.json`, which must agree with each other and with `config.json`'s
  /// `image_token_index`.
  /// Where `tokenizer.json` is there, prefix rule, order of merges and decoder are its own, as in
  /// transformers for LLaVA. Otherwise they are those under which LLaVA-1.5 was trained, transformers 4's
  /// slow tokenizer: sentencepiece's own merges, and `legacy` of `tokenizer_config.json` decides between
  /// prefix_rule::each (true, absent, or a lone sentencepiece file) and prefix_rule::first (false).
  /// (transformers 5 reads such a folder differently: LlamaTokenizer takes each_unless_space or, for false
  /// and absent, first_unless_space, and merges by id, which differs in chunks that begin with a space and in
  /// runs of spaces; AutoTokenizer for a `llava` folder takes no prefix at all. Both can be had by the
  /// options.)
  ///
  /// Errors: io_error where a file cannot be read; input_error where one is missing, malformed or contradicts
  /// another.
  explicit tokenizer(const std::filesystem::path& folder_or_model, const tokenizer_options& options = {});

  /// Ids of a text. Bytes that are not UTF-8 are read as U+FFFD. usage_error where bos or eos is asked for
  /// and absent.
  std::vector<std::int32_t> encode(std::string_view text, const encode_options& options = {}) const;

  /// Text of ids, as transformers' `decode` with `clean_up_tokenization_spaces=False`. Byte pieces in a row
  /// that are no UTF-8 give one U+FFFD each; image marks and ids without a piece give nothing.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special = false) const;

  /// Number of ids: one more than the highest.
  std::size_t size() const;
  /// The piece as it stands in the vocabulary (a space is U+2581); empty for an id without one.
  std::string_view piece(std::int32_t id) const;
  /// The id of a piece or added token.
  std::optional<std::int32_t> find(std::string_view piece) const;
  bool is_special(std::int32_t id) const;
  /// The byte that a piece stands for, where it stands for one.
  std::optional<unsigned char> byte_of(std::int32_t id) const;

  std::int32_t bos() const;  ///< begin of text, -1 where there is none
  std::int32_t eos() const;  ///< end of text, -1 where there is none
  std::int32_t unk() const;  ///< unknown
  std::int32_t pad() const;  ///< padding, -1 where there is none
  /// The id of the added token `<image>`; original LLaVA folders have none.
  std::optional<std::int32_t> image() const;

  prefix_rule prefix() const;
  merge_order merges() const;
  /// Whether decode removes a space at the beginning of the text.
  bool strips_first_space() const;
  /// Hash of the bytes of all files that were read and of the options, 32 hexadecimal digits.
  const std::string& content_hash() const;

 private:
  std::shared_ptr<const detail::tokenizer_tables> tables_;
};

/// Text of ids one by one, for output while a model samples. The parts that `push` and `finish` return,
/// joined, are `decode` of all ids. Byte pieces are held back until the run of bytes ends, since only the
/// whole run shows whether they are a character.
///
///     candor::text_stream out(words);
///     for (auto id : sampled) std::cout << out.push(id);
///     std::cout << out.finish();
class text_stream {
 public:
  explicit text_stream(tokenizer words, bool skip_special = true);
  /// The text that is complete with this id; may be empty.
  std::string push(std::int32_t id);
  /// What was held back.
  std::string finish();

 private:
  std::string emit(std::string text);
  void flush_bytes(std::string& out);

  tokenizer words_;
  bool skip_special_, at_start_ = true;
  std::string bytes_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/text/tokenizer_impl.hpp>
#endif
