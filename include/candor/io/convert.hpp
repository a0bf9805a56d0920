// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Floating-point elements as files store them, converted to the element type of a computation.

#include <candor/core/error.hpp>
#include <candor/core/scalar.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>

namespace CANDOR_NS {

static_assert(std::endian::native == std::endian::little, "files hold little-endian numbers");

/// True for the types that hold real numbers: f64, f32, f16, bf16.
constexpr bool is_floating(dtype type) {
  return type == dtype::f64 || type == dtype::f32 || type == dtype::f16 || type == dtype::bf16;
}

/// One element: exact where the target is at least as wide, else rounded to nearest, ties to even (from
/// double to a 16-bit type by way of float, as PyTorch does).
template <class T, class Stored>
constexpr T convert_element(Stored value) {
  if constexpr (std::same_as<T, Stored>)
    return value;
  else if constexpr (std::same_as<T, double>)
    return static_cast<double>(value);
  else
    return T(static_cast<float>(value));
}

namespace detail {

template <class Stored, class T>
void convert_from(const std::byte* bytes, std::span<T> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored value;  // copied, since a tensor may lie at any offset
    std::memcpy(&value, bytes + i * sizeof(Stored), sizeof(Stored));
    out[i] = convert_element<T>(value);
  }
}

}  // namespace detail

/// Converts `out.size()` elements of a floating type; `bytes` holds exactly these.
template <class T>
void convert_elements(dtype type, std::span<const std::byte> bytes, std::span<T> out) {
  require<shape_error>(bytes.size() == out.size() * size_of(type), "[convert] ", bytes.size(),
                       " bytes are not ", out.size(), " elements of ", name_of(type));
  switch (type) {
    case dtype::f64: return detail::convert_from<double>(bytes.data(), out);
    case dtype::f32: return detail::convert_from<float>(bytes.data(), out);
    case dtype::f16: return detail::convert_from<half>(bytes.data(), out);
    case dtype::bf16: return detail::convert_from<bfloat16>(bytes.data(), out);
    default: fail<input_error>("[convert] ", name_of(type), " is not a floating-point type");
  }
}

}  // namespace CANDOR_NS
