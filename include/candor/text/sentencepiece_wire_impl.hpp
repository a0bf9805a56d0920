// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The protobuf wire for implementation files: fields of one message, every length checked against the bytes
/// that are left. Inline in every build.

#include <candor/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace CANDOR_NS::detail {

class wire_reader;

/// One field with its place in the file.
struct wire_field {
  std::uint32_t number = 0;
  unsigned kind = 0;         ///< 0 varint, 1 eight bytes, 2 counted bytes, 5 four bytes
  std::uint64_t value = 0;   ///< of kinds 0, 1 and 5
  std::string_view content;  ///< of kind 2
  std::string_view whole;    ///< tag and value
  std::uint64_t offset = 0, content_offset = 0;

  std::uint64_t varint(std::string_view file) const { return expect(0, file), value; }
  std::uint32_t fixed32(std::string_view file) const {
    return expect(5, file), static_cast<std::uint32_t>(value);
  }
  std::string_view bytes(std::string_view file) const { return expect(2, file), content; }
  inline wire_reader message(std::string_view file) const;

 private:
  void expect(unsigned wanted, std::string_view file) const {
    require<input_error>(kind == wanted, file, ": byte ", offset, ": field ", number, " has wire type ", kind,
                         "; expected ", wanted);
  }
};

/// Reads the fields of a message one after the other.
class wire_reader {
 public:
  wire_reader(std::string_view bytes, std::uint64_t offset, std::string_view file)
      : bytes_(bytes), start_(offset), file_(file) {}

  std::uint64_t offset() const { return start_ + at_; }

  /// The next field, or nothing at the end. input_error where the bytes are no field.
  std::optional<wire_field> next() {
    if (at_ == bytes_.size()) return std::nullopt;
    const std::size_t begin = at_;
    wire_field f;
    f.offset = offset();
    const std::uint64_t tag = varint();
    f.kind = static_cast<unsigned>(tag & 7);
    if (tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF)
      refuse(f.offset, "field number ", tag >> 3, " does not exist");
    f.number = static_cast<std::uint32_t>(tag >> 3);
    switch (f.kind) {
      case 0: f.value = varint(); break;
      case 1: f.value = fixed(8); break;
      case 5: f.value = fixed(4); break;
      case 2: {
        const std::uint64_t length = varint();
        f.content_offset = offset();
        if (length > bytes_.size() - at_)
          refuse(f.offset, "field ", f.number, " says it is ", length, " bytes long; ", bytes_.size() - at_,
                 " are left");
        f.content = bytes_.substr(at_, length);
        at_ += static_cast<std::size_t>(length);
        break;
      }
      default: refuse(f.offset, "field ", f.number, " has the unsupported wire type ", f.kind);
    }
    f.whole = bytes_.substr(begin, at_ - begin);
    return f;
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    const std::uint64_t begin = offset();
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) refuse(begin, "the file or message ends within a number");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      if (shift == 63 && byte > 1) break;
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    refuse(begin, "a number of more than 64 bits");
  }
  std::uint64_t fixed(std::size_t n) {
    if (bytes_.size() - at_ < n) refuse(offset(), "the file or message ends within a number");
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < n; ++i)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at_ + i])) << (8 * i);
    at_ += n;
    return value;
  }
  template <class... Parts>
  [[noreturn]] void refuse(std::uint64_t offset, const Parts&... parts) const {
    fail<input_error>(file_, ": byte ", offset, ": ", parts...);
  }

  std::string_view bytes_;
  std::uint64_t start_;
  std::size_t at_ = 0;
  std::string_view file_;
};

inline wire_reader wire_field::message(std::string_view file) const {
  return wire_reader(bytes(file), content_offset, file);
}

/// Appends a field of counted bytes.
inline void append_counted(std::string& out, unsigned number, std::string_view content) {
  out.push_back(static_cast<char>(number << 3 | 2));
  std::size_t n = content.size();
  for (; n >= 0x80; n >>= 7) out.push_back(static_cast<char>(n | 0x80));
  out.push_back(static_cast<char>(n));
  out.append(content);
}

}  // namespace CANDOR_NS::detail
