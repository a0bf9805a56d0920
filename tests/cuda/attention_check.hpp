// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrices that emulated kernels work on.

#include "cuda/simt.hpp"

#include "backend/attention_cases.hpp"

#include <candor/backend/cuda/attention_call.hpp>

namespace candor_test {

namespace device = candor::device;
using candor::bfloat16;

/// Rows of a matrix that the device may touch, within wider rows that it may not.
template <class T>
class device_rows {
 public:
  static constexpr std::int64_t margin = 8;  // elements on either side
  device_rows(std::int64_t rows, std::int64_t cols)
      : rows_(rows), cols_(cols), all_(static_cast<std::size_t>(rows * stride()), T(77.0f)) {}
  explicit device_rows(const matrix& m) : device_rows(m.rows, m.cols) {
    for (std::int64_t i = 0; i < rows_; ++i)
      for (std::int64_t j = 0; j < cols_; ++j) *place(i, j) = narrowed(m(i, j));
  }
  device::strided_rows<T> rows() { return {place(0, 0), stride()}; }
  device::strided_rows<const T> in() { return {place(0, 0), stride()}; }
  void allow(simt& gpu, bool writable) {
    for (std::int64_t i = 0; i < rows_; ++i)
      gpu.allow(place(i, 0), static_cast<std::size_t>(cols_) * sizeof(T), writable);
  }
  matrix to_matrix() {
    matrix m(rows_, cols_);
    for (std::int64_t i = 0; i < rows_; ++i)
      for (std::int64_t j = 0; j < cols_; ++j) m(i, j) = static_cast<double>(*place(i, j));
    return m;
  }

 private:
  static T narrowed(double x) {
    if constexpr (std::is_same_v<T, double>)
      return x;
    else
      return static_cast<T>(static_cast<float>(x));
  }
  std::int64_t stride() const { return cols_ + 2 * margin; }
  T* place(std::int64_t i, std::int64_t j) { return all_.data() + i * stride() + margin + j; }
  std::int64_t rows_, cols_;
  std::vector<T> all_;
};

}  // namespace candor_test
