// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// POVID (Zhou et al. 2024, arXiv 2402.11411): an answer is preferred to a hallucinated text, and to what the
/// model says of a noisy picture. With log-ratios to the reference w of the chosen answer, l of the rejected
/// text and n of the noise's tokens, nats:
///     as released:  L = -(1 - s) log sigmoid(beta (w - l)) - s log sigmoid(beta (w - n))      s = 1/2
///     as published: L = -log sigmoid(beta w - (text_beta l + noise_beta n))
/// The noise's tokens are the likeliest ones under the noisy picture, teacher-forced on the chosen answer and
/// as many as it has; at places where they are the answer's own, w and n cancel under the clean picture.

#include <candor/objective/objective.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace CANDOR_NS {

struct povid {
  /// The name of the noisy picture among a run's image variants.
  static constexpr std::string_view noisy_image = "noisy";

  enum class form : std::uint8_t {
    text_only,  ///< stage 1, DPO: -log sigmoid(beta (w - l)); the noise's cell is not used
    average,    ///< as released: an average of two losses
    single      ///< as published: one sigmoid
  };

  form loss = form::average;
  double beta = 0.1;         ///< of w: reward a nat. The paper's alpha
  double text_beta = 0.05;   ///< single: of l
  double noise_beta = 0.05;  ///< single: of n
  double noise_share = 0.5;  ///< average: s, in [0, 1]

  bool score_noisy = false;  ///< n is scored under the noisy picture, as published; else the clean one
  bool exclude_equal =
      false;  ///< where the likeliest token is the answer's own, the second likeliest is taken
  bool reference_picks = true;  ///< the reference scores its own tokens, as released; else the policy's

  constexpr std::array<cell_place, 3> places() const {
    if (loss == form::text_only) return {{{0}, {1}, {.branch = -1}}};
    return {{{0},
             {1},
             {.branch = 0,
              .image = score_noisy ? noisy_image : std::string_view(),
              .tokens = exclude_equal ? token_source::second_best : token_source::argmax,
              .tokens_image = noisy_image,
              .reference_picks = reference_picks}}};
  }

  template <class S>
  CANDOR_HD S operator()(const pair<S, 3>& y) const {
    const S w = y.chosen, l = y.rejected, n = y.cells[2].ratio();
    if (loss == form::text_only) return -log_sigmoid(beta * (w - l));
    if (loss == form::single) return -log_sigmoid(beta * w - (text_beta * l + noise_beta * n));
    return -(1 - noise_share) * log_sigmoid(beta * (w - l)) - noise_share * log_sigmoid(beta * (w - n));
  }
};

}  // namespace CANDOR_NS
