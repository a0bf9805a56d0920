// SPDX-License-Identifier: Apache-2.0
// The other unit: both must hold the same functions, and a backend that one makes works in the other.
#include <candor/candor.hpp>

#include <iostream>

const void* reader_of_first();
float product_of_first(candor::host& cpu);

int main() {
  candor::host cpu({.threads = 1});
  const bool same = reader_of_first() == reinterpret_cast<const void*>(&candor::parse_layout);
  const float product = product_of_first(cpu);
  std::cout << "one function: " << same << ", product: " << product << "\n";
  return same && product == 14.0f ? 0 : 1;
}
