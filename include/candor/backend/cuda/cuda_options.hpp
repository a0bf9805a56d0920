// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// How a CUDA device is to be used.

#include <candor/core/config.hpp>

#include <cstdint>
#include <filesystem>

namespace CANDOR_NS {

class operation_profile;

struct cuda_options {
  int device = 0;  ///< as the driver counts them
  std::uint64_t memory_limit =
      0;  ///< bytes of the pool, 0: none; the driver's own come on top (about 0.5 GiB)
  /// The same bits in every run on the same machine: products are not timed, and none adds partial sums in
  /// place.
  bool deterministic = false;
  bool tf32 =
      false;  ///< products of float round their operands to 10 bits, for eight times the speed of true fp32
  /// File in which the quickest algorithm of each product is kept; timed on first use. Empty: cuBLASLt's
  /// choice.
  std::filesystem::path product_file = {};
  /// Attention's forward pass by cuDNN where it can: attention_cudnn.cuh. usage_error in a build without cuDNN.
  bool cudnn = false;
  /// Where each operation notes the time that the stream spends with it; complete after synchronize().
  operation_profile* profile = nullptr;
};

}  // namespace CANDOR_NS
