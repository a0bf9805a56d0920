// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The quick way through JSON that is right, some times as fast as nlohmann's parser, which looks at every
/// byte alone. It gives up at whatever is wrong or unusual, without a word; io/json_impl.hpp then parses the
/// text anew and says what and where.

#include <candor/core/config.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace CANDOR_NS::detail {

/// Parses one document in valid UTF-8; the same value as nlohmann's parser gives, or false.
class json_scan {
 public:
  using json = nlohmann::json;

  json_scan(std::string_view text, std::size_t max_depth)
      : at_(text.data()), end_(text.data() + text.size()), max_depth_(max_depth) {}

  bool document(json& out) { return value(out, 0) && (skip_spaces(), at_ == end_); }

 private:
  using byte = unsigned char;

  bool value(json& out, std::size_t depth) {
    skip_spaces();
    if (at_ == end_) return false;
    switch (*at_) {
      case '{': return object(out, depth + 1);
      case '[': return array(out, depth + 1);
      case '"': {
        out = std::string();
        return string(out.get_ref<std::string&>());
      }
      case 't': return literal("true") && (out = true, true);
      case 'f': return literal("false") && (out = false, true);
      case 'n': return literal("null") && (out = nullptr, true);
      default: return number(out);
    }
  }

  bool object(json& out, std::size_t depth) {
    if (depth > max_depth_) return false;
    out = json::object();
    auto& members = out.get_ref<json::object_t&>();
    ++at_;
    skip_spaces();
    if (take('}')) return true;
    do {
      skip_spaces();
      std::string key;
      if (at_ == end_ || *at_ != '"' || !string(key)) return false;
      const auto [member, is_new] = members.emplace(std::move(key), nullptr);
      skip_spaces();
      if (!is_new || !take(':') || !value(member->second, depth)) return false;
      skip_spaces();
    } while (take(','));
    return take('}');
  }

  bool array(json& out, std::size_t depth) {
    if (depth > max_depth_) return false;
    out = json::array();
    auto& items = out.get_ref<json::array_t&>();
    ++at_;
    skip_spaces();
    if (take(']')) return true;
    do {
      items.emplace_back();
      if (!value(items.back(), depth)) return false;
      skip_spaces();
    } while (take(','));
    return take(']');
  }

  /// Behind the opening quote; long runs of plain bytes are copied as a whole.
  bool string(std::string& out) {
    for (++at_; at_ != end_;) {
      const char* begin = at_;
      while (at_ != end_ && is_plain(*at_)) ++at_;
      out.append(begin, at_);
      if (at_ == end_) return false;
      if (take('"')) return true;
      if (!(*at_ == '\\' ? escape(out) : multibyte(out))) return false;
    }
    return false;
  }

  /// ASCII without control characters, quote and backslash.
  static bool is_plain(char c) {
    static constexpr auto table = [] {
      std::array<bool, 256> plain{};
      for (std::size_t i = 0x20; i < 0x80; ++i) plain[i] = i != '"' && i != '\\';
      return plain;
    }();
    return table[static_cast<byte>(c)];
  }

  /// A character of two to four bytes, each in its range: no overlong forms, no surrogates, none beyond
  /// U+10FFFF.
  bool multibyte(std::string& out) {
    const auto at = [this](std::ptrdiff_t i) { return static_cast<byte>(at_[i]); };
    const byte lead = at(0);
    const std::ptrdiff_t size = lead >= 0xc2 && lead < 0xe0   ? 2
                                : lead >= 0xe0 && lead < 0xf0 ? 3
                                : lead >= 0xf0 && lead < 0xf5 ? 4
                                                              : 0;
    if (size == 0 || end_ - at_ < size) return false;
    const byte least = lead == 0xe0   ? 0xa0
                       : lead == 0xf0 ? 0x90
                                      : 0x80,
               most = lead == 0xed   ? 0x9f
                      : lead == 0xf4 ? 0x8f
                                     : 0xbf;
    if (at(1) < least || at(1) > most) return false;
    for (std::ptrdiff_t i = 2; i < size; ++i)
      if (at(i) < 0x80 || at(i) > 0xbf) return false;
    out.append(at_, static_cast<std::size_t>(size));
    at_ += size;
    return true;
  }

  bool escape(std::string& out) {
    if (end_ - at_ < 2) return false;
    const char c = at_[1];
    at_ += 2;
    switch (c) {
      case '"':
      case '\\':
      case '/': out += c; return true;
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case 'u': return escaped_character(out);
      default: return false;
    }
  }

  /// Behind "\u": one character of the basic plane, or a pair of surrogates.
  bool escaped_character(std::string& out) {
    const auto first = four_digits();
    if (!first || (*first >= 0xdc00 && *first < 0xe000)) return false;
    std::uint32_t c = *first;
    if (c >= 0xd800 && c < 0xdc00) {
      if (!take('\\') || !take('u')) return false;
      const auto second = four_digits();
      if (!second || *second < 0xdc00 || *second >= 0xe000) return false;
      c = 0x10000 + ((c - 0xd800) << 10) + (*second - 0xdc00);
    }
    const auto add = [&](std::uint32_t lead, int shift) {
      out += static_cast<char>(lead | (c >> shift));
      while (shift > 0) out += static_cast<char>(0x80 | ((c >> (shift -= 6)) & 0x3f));
    };
    c < 0x80 ? add(0, 0) : c < 0x800 ? add(0xc0, 6) : c < 0x10000 ? add(0xe0, 12) : add(0xf0, 18);
    return true;
  }
  std::optional<std::uint32_t> four_digits() {
    std::uint32_t value = 0;
    if (end_ - at_ < 4) return std::nullopt;
    const auto [end, error] = std::from_chars(at_, at_ + 4, value, 16);
    if (error != std::errc() || end != at_ + 4) return std::nullopt;
    at_ = end;
    return value;
  }

  /// An unsigned integer, a negative one, or what is no integer or too large for one: a double.
  bool number(json& out) {
    const char* begin = at_;
    take('-');
    if (at_ == end_ || !is_digit(*at_)) return false;
    if (!take('0')) skip_digits();
    bool whole = true;
    if (take('.')) {
      whole = false;
      if (!skip_digits()) return false;
    }
    if (take('e') || take('E')) {
      whole = false;
      take('+') || take('-');
      if (!skip_digits()) return false;
    }
    const auto read = [&](auto value) {
      const auto [end, error] = std::from_chars(begin, at_, value);
      return error == std::errc() && end == at_ && (out = value, true);
    };
    if (whole && (*begin == '-' ? read(std::int64_t{}) : read(std::uint64_t{}))) return true;
    return read(double{});  // what overflows or underflows is left to the other parser
  }
  bool skip_digits() {
    const char* begin = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != begin;
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  void skip_spaces() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool take(char c) { return at_ != end_ && *at_ == c && (++at_, true); }
  bool literal(std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  const char *at_, *end_;
  std::size_t max_depth_;
};

}  // namespace CANDOR_NS::detail
