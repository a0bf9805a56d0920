// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrices that emulated kernels work on, and what their results may differ from the definition.

#include "cuda/simt.hpp"

#include "backend/naive_attention.hpp"
#include "support/catch.hpp"

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

template <class T>
struct bounds;
template <>
struct bounds<float> {
  static constexpr double element = 1e-6, largest = 2e-6;
};
template <>
struct bounds<double> {
  static constexpr double element = 1e-14, largest = 1e-14;
};
template <>
struct bounds<bfloat16> {  // weights are rounded before they multiply v, as on the host
  static constexpr double element = 1.01 / 256, largest = 1.01 / 512;
};

inline void check_close(const std::string& what, const matrix& found, const matrix& expected, double element,
                        double largest) {
  REQUIRE(found.values.size() == expected.values.size());
  double top = 1.0, worst = 0;
  for (const double v : expected.values) top = std::max(top, std::abs(v));
  for (std::size_t i = 0; i < found.values.size(); ++i) {
    const double allowed = element * std::abs(expected.values[i]) + largest * top;
    const double error = std::abs(found.values[i] - expected.values[i]) / allowed;
    if (!(error <= worst)) worst = error;  // NaN counts
  }
  INFO(what << ": worst error in units of the bound: " << worst);
  CHECK(worst <= 1.0);
}

}  // namespace candor_test
