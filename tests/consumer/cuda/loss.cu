// SPDX-License-Identifier: Apache-2.0
// An objective in device code and, with the same source, on the host: the host's value is checked, so no device is needed.
#include <candor/objective/dpo.hpp>

#include <cmath>
#include <cstdio>

using scalar = candor::dual<double, 2>;

__host__ __device__ double loss_at(double chosen, double rejected) {
  candor::pair<scalar> y;
  y.cells[0].sum = scalar::variable(chosen, 0);
  y.cells[1].sum = scalar::variable(rejected, 1);
  y.set_ratios();
  return candor::loss_of(candor::dpo{.beta = 0.5}, y).value;
}

__global__ void losses(const double* chosen, const double* rejected, double* loss, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) loss[i] = loss_at(chosen[i], rejected[i]);
}

int main() {
  const double expected = std::log1p(std::exp(-1.0)), loss = loss_at(1.0, -1.0);
  std::printf("loss %.17g, expected %.17g\n", loss, expected);
  return std::abs(loss - expected) < 1e-15 ? 0 : 1;
}
