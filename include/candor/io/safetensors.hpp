// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Reading and writing safetensors files: 8 bytes of header length, a JSON header, then the data.
/// The reader is as strict as the format's Rust reference: the header is capped at 100 MB, offsets must begin
/// at 0, leave no hole or overlap and end with the file, sizes must match shape and type without overflow. It
/// is stricter in one point: a name may appear once only.

#include <candor/core/config.hpp>
#include <candor/core/scalar.hpp>
#include <candor/core/shape.hpp>
#include <candor/io/byte_source.hpp>
#include <candor/io/convert.hpp>
#include <candor/io/tensor_file.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// An open file. The header is read and checked at once, data on request. Movable; reading is thread-safe.
class safetensors_file final : public tensor_file {
 public:
  /// io_error where the file cannot be opened, input_error where it is not a valid safetensors file.
  explicit safetensors_file(std::filesystem::path path) : safetensors_file(byte_source(std::move(path))) {}
  explicit safetensors_file(byte_source source);

  const std::filesystem::path& path() const override { return source_.path(); }
  /// The strings of `__metadata__`.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  void read_part(const tensor_info& tensor, std::uint64_t from, std::span<std::byte> out) const override {
    source_.read(data_begin_ + tensor.begin + from, out);
  }

  byte_source source_;
  std::uint64_t data_begin_ = 0;
  std::map<std::string, std::string> metadata_;
};

/// A tensor to be written. `fill` receives room for exactly its bytes, once, when its turn comes.
struct tensor_source {
  std::string name;
  dtype type = dtype::f32;
  shape extents;
  std::function<void(std::span<std::byte>)> fill;

  std::uint64_t bytes() const { return static_cast<std::uint64_t>(extents.size()) * size_of(type); }
};

/// A source that converts from elements in memory, which must stay there until the file is written.
template <class T>
tensor_source source_of(std::string name, shape extents, std::span<const T> values, dtype type = dtype_v<T>);

/// Writes a file as the reference does (tensors by falling alignment, then by name; header padded to 8
/// bytes), so that equal content gives equal bytes. The file appears whole or not at all; one tensor is in
/// memory at a time. `format` "pt" is what transformers asks for. usage_error for names that are not unique
/// or not UTF-8.
void write_safetensors(const std::filesystem::path& path, const std::vector<tensor_source>& tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

namespace detail {

template <class Stored, class T>
void store_elements(std::span<const T> values, std::span<std::byte> out) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Stored value = convert_element<Stored>(values[i]);
    std::memcpy(out.data() + i * sizeof(Stored), &value, sizeof(Stored));
  }
}

}  // namespace detail

template <class T>
tensor_source source_of(std::string name, shape extents, std::span<const T> values, dtype type) {
  require<shape_error>(static_cast<std::uint64_t>(extents.size()) == values.size(), "[source_of] tensor \"",
                       name, "\" ", extents, " does not hold ", values.size(), " elements");
  require<usage_error>(is_floating(type) || type == dtype_v<T>, "[source_of] cannot convert \"", name,
                       "\" to ", name_of(type));
  auto fill = [values, type](std::span<std::byte> out) {
    if (type == dtype_v<T>) {
      if (!values.empty()) std::memcpy(out.data(), values.data(), out.size());
      return;
    }
    if constexpr (std::convertible_to<T, float>) {
      if (type == dtype::f64) detail::store_elements<double>(values, out);
      if (type == dtype::f32) detail::store_elements<float>(values, out);
      if (type == dtype::f16) detail::store_elements<half>(values, out);
      if (type == dtype::bf16) detail::store_elements<bfloat16>(values, out);
    }
  };
  return {std::move(name), type, extents, std::move(fill)};
}

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/safetensors_impl.hpp>
#endif
