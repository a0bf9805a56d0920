// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// `bit_cast` for host and device: std::bit_cast is a host function to nvcc.

#include <candor/core/config.hpp>

namespace CANDOR_NS {

/// The bytes of `from` read as a `To` of the same size.
template <class To, class From>
CANDOR_HD constexpr To bit_cast(const From& from) noexcept {
  return __builtin_bit_cast(To, from);
}

}  // namespace CANDOR_NS
