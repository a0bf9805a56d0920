// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// How far the next token's distribution pi under a policy is from rho under a frozen reference, over the
/// whole vocabulary, at each hidden row:
///   forward   KL(rho || pi) = sum_v rho_v (log rho_v - log pi_v),   d / d z_v = pi_v - rho_v
///   reverse   KL(pi || rho) = sum_v pi_v (log pi_v - log rho_v),    d / d z_v = pi_v (log pi_v - log rho_v -
///   KL)
/// with z the policy's logits. Rows go in chunks; the slopes d / d z of a few are kept for the backward pass,
/// all others are computed again there: neither rows x vocabulary nor the reference's distribution is ever
/// stored. Shapes: hidden (R, C), weight (V, C), of the reference (R, C') and (V, C'), result (R, 1) in nats.

#include <candor/autograd/ops/head_chunks.hpp>
#include <candor/autograd/tape.hpp>
#include <candor/backend/elements.hpp>
#include <candor/backend/log_sum_exp.hpp>
#include <candor/core/math.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace CANDOR_NS {

enum class kl_direction {
  forward,  ///< KL(reference || policy), TDPO's and CHiP's
  reverse,  ///< KL(policy || reference)
};

/// Two probabilities of a token by their logarithms. Their difference comes without the cancellation of
/// exp(a) - exp(b), so that a policy which has hardly moved has a KL that is hardly above zero.
template <class A>
struct two_probabilities {
  A log_ratio;   // log pi - log rho
  A larger;      // of pi and rho
  A difference;  // pi - rho

  CANDOR_HD CANDOR_ALWAYS_INLINE two_probabilities(A log_pi, A log_rho) : log_ratio(log_pi - log_rho) {
    larger = math::exp(log_ratio > 0 ? log_pi : log_rho);
    const A below = larger * math::expm1(log_ratio > 0 ? -log_ratio : log_ratio);
    difference = log_ratio > 0 ? -below : below;
  }
  CANDOR_HD CANDOR_ALWAYS_INLINE A pi() const { return difference > 0 ? larger : larger + difference; }
  CANDOR_HD CANDOR_ALWAYS_INLINE A rho() const { return difference > 0 ? larger - difference : larger; }
};

template <class B, class A>
struct head_kl_program {
  view<B, A> logits;  // (rows of the chunk, V) of the policy; its slopes afterwards, where they are wanted
  view<B, const A> reference;  // (rows of the chunk, V) logits
  A* kl;                       // (rows of the chunk) nats
  kl_direction direction;
  bool slopes;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    A* z = logits.row(row);
    const A* y = reference.row(row);
    const std::int64_t n = logits.cols;
    const A pi_sum = log_sum_exp(team, n, z), rho_sum = log_sum_exp(team, n, y);
    const auto at = [=](A a, A b) { return two_probabilities<A>(a - pi_sum, b - rho_sum); };
    // The sums of pi and of rho are both 1: each term has their difference, and none is negative.
    if (direction == kl_direction::forward) {
      kl[row] = sum_elements(
          team, n,
          [=](A a, A b) {
            const auto p = at(a, b);
            return p.difference - p.rho() * p.log_ratio;
          },
          z, y);
      if (slopes)
        map_elements(
            team, n, z, [=](A a, A b) { return at(a, b).difference; }, z, y);
    } else {
      const A sum = sum_elements(
          team, n,
          [=](A a, A b) {
            const auto p = at(a, b);
            return p.pi() * p.log_ratio - p.difference;
          },
          z, y);
      kl[row] = sum;
      if (slopes)
        map_elements(
            team, n, z,
            [=](A a, A b) {
              const auto p = at(a, b);
              return p.pi() * (p.log_ratio - sum);
            },
            z, y);
    }
  }
};

/// d(row, :) = d_kl(row) slopes(row, :)
template <class B, class T>
struct scale_slopes_program {
  using A = accumulator_t<T>;
  view<B, const A> slopes;  // (rows, V)
  const A* d_kl;            // (rows)
  view<B, T> d;             // (rows, V), the slopes themselves where they have its type

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const A scale = d_kl[row];
    map_elements(
        team, d.cols, d.row(row), [=](A slope) { return scale * slope; }, slopes.row(row));
  }
};

/// The KL of each row, (R, 1) nats. The gradient flows to the policy's `hidden` and `weight` alone.
/// shape_error where the two models have different rows or vocabularies.
template <class B, class T>
variable<B, accumulator_t<T>> head_kl(tape<B>& tape, const variable<B, T>& hidden, parameter<B, T>& weight,
                                      const variable<B, T>& reference_hidden,
                                      const parameter<B, T>& reference_weight,
                                      kl_direction direction = kl_direction::forward,
                                      const head_memory& memory = {}) {
  using A = accumulator_t<T>;
  const std::int64_t rows = hidden.rows(), vocabulary = weight.extents().rows();
  require<shape_error>(reference_hidden.rows() == rows, "[head_kl] hidden rows ", hidden.extents(),
                       " of the policy, but ", reference_hidden.extents(), " of the reference");
  require<shape_error>(reference_weight.extents().rows() == vocabulary, "[head_kl] the policy's head is ",
                       weight.extents(), ", the reference's ", reference_weight.extents(),
                       "; both must have one vocabulary");
  const bool tracked = tape.recording() && (hidden.tracked() || weight.trainable());
  B& backend = tape.backend();
  variable<B, A> y(backend, shape{rows, 1}, tracked);
  const auto slopes_of = [&backend, hidden, &weight, reference_hidden, &reference_weight, y, vocabulary,
                          direction, tracked](std::int64_t first, std::int64_t n) {
    auto logits = head_logits(backend, hidden, weight, first, n);
    const auto reference = head_logits(backend, reference_hidden, reference_weight, first, n);
    backend.rows(
        n, 32 * vocabulary,
        head_kl_program<B, A>{logits.view(), reference.view(), y.value().data + first, direction, tracked});
    return logits;
  };
  const auto chunks =
      std::make_shared<std::vector<head_chunk<B, A>>>(in_head_chunks<B, A>(rows, memory, tracked, slopes_of));
  if (tracked)
    tape.record([&backend, hidden, &weight, y, chunks, vocabulary, slopes_of] {
      head_backward<B, T>(backend, hidden, weight, *chunks, slopes_of,
                          [&](const auto& c, view<B, A> slopes, view<B, T> d) {
                            backend.rows(c.rows, vocabulary,
                                         scale_slopes_program<B, T>{slopes, y.gradient().data + c.first, d});
                          });
    });
  return y;
}

}  // namespace CANDOR_NS
