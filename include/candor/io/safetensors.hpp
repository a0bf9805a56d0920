// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Reading and writing safetensors files: 8 bytes of header length, a JSON header, then the data.
/// The reader is as strict as the format's Rust reference: the header is capped at 100 MB, offsets must begin
/// at 0, leave no hole or overlap and end with the file, sizes must match shape and type without overflow. It
/// is stricter in one point: a name may appear once only. Data is read with pread, never mapped, so a file
/// that shrinks gives an error and not a signal.

#include <candor/core/config.hpp>
#include <candor/core/scalar.hpp>
#include <candor/core/shape.hpp>
#include <candor/io/convert.hpp>

#include <algorithm>
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

/// One tensor of a file. `begin` and `end` are bytes from the start of the data.
struct tensor_info {
  std::string name;
  dtype type =
      dtype::u8;  ///< u8 where `type_name` is a type that candor does not compute with (F8_E4M3, U32...)
  shape extents;  ///< () where the tensor has more than shape::max_rank axes; `dims` has them all
  std::uint64_t begin = 0, end = 0;
  std::string type_name;            ///< as in the file: "F32"
  std::vector<std::uint64_t> dims;  ///< as in the file, any number of axes

  std::uint64_t bytes() const { return end - begin; }
  std::uint64_t elements() const {
    std::uint64_t n = 1;
    for (const auto d : dims) n *= d;
    return n;
  }
};

/// An open file. The header is read and checked at once, data on request. Movable; reading is thread-safe.
class safetensors_file {
 public:
  /// io_error where the file cannot be opened, input_error where it is not a valid safetensors file.
  explicit safetensors_file(std::filesystem::path path);
  ~safetensors_file();
  safetensors_file(safetensors_file&& other) noexcept;
  safetensors_file& operator=(safetensors_file&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }
  /// All tensors in the order of their data.
  const std::vector<tensor_info>& tensors() const { return tensors_; }
  /// The tensor of this name, or nullptr.
  const tensor_info* find(std::string_view name) const;
  /// The strings of `__metadata__`.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// Copies the bytes of a tensor of this file; `out` has exactly as many.
  void read(const tensor_info& tensor, std::span<std::byte> out) const;

  /// Reads a floating-point tensor (f64, f32, f16, bf16) of at most four axes as float, double or bfloat16;
  /// see convert_element for the rounding. `out` has exactly its elements. Values are not inspected.
  template <class T>
  void read_as(const tensor_info& tensor, std::span<T> out) const;
  template <class T>
  std::vector<T> read_as(const tensor_info& tensor) const {
    std::vector<T> out(numbers_in(tensor));
    read_as(tensor, std::span<T>(out));
    return out;
  }

 private:
  /// Elements of a tensor that can be read as numbers with a shape; input_error for all others.
  std::size_t numbers_in(const tensor_info& tensor) const;
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t data_begin_ = 0, data_bytes_ = 0;
  std::vector<tensor_info> tensors_;
  std::vector<std::uint32_t> by_name_;  ///< indices into tensors_, sorted by name
  std::map<std::string, std::string> metadata_;
};

template <class T>
void safetensors_file::read_as(const tensor_info& tensor, std::span<T> out) const {
  const std::size_t count = numbers_in(tensor);
  require<shape_error>(out.size() == count, path_.string(), ": tensor \"", tensor.name, "\" ", tensor.extents,
                       " has ", count, " elements, the destination has ", out.size());
  if (tensor.type == dtype_v<T>) return read(tensor, std::as_writable_bytes(out));
  constexpr std::size_t chunk = std::size_t{1} << 17;  // elements at a time: bounds the copy in memory
  const std::size_t width = size_of(tensor.type);
  std::vector<std::byte> buffer(std::min(count, chunk) * width);
  for (std::size_t done = 0; done < count; done += chunk) {
    const std::size_t now = std::min(chunk, count - done);
    const auto bytes = std::span(buffer).first(now * width);
    read_at(tensor.begin + done * width, bytes);
    convert_elements<T>(tensor.type, bytes, out.subspan(done, now));
  }
}

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
