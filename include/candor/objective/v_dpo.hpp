// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// V-DPO (Xie et al. 2024, arXiv 2411.02712): DPO on log-probs that are guided by the image, as in
/// classifier-free guidance: what the image adds to an answer's likelihood is rewarded,
///   g(y) = gamma log pi(y|v) - (gamma - 1) log q(y|v~),
///   loss = (1 - e) l(beta z) + e l(-beta z),  z = (g(y_w) - log ref(y_w|v)) - (g(y_l) - log ref(y_l|v)),
/// l(z) = -log sigmoid(z), v~ an image that says nothing. q is the reference, or the policy as it is
/// (`dynamic`); its gradient is stopped. gamma 1 is DPO. With a bias weight the policy itself shall prefer
/// the image: + weight ((1 - e/2) l(beta (a - a~)) + e/2 l(-beta (a - a~))) with a~'s gradient stopped. The
/// released script passes gamma 0, which by this formula leaves no gradient; sweep 1.1 to 2.
/// As in IPO (arXiv 2310.12036), with `ipo`: loss = (z/n - 1 / (2 beta))^2, z/n of each answer's mean
/// log-probs.
///
/// On image-contrast data (`image_contrast`) there is one answer y, true of the record's first image v and
/// not of its second v': the rejected path is y under v'. What y is worth without an image is then on both
/// sides and goes, so that z = gamma log pi(y|v)/pi(y|v') - log ref(y|v)/ref(y|v').

#include <candor/objective/objective.hpp>

#include <array>

namespace CANDOR_NS {

struct v_dpo {
  double beta = 0.1;             ///< reward a nat of log-ratio
  double gamma = 1.5;            ///< strength of the guidance
  double label_smoothing = 0.0;  ///< e: share of pairs that are taken to be labelled the wrong way
  bool dynamic = false;          ///< q is the policy: one more stem in every step; else the cache has it
  bool ipo = false;              ///< the squared loss on means over tokens, which reads no smoothing
  double bias_weight = 0.0;      ///< of the term against the language's bias
  bool image_contrast = false;   ///< one answer under two images, in place of two answers under one

  /// Only what the options read is computed; the reference's cells cost the policy nothing.
  constexpr std::array<cell_place, 4> places() const {
    std::array<cell_place, 4> out{{{0}, {1}, {.branch = -1}, {.branch = -1}}};
    if (image_contrast) out[1] = {.branch = 0, .image = "other"};
    const bool guided = gamma != 1.0 && !image_contrast;
    if (guided || bias_weight != 0)
      out[2] = {.branch = 0, .image = "distorted", .policy = (guided && dynamic) || bias_weight != 0};
    if (guided) out[3] = {.branch = 1, .image = "distorted", .policy = dynamic};
    return out;
  }

  template <class S>
  CANDOR_HD S operator()(const pair<S, 4>& y) const {
    const S guided = gain(y, 0) - gain(y, 1);
    const S z = beta * guided, gap = guided - 1 / (2 * beta);
    const S loss =
        ipo ? gap * gap : -(1 - label_smoothing) * log_sigmoid(z) - label_smoothing * log_sigmoid(-z);
    if (bias_weight == 0) return loss;
    const S image = beta * (y.chosen - stop_gradient(y.cells[2].ratio()));
    const double e = label_smoothing / 2;
    return loss - bias_weight * ((1 - e) * log_sigmoid(image) + e * log_sigmoid(-image));
  }

 private:
  /// g(y) - log ref(y|v) of branch 0 or 1, nats; a token where `ipo` is set.
  template <class S>
  CANDOR_HD S gain(const pair<S, 4>& y, int branch) const {
    const auto &seen = y.cells[branch], &unseen = y.cells[2 + branch];
    const S blind = image_contrast ? S(0) : dynamic ? stop_gradient(unseen.sum) : S(unseen.reference);
    const S all = gamma * seen.sum - (gamma - 1) * blind - seen.reference;
    return ipo ? all / seen.tokens : all;
  }
};

}  // namespace CANDOR_NS
