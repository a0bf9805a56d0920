// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Strict JSON for implementation files: one document in valid UTF-8, no byte order mark, no NUL bytes, no
/// key twice in an object, nesting capped. Every error is an input_error that begins with the place. The
/// functions are inline in every build, since several implementation files include this one.

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

using json = nlohmann::json;

/// Where a text comes from, for errors, and how deep it may nest.
struct json_source {
  std::string file;              ///< path, or another name of the text
  std::size_t first_line = 1;    ///< number of the text's first line: for JSONL that of the record
  std::size_t max_depth = 64;    ///< objects and arrays within each other
  bool count_bytes = false;      ///< places as byte offsets instead of line and column
  std::uint64_t first_byte = 0;  ///< offset of the text in its file
};

/// A member of json_object. Texts and keys lose their lengths here: of each length, json's own lists would
/// make a compiler try all conversions anew: 31 MB of the 951 that candor.hpp took.
struct json_member {
  json_member(const char* k, json v) : key(k), value(std::move(v)) {}
  template <std::size_t N>
  json_member(const char* k, const char (&text)[N]) : json_member(k, json(static_cast<const char*>(text))) {}

  const char* key;
  json value;
};

/// The object with these members.
inline json json_object(std::initializer_list<json_member> members) {
  json out = json::object();
  for (const auto& member : members) out[member.key] = member.value;
  return out;
}

/// A name from a file in quotes for a message: control characters escaped, cut after 120 bytes.
inline std::string in_quotes(std::string_view name) {
  constexpr std::size_t longest = 120;
  const std::string shown(name.substr(0, longest));
  return json(shown).dump(-1, ' ', false, json::error_handler_t::replace) +
         (name.size() > longest ? "..." : "");
}

/// Walks the bytes of a text and tells the handler how far the parser has come.
class json_cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  json_cursor() = default;
  json_cursor(const char* at, const char** progress) : at_(at), progress_(progress) {}
  reference operator*() const { return *at_; }
  json_cursor& operator++() {
    *progress_ = ++at_;
    return *this;
  }
  json_cursor operator++(int) {
    const json_cursor before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const json_cursor& a, const json_cursor& b) { return a.at_ == b.at_; }

 private:
  const char* at_ = nullptr;
  const char** progress_ = nullptr;
};

/// Base of the receivers of a parse: it knows the place and refuses what the parser refuses.
class json_handler : public nlohmann::json_sax<json> {
 public:
  json_handler(std::string_view text, const json_source& source)
      : text_(text), source_(source), at_(text.data()) {}

  /// "file:line:column" or "file: byte n" of where the parser stands.
  std::string place() const { return place_of(static_cast<std::size_t>(at_ - text_.data())); }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail<input_error>(place(), ": ", parts...);
  }

  bool parse_error(std::size_t, const std::string&, const json::exception& e) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ...": ours has the
    // place.
    std::string what = e.what();
    if (const auto bracket = what.find("] "); bracket != std::string::npos) what.erase(0, bracket + 2);
    if (what.starts_with("parse error at"))
      if (const auto colon = what.find(": "); colon != std::string::npos) what.erase(0, colon + 2);
    if (what.size() > 240) what = what.substr(0, 240) + "...";
    refuse("not valid JSON: ", what);
  }

  /// Parses the whole text into this receiver.
  void run() {
    if (text_.starts_with("\xEF\xBB\xBF")) refuse("begins with a byte order mark; save it as plain UTF-8");
    if (const auto zero = text_.find('\0'); zero != std::string_view::npos)
      fail<input_error>(place_of(zero), ": not valid JSON: a NUL byte");
    json::sax_parse(json_cursor(text_.data(), &at_), json_cursor(text_.data() + text_.size(), &at_), this);
  }

 protected:
  void enter() {
    if (++depth_ > source_.max_depth) refuse("nested deeper than ", source_.max_depth, " levels");
  }
  void leave() { --depth_; }
  std::size_t depth() const { return depth_; }

 private:
  std::string place_of(std::size_t offset) const {
    if (source_.count_bytes) return text(source_.file, ": byte ", source_.first_byte + offset);
    const auto before = text_.substr(0, offset);
    const auto line =
        source_.first_line + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
    const auto newline = before.rfind('\n');
    const auto column = newline == std::string_view::npos ? offset : offset - newline - 1;
    return text(source_.file, ":", line, ":", std::max<std::size_t>(column, 1));
  }

  std::string_view text_;
  const json_source& source_;
  const char* at_;
  std::size_t depth_ = 0;
};

/// Builds the document.
class json_builder final : public json_handler {
 public:
  using json_handler::json_handler;
  json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool v) override { return put(v); }
  bool number_integer(number_integer_t v) override { return put(v); }
  bool number_unsigned(number_unsigned_t v) override { return put(v); }
  bool number_float(number_float_t v, const string_t&) override { return put(v); }
  bool string(string_t& v) override { return put(std::move(v)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& k) override {
    if (open_.back()->contains(k)) refuse("the key ", in_quotes(k), " appears twice in one object");
    key_ = std::move(k);
    return true;
  }

 private:
  json* place_value(json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }
  bool put(json value) {
    place_value(std::move(value));
    return true;
  }
  bool open(json value) {
    enter();
    open_.push_back(place_value(std::move(value)));
    return true;
  }
  bool close() {
    leave();
    open_.pop_back();
    return true;
  }

  json root_;
  std::vector<json*> open_;
  std::string key_;
};

/// Parses one document. Errors: input_error with the place.
inline json parse_json(std::string_view text, const json_source& source) {
  json_builder builder(text, source);
  builder.run();
  return builder.take();
}

/// Reads and parses a file.
inline json read_json_file(const std::filesystem::path& path,
                           std::uint64_t max_bytes = std::uint64_t{64} << 20) {
  return parse_json(read_file(path, max_bytes), {.file = path.string()});
}

/// Writes a document with two spaces of indentation and a newline at its end, as transformers does.
inline void write_json_file(const std::filesystem::path& path, const json& document) {
  write_atomically(path, document.dump(2) + "\n");
}

}  // namespace CANDOR_NS::detail
