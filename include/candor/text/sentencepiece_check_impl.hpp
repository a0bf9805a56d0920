// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of sentencepiece_check.hpp.

#include <candor/core/error.hpp>
#include <candor/text/sentencepiece_check.hpp>
#include <candor/text/sentencepiece_trie_impl.hpp>
#include <candor/text/sentencepiece_wire_impl.hpp>
#include <candor/text/utf8.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// Walks the messages of one file and fills the content.
class sentencepiece_reader {
 public:
  sentencepiece_reader(std::string_view bytes, std::string_view name, const sentencepiece_limits& limits)
      : bytes_(bytes), name_(name), limits_(limits) {}

  sentencepiece_content read() {
    require<input_error>(bytes_.size() <= limits_.file_bytes, name_, ": holds ", bytes_.size(),
                         " bytes, more than the ", limits_.file_bytes, " that a tokenizer may have");
    require<input_error>(!bytes_.empty(), name_, ": is empty; expected a sentencepiece model");
    wire_reader model(bytes_, 0, name_);
    while (const auto f = model.next()) {
      switch (f->number) {
        case 1: read_piece(f->message(name_)); break;
        case 2:
          read_trainer(f->message(name_));
          content_.settings.append(f->whole);
          break;
        case 3:
          read_normaliser(f->message(name_));
          content_.settings.append(f->whole);
          break;
        default: break;
      }
    }
    check_pieces();
    return std::move(content_);
  }

 private:
  void read_piece(wire_reader piece) {
    const auto number = content_.pieces.size();
    if (number >= limits_.pieces) refuse(piece.offset(), "more than ", limits_.pieces, " pieces");
    sentencepiece_entry entry;
    const std::uint64_t begin = piece.offset();
    while (const auto f = piece.next()) {
      if (f->number == 1) {
        const auto text = f->bytes(name_);
        if (text.size() > limits_.piece_bytes)
          refuse(f->offset, "piece ", number, " is ", text.size(), " bytes long; at most ",
                 limits_.piece_bytes, " are expected (longer ones crash sentencepiece)");
        entry.text = text;
      } else if (f->number == 2) {
        entry.score = std::bit_cast<float>(f->fixed32(name_));
        if (!std::isfinite(entry.score))
          refuse(f->offset, "the score of piece ", number, " is not a finite number");
      } else if (f->number == 3) {
        const std::uint64_t kind = f->varint(name_);
        if (kind < 1 || kind > 6) refuse(f->offset, "piece ", number, " has the unknown kind ", kind);
        entry.kind = static_cast<piece_kind>(kind);
      }
    }
    if (entry.text.empty()) refuse(begin, "piece ", number, " is empty");
    if (entry.text.find('\0') != std::string::npos) refuse(begin, "piece ", number, " holds a NUL byte");
    if (utf8_error(entry.text) != std::string::npos) refuse(begin, "piece ", number, " is not valid UTF-8");
    if (const auto [at, fresh] = seen_.emplace(entry.text, number); !fresh)
      refuse(begin, "piece ", number, " repeats the text of piece ", at->second);
    if (entry.kind == piece_kind::unknown) {
      if (content_.unknown_id >= 0)
        refuse(begin, "piece ", number, " is a second unknown piece; the first is piece ",
               content_.unknown_id);
      content_.unknown_id = static_cast<std::int32_t>(number);
    }
    if (entry.kind == piece_kind::byte) read_byte(entry.text, number, begin);
    content_.pieces.push_back(std::move(entry));
  }

  void read_byte(std::string_view text, std::size_t number, std::uint64_t begin) {
    const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
    const bool fits =
        text.size() == 6 && text.starts_with("<0x") && digit(text[3]) && digit(text[4]) && text[5] == '>';
    if (!fits) refuse(begin, "piece ", number, " is of kind byte but not written as <0x00> to <0xFF>");
    ++byte_pieces_;
  }

  void read_trainer(wire_reader trainer) {
    while (const auto f = trainer.next()) {
      if (f->number == 3) {
        const std::uint64_t kind = f->varint(name_);
        if (kind < 1 || kind > 4)
          refuse(f->offset, "unknown model type ", kind, "; expected 1 (unigram) to 4 (char)");
        content_.model = static_cast<sentencepiece_content::algorithm>(kind);
      } else if (f->number == 24) {
        content_.whitespace_as_suffix = f->varint(name_) != 0;
      } else if (f->number == 35) {
        content_.byte_fallback = f->varint(name_) != 0;
      }
    }
  }

  void read_normaliser(wire_reader normaliser) {
    while (const auto f = normaliser.next()) {
      if (f->number == 2) {
        const auto map = f->bytes(name_);
        content_.has_character_map = !map.empty();
        if (!map.empty())
          check_character_map(map, f->content_offset, name_, limits_.character_map_bytes, limits_.nesting);
      } else if (f->number == 3) {
        content_.add_dummy_prefix = f->varint(name_) != 0;
      } else if (f->number == 4) {
        content_.remove_extra_whitespaces = f->varint(name_) != 0;
      } else if (f->number == 5) {
        content_.escape_whitespaces = f->varint(name_) != 0;
      }
    }
  }

  void check_pieces() const {
    require<input_error>(!content_.pieces.empty(), name_, ": holds no pieces; it is no sentencepiece model");
    require<input_error>(content_.unknown_id >= 0, name_, ": none of the ", content_.pieces.size(),
                         " pieces is of kind unknown; exactly one is expected");
    if (content_.byte_fallback)
      require<input_error>(byte_pieces_ == 256, name_, ": falls back to bytes but holds ", byte_pieces_,
                           " byte pieces; 256 are expected");
    else
      require<input_error>(byte_pieces_ == 0, name_, ": holds ", byte_pieces_,
                           " byte pieces without the byte fallback");
    check_nesting();
  }

  /// sentencepiece collects the user-defined pieces that begin at a place in a buffer of fixed size.
  void check_nesting() const {
    std::vector<std::string_view> symbols;
    for (const auto& p : content_.pieces)
      if (p.kind == piece_kind::user_defined) symbols.push_back(p.text);
    std::sort(symbols.begin(), symbols.end());  // a text comes after all its prefixes
    std::vector<std::string_view> open;
    for (const auto s : symbols) {
      while (!open.empty() && !s.starts_with(open.back())) open.pop_back();
      open.push_back(s);
      require<input_error>(open.size() <= limits_.nesting, name_, ": more than ", limits_.nesting,
                           " user-defined pieces are prefixes of each other, up to piece ",
                           seen_.at(std::string(s)));
    }
  }

  template <class... Parts>
  [[noreturn]] void refuse(std::uint64_t offset, const Parts&... parts) const {
    fail<input_error>(name_, ": byte ", offset, ": ", parts...);
  }

  std::string_view bytes_, name_;
  const sentencepiece_limits& limits_;
  sentencepiece_content content_;
  std::unordered_map<std::string, std::size_t> seen_;
  std::size_t byte_pieces_ = 0;
};

}  // namespace detail

CANDOR_INLINE sentencepiece_content check_sentencepiece(std::string_view bytes, std::string_view name,
                                                        const sentencepiece_limits& limits) {
  return detail::sentencepiece_reader(bytes, name, limits).read();
}

CANDOR_INLINE std::string write_sentencepiece(const sentencepiece_content& content, merge_order order) {
  const bool by_id = order == merge_order::by_id && content.model == sentencepiece_content::algorithm::bpe;
  std::string out;
  for (std::size_t i = 0; i < content.pieces.size(); ++i) {
    const auto& p = content.pieces[i];
    std::string piece;
    detail::append_counted(piece, 1, p.text);
    const auto score = std::bit_cast<std::uint32_t>(by_id ? -static_cast<float>(i) : p.score);
    piece.push_back('\x15');  // field 2, four bytes
    for (int k = 0; k < 4; ++k) piece.push_back(static_cast<char>(score >> (8 * k)));
    piece.append({'\x18', static_cast<char>(p.kind)});  // field 3, a varint
    detail::append_counted(out, 1, piece);
  }
  // A later normaliser block overrides single fields of the first: add_dummy_prefix and
  // remove_extra_whitespaces.
  return out + content.settings + std::string("\x1A\x04\x18\x00\x20\x00", 6);
}

}  // namespace CANDOR_NS
