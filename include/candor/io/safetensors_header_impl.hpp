// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The header of a safetensors file, parsed as a stream: no document is built, so that memory follows the
/// number of tensors. Grammar: {"__metadata__"?: {text: text}, name: {"dtype", "shape", "data_offsets"},
/// ...}.

#include <candor/core/error.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/safetensors.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

/// Types of the format with their bits an element; those of candor::dtype and the others.
struct safetensors_type {
  std::string_view name;
  unsigned bits;
};
inline constexpr safetensors_type safetensors_types[] = {
    {"F64", 64},        {"F32", 32},    {"F16", 16},    {"BF16", 16},   {"I64", 64},    {"I32", 32},
    {"I16", 16},        {"I8", 8},      {"U8", 8},      {"BOOL", 8},    {"U64", 64},    {"U32", 32},
    {"U16", 16},        {"C64", 64},    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4}};

inline const safetensors_type* find_safetensors_type(std::string_view name) {
  const auto* found = std::find_if(std::begin(safetensors_types), std::end(safetensors_types),
                                   [&](const auto& t) { return t.name == name; });
  return found == std::end(safetensors_types) ? nullptr : found;
}

/// The receiver. Events arrive in one of these places.
class safetensors_header final : public json_handler {
 public:
  using json_handler::json_handler;

  std::vector<tensor_info> tensors;
  std::map<std::string, std::string> metadata;

  bool null() override {
    if (where_ == in_root && awaits_metadata_) return true;  // the reference takes null for none
    return scalar("null");
  }
  bool boolean(bool) override { return scalar("true or false"); }
  bool number_integer(number_integer_t v) override {
    if (where_ == in_shape || where_ == in_offsets) refuse_number(text(v));
    return scalar("a number");
  }
  bool number_unsigned(number_unsigned_t v) override {
    if (where_ != in_shape && where_ != in_offsets) return scalar("a number");
    if (v > std::uint64_t(std::numeric_limits<std::int64_t>::max())) refuse_number(text(v));
    if (where_ == in_shape)
      tensors.back().dims.push_back(v);
    else
      offsets_.push_back(v);
    if (offsets_.size() > 2) refuse(tensor(), ": data_offsets must hold two numbers");
    return true;
  }
  bool number_float(number_float_t, const string_t& written) override {
    if (where_ == in_shape || where_ == in_offsets) refuse_number(written.substr(0, 40));
    return scalar("a number");
  }
  bool string(string_t& v) override {
    if (where_ == in_metadata) {
      if (!metadata.emplace(key_, std::move(v)).second)
        refuse("__metadata__ has the key ", in_quotes(key_), " twice");
      return true;
    }
    if (where_ == in_tensor && key_ == "dtype") {
      if (find_safetensors_type(v) == nullptr) refuse(tensor(), ": unknown dtype ", in_quotes(v));
      tensors.back().type_name = std::move(v);
      return true;
    }
    return scalar("a string");
  }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    enter();
    if (where_ == before)
      where_ = in_root;
    else if (where_ == in_root)
      where_ = awaits_metadata_ ? in_metadata : in_tensor;
    else
      nested("an object");
    return true;
  }
  bool end_object() override {
    leave();
    if (inside_unknown_ > 0)
      --inside_unknown_;
    else if (where_ == in_tensor)
      finish_tensor();
    else
      where_ = where_ == in_metadata ? in_root : before;
    return true;
  }
  bool start_array(std::size_t) override {
    enter();
    if (where_ == in_tensor && inside_unknown_ == 0 && key_ == "shape")
      where_ = in_shape;
    else if (where_ == in_tensor && inside_unknown_ == 0 && key_ == "data_offsets")
      where_ = in_offsets;
    else
      nested("an array");
    return true;
  }
  bool end_array() override {
    leave();
    if (inside_unknown_ > 0)
      --inside_unknown_;
    else
      where_ = in_tensor;
    return true;
  }
  bool key(string_t& k) override {
    if (inside_unknown_ > 0) return true;
    if (where_ == in_root) {
      awaits_metadata_ = k == "__metadata__";
      if (awaits_metadata_) {
        if (std::exchange(saw_metadata_, true)) refuse("__metadata__ appears twice");
      } else {
        tensors.emplace_back().name = std::move(k);
        saw_ = {};
        offsets_.clear();
      }
    } else {
      key_ = std::move(k);
      if (where_ == in_tensor) note_field();
    }
    return true;
  }

 private:
  enum place_kind { before, in_root, in_metadata, in_tensor, in_shape, in_offsets };
  struct fields_seen {
    bool dtype = false, shape = false, offsets = false;
  };

  std::string tensor() const { return text("tensor ", in_quotes(tensors.back().name)); }

  void note_field() {
    bool* seen = key_ == "dtype"          ? &saw_.dtype
                 : key_ == "shape"        ? &saw_.shape
                 : key_ == "data_offsets" ? &saw_.offsets
                                          : nullptr;
    if (seen != nullptr && std::exchange(*seen, true))
      refuse(tensor(), " has the key ", in_quotes(key_), " twice");
  }
  [[noreturn]] void refuse_number(const std::string& written) const {
    refuse(tensor(), ": ", where_ == in_shape ? "shape" : "data_offsets",
           " must hold integers from 0 to 2^63-1, found ", written);
  }
  /// A value that has no meaning here; fine inside of keys that the format does not name.
  bool scalar(std::string_view kind) {
    if (inside_unknown_ > 0) return true;
    if (where_ == in_tensor && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets") return true;
    misplaced(kind);
  }
  void nested(std::string_view kind) {
    const bool unknown = where_ == in_tensor && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets";
    if (inside_unknown_ == 0 && !unknown) misplaced(kind);
    ++inside_unknown_;
  }
  [[noreturn]] void misplaced(std::string_view kind) const {
    switch (where_) {
      case before: refuse("the header must be an object, found ", kind);
      case in_root:
        if (awaits_metadata_) refuse("__metadata__ must be an object, found ", kind);
        refuse(tensor(), " must be an object, found ", kind);
      case in_metadata: refuse("__metadata__ value of ", in_quotes(key_), " must be a string, found ", kind);
      case in_tensor:
        refuse(tensor(), ": ", key_, " must be ", key_ == "dtype" ? "a string" : "an array", ", found ",
               kind);
      default:
        refuse(tensor(), ": ", where_ == in_shape ? "shape" : "data_offsets", " must hold integers, found ",
               kind);
    }
  }
  void finish_tensor() {
    if (!saw_.dtype || !saw_.shape || !saw_.offsets)
      refuse(tensor(), " has no ", !saw_.dtype ? "dtype" : !saw_.shape ? "shape" : "data_offsets");
    if (offsets_.size() != 2)
      refuse(tensor(), ": data_offsets must hold two numbers, found ", offsets_.size());
    tensors.back().begin = offsets_[0];
    tensors.back().end = offsets_[1];
    where_ = in_root;
  }

  place_kind where_ = before;
  bool awaits_metadata_ = false, saw_metadata_ = false;
  fields_seen saw_;
  std::size_t inside_unknown_ = 0;
  std::string key_;
  std::vector<std::uint64_t> offsets_;
};

/// Bytes that shape and type ask for; input_error where they overflow or are no whole number.
inline std::uint64_t checked_bytes(const tensor_info& t, const std::string& file) {
  std::uint64_t n = 1;
  for (const auto d : t.dims)
    require<input_error>(!__builtin_mul_overflow(n, d, &n), file, ": tensor ", in_quotes(t.name),
                         ": the product of its shape overflows");
  const unsigned bits = find_safetensors_type(t.type_name)->bits;
  require<input_error>(!__builtin_mul_overflow(n, std::uint64_t{bits}, &n), file, ": tensor ",
                       in_quotes(t.name), ": its size in bytes overflows");
  require<input_error>(n % 8 == 0, file, ": tensor ", in_quotes(t.name), ": ", n, " bits of ", t.type_name,
                       " do not end at a byte");
  return n / 8;
}

/// Sorts by offset and checks that the tensors cover `data_bytes` exactly.
inline void check_layout(std::vector<tensor_info>& tensors, std::uint64_t data_bytes,
                         const std::string& file) {
  std::sort(tensors.begin(), tensors.end(), [](const tensor_info& a, const tensor_info& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t at = 0;
  for (const auto& t : tensors) {
    const auto name = [&] { return text(file, ": tensor ", in_quotes(t.name)); };
    if (t.end < t.begin)
      fail<input_error>(name(), ": data_offsets [", t.begin, ", ", t.end, "] run backwards");
    if (t.begin < at) fail<input_error>(name(), " begins at ", t.begin, ", inside another that ends at ", at);
    if (t.begin > at)
      fail<input_error>(name(), " begins at ", t.begin, ", but the data before it ends at ", at, ": a hole");
    if (t.end > data_bytes)
      fail<input_error>(name(), " ends at ", t.end, ", but the file has ", data_bytes,
                        " bytes of data: it is truncated");
    const auto bytes = checked_bytes(t, file);
    if (t.end - t.begin != bytes)
      fail<input_error>(name(), " has ", t.end - t.begin, " bytes, its shape and type ", t.type_name,
                        " ask for ", bytes);
    at = t.end;
  }
  require<input_error>(at == data_bytes, file, ": ", data_bytes - at,
                       " bytes follow the last tensor; they belong to nothing");
}

}  // namespace CANDOR_NS::detail
