// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of tokenizer.hpp.

#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/text/sentencepiece_check.hpp>
#include <candor/text/tokenizer.hpp>
#include <candor/text/tokenizer_files_impl.hpp>
#include <candor/text/utf8.hpp>

#include <sentencepiece_processor.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

namespace CANDOR_NS {
namespace detail {

struct tokenizer_tables {
  sentencepiece::SentencePieceProcessor model;
  struct entry {
    std::string text;
    bool special = false;
    std::int16_t byte = -1;
  };
  std::vector<entry> entries;                                // by id
  std::unordered_map<std::string_view, std::int32_t> ids;    // views into entries
  std::array<std::vector<std::int32_t>, 256> found_in_text;  // added tokens by first byte, longest first
  std::int32_t bos = -1, eos = -1, unk = -1, pad = -1;
  prefix_rule prefix = prefix_rule::each;
  merge_order merges = merge_order::by_score;
  bool strip = true;
  std::string hash;

  /// The longest added token that begins at a place of the text, or -1.
  std::int32_t added_at(std::string_view rest) const {
    for (const std::int32_t id : found_in_text[static_cast<unsigned char>(rest.front())])
      if (rest.starts_with(entries[static_cast<std::size_t>(id)].text)) return id;
    return -1;
  }

  void encode_chunk(std::string_view chunk, bool first, std::vector<std::int32_t>& out) const {
    if (chunk.empty()) return;
    const bool spaced = chunk.front() == ' ' || chunk.starts_with("\xE2\x96\x81");
    const bool prefixed = prefix == prefix_rule::each || (prefix == prefix_rule::first && first) ||
                          (prefix == prefix_rule::each_unless_space && !spaced) ||
                          (prefix == prefix_rule::first_unless_space && first && !spaced);
    std::vector<int> ids_here;
    const auto status = model.Encode(prefixed ? text(" ", chunk) : std::string(chunk), &ids_here);
    require<input_error>(status.ok(), "sentencepiece cannot encode a text of ", chunk.size(),
                         " bytes: ", status.ToString());
    out.insert(out.end(), ids_here.begin(), ids_here.end());
  }
};

CANDOR_INLINE std::shared_ptr<const tokenizer_tables> load_tokenizer(const std::filesystem::path& path,
                                                                     const tokenizer_options& options) {
  tokenizer_files files = read_tokenizer_files(path, options);
  const auto tables = std::make_shared<tokenizer_tables>();
  const auto status = tables->model.LoadFromSerializedProto(write_sentencepiece(files.model, files.merges));
  require<input_error>(status.ok(), files.model_path,
                       ": sentencepiece refuses the model: ", status.ToString());

  auto& entries = tables->entries;
  for (auto& p : files.model.pieces) {
    const bool is_byte = p.kind == piece_kind::byte;
    const auto byte =
        is_byte ? static_cast<std::int16_t>(std::stoi(p.text.substr(3, 2), nullptr, 16)) : std::int16_t{-1};
    entries.push_back({std::move(p.text), false, byte});
  }
  for (auto& [id, token] : files.added) {
    const auto at = static_cast<std::size_t>(id);
    if (at >= entries.size()) entries.resize(at + 1);
    entries[at] = {token.text, token.special, -1};
    tables->found_in_text[static_cast<unsigned char>(token.text.front())].push_back(id);
  }
  for (auto& list : tables->found_in_text)
    std::stable_sort(list.begin(), list.end(), [&](std::int32_t x, std::int32_t y) {
      return entries[static_cast<std::size_t>(x)].text.size() >
             entries[static_cast<std::size_t>(y)].text.size();
    });
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (!entries[i].text.empty()) tables->ids.emplace(entries[i].text, static_cast<std::int32_t>(i));
  tables->bos = files.bos;
  tables->eos = files.eos;
  tables->unk = files.model.unknown_id;
  tables->pad = files.pad;
  tables->prefix = files.prefix;
  tables->merges = files.merges;
  tables->strip = files.strip;
  tables->hash = files.content.hex();
  return tables;
}

}  // namespace detail

CANDOR_INLINE tokenizer::tokenizer(const std::filesystem::path& folder_or_model,
                                   const tokenizer_options& options)
    : tables_(detail::load_tokenizer(folder_or_model, options)) {}

CANDOR_INLINE std::vector<std::int32_t> tokenizer::encode(std::string_view text,
                                                          const encode_options& options) const {
  std::vector<std::int32_t> out;
  if (options.bos) {
    require<usage_error>(bos() >= 0, "the tokenizer has no token for the begin of a text (bos)");
    out.push_back(bos());
  }
  std::size_t begin = 0;
  const auto chunk = [&](std::size_t end) {
    tables_->encode_chunk(text.substr(begin, end - begin), begin == 0 && !options.continues, out);
  };
  for (std::size_t i = 0; options.split_special && i < text.size();) {
    const std::int32_t id = tables_->added_at(text.substr(i));
    if (id < 0) {
      ++i;
      continue;
    }
    chunk(i);
    out.push_back(id);
    i += piece(id).size();
    begin = i;
  }
  chunk(text.size());
  if (options.eos) {
    require<usage_error>(eos() >= 0, "the tokenizer has no token for the end of a text (eos)");
    out.push_back(eos());
  }
  return out;
}

CANDOR_INLINE std::string tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  text_stream stream(*this, skip_special);
  std::string out;
  for (const std::int32_t id : ids) out += stream.push(id);
  return out + stream.finish();
}

CANDOR_INLINE std::size_t tokenizer::size() const { return tables_->entries.size(); }

CANDOR_INLINE std::string_view tokenizer::piece(std::int32_t id) const {
  return id >= 0 && static_cast<std::size_t>(id) < size()
             ? tables_->entries[static_cast<std::size_t>(id)].text
             : std::string_view();
}

CANDOR_INLINE std::optional<std::int32_t> tokenizer::find(std::string_view piece) const {
  const auto found = tables_->ids.find(piece);
  return found == tables_->ids.end() ? std::nullopt : std::optional(found->second);
}

CANDOR_INLINE bool tokenizer::is_special(std::int32_t id) const {
  return id >= 0 && static_cast<std::size_t>(id) < size() &&
         tables_->entries[static_cast<std::size_t>(id)].special;
}

CANDOR_INLINE std::optional<unsigned char> tokenizer::byte_of(std::int32_t id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= size()) return std::nullopt;
  const auto byte = tables_->entries[static_cast<std::size_t>(id)].byte;
  return byte < 0 ? std::nullopt : std::optional(static_cast<unsigned char>(byte));
}

CANDOR_INLINE std::int32_t tokenizer::bos() const { return tables_->bos; }
CANDOR_INLINE std::int32_t tokenizer::eos() const { return tables_->eos; }
CANDOR_INLINE std::int32_t tokenizer::unk() const { return tables_->unk; }
CANDOR_INLINE std::int32_t tokenizer::pad() const { return tables_->pad; }
CANDOR_INLINE std::optional<std::int32_t> tokenizer::image() const { return find("<image>"); }
CANDOR_INLINE prefix_rule tokenizer::prefix() const { return tables_->prefix; }
CANDOR_INLINE merge_order tokenizer::merges() const { return tables_->merges; }
CANDOR_INLINE bool tokenizer::strips_first_space() const { return tables_->strip; }
CANDOR_INLINE const std::string& tokenizer::content_hash() const { return tables_->hash; }

CANDOR_INLINE text_stream::text_stream(tokenizer words, bool skip_special)
    : words_(std::move(words)), skip_special_(skip_special) {}

CANDOR_INLINE std::string text_stream::push(std::int32_t id) {
  if (skip_special_ && words_.is_special(id)) return {};
  if (const auto byte = words_.byte_of(id)) {
    bytes_.push_back(static_cast<char>(*byte));
    return {};
  }
  std::string_view piece = words_.piece(id);
  if (piece.empty()) return {};
  std::string out;
  flush_bytes(out);
  constexpr std::string_view space = "\xE2\x96\x81";
  for (auto at = piece.find(space); at != std::string_view::npos; at = piece.find(space)) {
    out.append(piece.substr(0, at)).push_back(' ');
    piece.remove_prefix(at + space.size());
  }
  return emit(std::move(out.append(piece)));
}

CANDOR_INLINE std::string text_stream::finish() {
  std::string out;
  flush_bytes(out);
  return emit(std::move(out));
}

CANDOR_INLINE std::string text_stream::emit(std::string text) {
  if (text.empty()) return text;
  if (at_start_ && words_.strips_first_space() && text.front() == ' ') text.erase(0, 1);
  at_start_ = false;
  return text;
}

CANDOR_INLINE void text_stream::flush_bytes(std::string& out) {
  if (utf8_error(bytes_) == std::string_view::npos)
    out += bytes_;
  else
    for (std::size_t i = 0; i < bytes_.size(); ++i) out += "\xEF\xBF\xBD";
  bytes_.clear();
}

}  // namespace CANDOR_NS
