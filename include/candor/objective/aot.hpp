// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Alignment by optimal transport (AOT, Melnyk et al. 2024, arXiv 2406.05882): not each pair but the
/// distribution over the batch shall dominate, so values of the same rank are compared. With L(d) = -(1 - e)
/// log sigmoid(beta d) - e log sigmoid(-beta d) and x_(k) the k-th smallest of the step's items,
///   aot            mean_k L(m_(k) - m'_(k)),  m, m' = margins log pi(y_w) - log pi(y_l) of policy and
///   reference aot_unpaired   mean_k L(a_(k) - c_(k))
/// TRL sorts within a device's micro-batch; here it is the whole step, whatever the passes.

#include <candor/core/error.hpp>
#include <candor/objective/objective.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

namespace detail {

/// result[i]: the value of `others` whose rank is that of `own[i]`; equal ones in their order.
inline std::vector<double> same_rank(const std::vector<double>& own, std::vector<double> others) {
  std::vector<std::size_t> order(own.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return own[i] < own[j]; });
  std::sort(others.begin(), others.end());
  std::vector<double> result(own.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank) result[order[rank]] = others[rank];
  return result;
}

inline void require_a_batch(const char* name, std::size_t items) {
  require<usage_error>(items > 1, "[", name, "] sorts the items of a step, but there is ", items,
                       "; use a larger batch, or sigmoid, which is the same for one");
}

/// L of a difference of log-ratios, nats.
template <class S>
CANDOR_HD S transport_loss(double beta, double label_smoothing, const S& difference) {
  const S z = beta * difference;
  return -(1 - label_smoothing) * log_sigmoid(z) - label_smoothing * log_sigmoid(-z);
}

}  // namespace detail

/// On pairs (TRL's `aot`). `given[0]` is the reference's margin of the same rank.
struct aot {
  struct statistics {};

  double beta = 0.1;             ///< reward a nat of log-ratio
  double label_smoothing = 0.0;  ///< e, in [0, 0.5)

  constexpr int smallest_batch() const { return 2; }

  /// usage_error for a single item.
  void update(statistics&, std::span<pair<double>> items) const {
    detail::require_a_batch("aot", items.size());
    std::vector<double> policy, reference;
    for (const auto& y : items) {
      policy.push_back(y.cells[0].sum - y.cells[1].sum);
      reference.push_back(y.cells[0].reference - y.cells[1].reference);
    }
    const auto partners = detail::same_rank(policy, std::move(reference));
    for (std::size_t i = 0; i < items.size(); ++i) items[i].given[0] = partners[i];
  }

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y, const statistics&) const {
    return detail::transport_loss(beta, label_smoothing, y.cells[0].sum - y.cells[1].sum - y.given[0]);
  }
};

/// On chosen and rejected answers that need not belong together (TRL's `aot_unpaired`). `given` are the
/// log-ratios of the same rank on the other side: of the rejected answers for this item's chosen one, and of
/// the chosen answers for its rejected one.
struct aot_unpaired {
  struct statistics {};

  double beta = 0.1;             ///< reward a nat of log-ratio
  double label_smoothing = 0.0;  ///< e, in [0, 0.5)

  constexpr int smallest_batch() const { return 2; }

  /// usage_error for a single item.
  void update(statistics&, std::span<pair<double>> items) const {
    detail::require_a_batch("aot_unpaired", items.size());
    std::vector<double> chosen, rejected;
    for (const auto& y : items) chosen.push_back(y.chosen), rejected.push_back(y.rejected);
    const auto for_chosen = detail::same_rank(chosen, rejected);
    const auto for_rejected = detail::same_rank(rejected, chosen);
    for (std::size_t i = 0; i < items.size(); ++i) {
      items[i].given[0] = for_chosen[i];
      items[i].given[1] = for_rejected[i];
    }
  }

  /// A term of the mean belongs to two items, one by its chosen and one by its rejected answer: each has half
  /// of its value and the whole derivative for its own answer.
  template <class S>
  CANDOR_HD S operator()(const pair<S>& y, const statistics&) const {
    const S both = detail::transport_loss(beta, label_smoothing, y.chosen - y.given[0]) +
                   detail::transport_loss(beta, label_smoothing, y.given[1] - y.rejected);
    return both - stop_gradient(0.5 * both);
  }
};

}  // namespace CANDOR_NS
