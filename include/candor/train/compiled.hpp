// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The optimizer, which candor::compiled has ready for the host and the ledger, for parameters in fp32 and bf16.

#include <candor/backend/host/host.hpp>
#include <candor/backend/ledger.hpp>
#include <candor/train/adamw.hpp>

/// `kind` is `template` in the compiled target and `extern template` elsewhere.
#define CANDOR_INSTANTIATE_OPTIMIZER(kind, B)                      \
  kind class adamw_optimizer<B>;                                   \
  kind void adamw_optimizer<B>::add(parameter<B, float>&);         \
  kind void adamw_optimizer<B>::add(parameter<B, bfloat16>&);

#if CANDOR_COMPILED && !defined(CANDOR_BUILDING)
namespace CANDOR_NS {
CANDOR_INSTANTIATE_OPTIMIZER(extern template, host)
CANDOR_INSTANTIATE_OPTIMIZER(extern template, ledger)
}  // namespace CANDOR_NS
#endif
