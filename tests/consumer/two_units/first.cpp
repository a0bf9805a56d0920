// SPDX-License-Identifier: Apache-2.0
// One of two units that both include everything, header-only.
#include <candor/candor.hpp>

/// What this unit holds for a function of the headers that is not a template.
const void* reader_of_first() { return reinterpret_cast<const void*>(&candor::parse_layout); }

/// A product made here: 3 * 4 + 1 * 2.
float product_of_first(candor::host& cpu) {
  const auto a = candor::tensor<candor::host, float>::from(cpu, candor::shape{1, 2},
                                                           std::vector<float>{3, 1});  // (1, 2)
  const auto b = candor::tensor<candor::host, float>::from(cpu, candor::shape{2, 1},
                                                           std::vector<float>{4, 2});  // (2, 1)
  candor::tensor<candor::host, float> c(cpu, candor::shape{1, 1});                     // (1, 1)
  cpu.matmul(candor::transpose::no, a.view(), candor::transpose::no, b.view(), c.view());
  return c.to_vector()[0];
}
