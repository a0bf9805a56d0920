// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CLIP's loss (Radford et al., 2021) with false texts beside the true ones. With unit rows u of N images and
/// v of M >= N texts, text i true of image i and those from N on of none,
///   z = scale u v^T,   loss = (mean over images of -log softmax(z(i, :))[i]
///                              + mean over true texts of -log softmax(z(:, i))[i]) / 2.
/// Shapes: images (N, P), texts (M, P), before they are divided by their lengths.

#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/host/host.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace scenes {

namespace detail {

/// Rows of length 1, and what they were divided by.
struct unit_rows {
  explicit unit_rows(const candor::variable<candor::host, float>& x)
      : count(static_cast<std::size_t>(x.rows())),
        width(static_cast<std::size_t>(x.cols())),
        rows(count * width) {
    for (std::size_t i = 0; i < count; ++i) {
      double square = 0;
      for (std::size_t p = 0; p < width; ++p) {
        rows[i * width + p] = static_cast<double>(x.value().data[i * width + p]);
        square += rows[i * width + p] * rows[i * width + p];
      }
      lengths.push_back(std::sqrt(square));
      for (std::size_t p = 0; p < width; ++p) rows[i * width + p] /= lengths.back();
    }
  }
  /// d_x += (d_u - u (u d_u)) / |x|
  void send_back(const std::vector<double>& d_u, const candor::variable<candor::host, float>& x) const {
    const auto sink = x.sink();
    for (std::size_t i = 0; i < count; ++i) {
      double along = 0;
      for (std::size_t p = 0; p < width; ++p) along += rows[i * width + p] * d_u[i * width + p];
      for (std::size_t p = 0; p < width; ++p) {
        const std::size_t at = i * width + p;
        const auto d = static_cast<float>((d_u[at] - rows[at] * along) / lengths[i]);
        sink.d.data[at] = sink.add ? sink.d.data[at] + d : d;
      }
    }
  }
  std::size_t count, width;
  std::vector<double> rows, lengths;
};

}  // namespace detail

/// Returns the loss and records its backward pass.
inline double contrastive_loss(candor::tape<candor::host>& tape,
                               const candor::variable<candor::host, float>& images,
                               const candor::variable<candor::host, float>& texts, double scale) {
  const detail::unit_rows u(images), v(texts);
  const std::size_t n = u.count, m = v.count, width = u.width;
  std::vector<double> z(n * m), d_z(n * m, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      for (std::size_t p = 0; p < width; ++p)
        z[i * m + j] += scale * u.rows[i * width + p] * v.rows[j * width + p];
  double loss = 0;
  const double weight = 0.5 / static_cast<double>(n);
  const auto choose = [&](std::size_t first, std::size_t step, std::size_t count, std::size_t target) {
    double top = z[first], sum = 0;
    for (std::size_t k = 0; k < count; ++k) top = std::max(top, z[first + k * step]);
    for (std::size_t k = 0; k < count; ++k) sum += std::exp(z[first + k * step] - top);
    loss += weight * (top + std::log(sum) - z[first + target * step]);
    for (std::size_t k = 0; k < count; ++k)
      d_z[first + k * step] +=
          weight * (std::exp(z[first + k * step] - top) / sum - (k == target ? 1.0 : 0.0));
  };
  for (std::size_t i = 0; i < n; ++i) {
    choose(i * m, 1, m, i);  // the texts of an image
    choose(i, m, n, i);      // the images of a true text
  }
  std::vector<double> d_u(n * width, 0.0), d_v(m * width, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      for (std::size_t p = 0; p < width; ++p) {
        d_u[i * width + p] += scale * d_z[i * m + j] * v.rows[j * width + p];
        d_v[j * width + p] += scale * d_z[i * m + j] * u.rows[i * width + p];
      }
  tape.record([images, texts, u, v, d_u, d_v] {
    u.send_back(d_u, images);
    v.send_back(d_v, texts);
  });
  return loss;
}

}  // namespace scenes
