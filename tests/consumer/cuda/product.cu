// SPDX-License-Identifier: Apache-2.0
// The device's backend, header-only: a product where there is a device, else the reason in words.
#include <candor/backend/cuda/cuda.cuh>

#include <cstdio>
#include <vector>

int main() {
  try {
    candor::cuda gpu{0};
    using matrix = candor::tensor<candor::cuda, float>;
    const auto a = matrix::from(gpu, {1, 2}, std::vector<float>{3, 4}), b = matrix::from(gpu, {1, 2}, std::vector<float>{5, 6});
    matrix c(gpu, {1, 1});
    gpu.matmul<float, float>(candor::transpose::no, a.view(), candor::transpose::yes, b.view(), c.view());
    return c.to_vector() == std::vector<float>{39} ? 0 : 1;
  } catch (const candor::usage_error& reason) {
    std::printf("%s\n", reason.what());
    return 0;
  }
}
