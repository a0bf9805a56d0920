// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A matrix that somebody else owns. Everything computes on matrices: (tokens, width), (out, in), (1, n).

#include <candor/core/config.hpp>
#include <candor/core/error.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace CANDOR_NS {

/// Non-owning matrix in the memory of backend `B`, rows `stride` elements apart. The backend is part of the
/// type, so host and device memory do not mix by accident.
template <class B, class T>
struct view {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;  ///< elements from one row to the next

  CANDOR_HD T& operator()(std::int64_t i, std::int64_t j) const { return data[i * stride + j]; }
  CANDOR_HD T* row(std::int64_t i) const { return data + i * stride; }
  std::int64_t size() const { return rows * cols; }
  bool contiguous() const { return stride == cols || rows <= 1; }

  view slice_rows(std::int64_t begin, std::int64_t count) const {
    require<shape_error>(begin >= 0 && count >= 0 && begin + count <= rows, "[slice_rows] rows ", begin, " to ",
                         begin + count, " of a view ", *this);
    return {data + begin * stride, count, cols, stride};
  }
  view slice_cols(std::int64_t begin, std::int64_t count) const {
    require<shape_error>(begin >= 0 && count >= 0 && begin + count <= cols, "[slice_cols] columns ", begin, " to ",
                         begin + count, " of a view ", *this);
    return {data + begin, rows, count, stride};
  }
  std::string str() const { return text("(", rows, ", ", cols, ")"); }

  template <class U>
    requires(!std::is_const_v<T> && std::is_same_v<U, const T>)
  operator view<B, U>() const {
    return {data, rows, cols, stride};
  }
  // The compiler shows these lines where a view of the wrong kind is given.
  // clang-format off
  template <class Other, class U> requires(!std::is_same_v<Other, B>)
  operator view<Other, U>() const = delete;  // copy what it shows to the other backend first: tensor::to_vector, tensor::from
  template <class U> requires(!std::is_same_v<std::remove_const_t<U>, std::remove_const_t<T>>)
  operator view<B, U>() const = delete;  // element types mix only through a cast
  // clang-format on
};

/// Where a gradient goes: `add` says whether something is there already.
template <class B, class T>
struct gradient_sink {
  view<B, T> d;
  bool add = false;
};

}  // namespace CANDOR_NS
