// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// DPO under another divergence than the reverse KL (f-DPO, Wang et al. 2023, arXiv 2309.16240): the
/// log-ratio r of an answer becomes s(r) = f'(e^r),
///   reverse KL   r                           forward KL   1 - e^-r
///   JS           log 2 + log sigmoid(r)      alpha        (e^((alpha - 1) r) - 1) / (alpha - 1)
/// Names and constants as in TRL's `f_divergence_type`.

#include <candor/core/config.hpp>

namespace CANDOR_NS {

enum class divergence_kind { reverse_kl, forward_kl, js, alpha };

struct divergence {
  divergence_kind kind = divergence_kind::reverse_kl;
  double alpha = 0.5;  ///< of the alpha divergence; 1 is the reverse KL

  /// s of a log-ratio in nats. Exponents end at 80, where a float's exponential would overflow.
  template <class S>
  CANDOR_HD S operator()(const S& ratio) const {
    switch (kind) {
      case divergence_kind::forward_kl: return 1 - exp(min(-ratio, S(80)));
      case divergence_kind::js: return S(0.6931471805599453) + log_sigmoid(ratio);
      case divergence_kind::alpha: {
        const double slope = alpha - 1;
        return slope > -1e-6 && slope < 1e-6 ? ratio : expm1(min(slope * ratio, S(80))) / slope;
      }
      default: return ratio;
    }
  }
};

}  // namespace CANDOR_NS
