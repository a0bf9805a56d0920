// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What files of named tensors have in common, whatever their format: a checked list, and reading as numbers.

#include <candor/core/config.hpp>
#include <candor/core/scalar.hpp>
#include <candor/core/shape.hpp>
#include <candor/io/convert.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// One tensor of a file. `begin` and `end` are bytes from the start of the data, row-major.
struct tensor_info {
  std::string name;
  dtype type =
      dtype::u8;  ///< u8 where `type_name` is a type that candor does not compute with (F8_E4M3, U32...)
  shape extents;  ///< () where the tensor has more than shape::max_rank axes; `dims` has them all
  std::uint64_t begin = 0, end = 0;
  std::string type_name;            ///< as safetensors names it: "F32"
  std::vector<std::uint64_t> dims;  ///< as in the file, any number of axes

  std::uint64_t bytes() const { return end - begin; }
  std::uint64_t elements() const {
    std::uint64_t n = 1;
    for (const auto d : dims) n *= d;
    return n;
  }
};

/// An open file. What it holds is read and checked at once, data on request; reading is thread-safe.
class tensor_file {
 public:
  virtual ~tensor_file() = default;

  virtual const std::filesystem::path& path() const = 0;
  /// All tensors, in the order of their data.
  const std::vector<tensor_info>& tensors() const { return tensors_; }
  /// The tensor of this name, or nullptr.
  const tensor_info* find(std::string_view name) const;

  /// Copies the bytes of a tensor of this file, row-major; `out` has exactly as many.
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

 protected:
  tensor_file() = default;
  tensor_file(tensor_file&&) = default;
  tensor_file& operator=(tensor_file&&) = default;

  /// Takes the tensors, whose names have been checked.
  void set_tensors(std::vector<tensor_info> tensors);
  /// Bytes [from, from + out.size()) of a tensor's row-major elements; the arguments are checked.
  virtual void read_part(const tensor_info& tensor, std::uint64_t from, std::span<std::byte> out) const = 0;
  /// Whether a tensor is cheap to read in parts; otherwise it is read whole.
  virtual bool is_contiguous(const tensor_info&) const { return true; }

 private:
  /// Elements of a tensor that can be read as numbers with a shape; input_error for all others.
  std::size_t numbers_in(const tensor_info& tensor) const;

  std::vector<tensor_info> tensors_;
  std::vector<std::uint32_t> by_name_;  ///< indices into tensors_, sorted by name
};

/// A tensor in its file, under a name that may be another than the file's.
struct named_tensor {
  std::string name;
  const tensor_file* file = nullptr;
  const tensor_info* tensor = nullptr;

  /// input_error unless its shape is this one; `reason` says who asks, e.g. "config.json".
  void require_shape(const shape& expected, std::string_view reason) const;
  template <class T>
  void read_as(std::span<T> out) const {
    file->read_as(*tensor, out);
  }
};

namespace detail {

/// input_error, beginning with the file's name, where two tensors have the same one.
void refuse_repeated_names(std::span<const tensor_info> tensors, std::string_view file);

}  // namespace detail

template <class T>
void tensor_file::read_as(const tensor_info& tensor, std::span<T> out) const {
  const std::size_t count = numbers_in(tensor);
  require<shape_error>(out.size() == count, path().string(), ": tensor \"", tensor.name, "\" ",
                       tensor.extents, " has ", count, " elements, the destination has ", out.size());
  if (tensor.type == dtype_v<T>) return read(tensor, std::as_writable_bytes(out));
  constexpr std::size_t part = std::size_t{1} << 17;  // elements at a time: bounds the copy in memory
  const std::size_t width = size_of(tensor.type), chunk = is_contiguous(tensor) ? part : count;
  std::vector<std::byte> buffer(std::min(count, chunk) * width);
  for (std::size_t done = 0; done < count; done += chunk) {
    const std::size_t now = std::min(chunk, count - done);
    const auto bytes = std::span(buffer).first(now * width);
    read_part(tensor, done * width, bytes);
    convert_elements<T>(tensor.type, bytes, out.subspan(done, now));
  }
}

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/tensor_file_impl.hpp>
#endif
