// SPDX-License-Identifier: Apache-2.0
// Weights and activations in bfloat16: log-probs no further from the truth than transformers' own in
// bfloat16, and gradients that point where those of fp32 do.
#include "model/golden_model.hpp"

#include <algorithm>

using namespace candor_test;
using candor::bfloat16;

namespace {

/// Sum of |log-prob - reference in double| over all scored tokens, and their number.
struct deviation {
  double sum = 0, tokens = 0;
  double mean() const { return sum / tokens; }
};

template <class T>
deviation deviation_of(golden_model<T>& model) {
  deviation d;
  const auto found = model.log_probs();
  for (std::size_t p = 0; p < found.size(); ++p)
    for (std::size_t c = 0; c < 2; ++c) {
      const auto expected = golden_numbers(
          model.expected, "pair" + std::to_string(p) + (c == 0 ? ".chosen" : ".rejected") + ".logps_f64");
      REQUIRE(found[p][c].size() == expected.size());
      for (std::size_t t = 0; t < expected.size(); ++t) d.sum += std::abs(found[p][c][t] - expected[t]);
      d.tokens += static_cast<double>(expected.size());
    }
  return d;
}

}  // namespace

TEST_CASE("log-probs in bfloat16 are as near to the truth as those of transformers",
          "[model][golden][bf16]") {
  // Mean deviation of transformers 5.23 (torch 2.15, CPU) over the same 280 tokens, nats. With common.py:
  //   m = HfLlava(folder); m.model.bfloat16(); m.logits(prompt, image, answer).float().log_softmax(-1)
  const double transformers = 0.02683;
  host cpu({.threads = 2});
  deviation all;
  for (const char* name : {"base", "grouped", "tied", "head_dim", "deep", "layout224", "layout336", "bf16"}) {
    golden_model<bfloat16> model(cpu, name);
    const auto here = deviation_of(model);
    INFO(name);
    CHECK(here.mean() > 1e-4);  // it does compute in bfloat16
    all.sum += here.sum;
    all.tokens += here.tokens;
  }
  REQUIRE(all.tokens == 280);
  CHECK(all.mean() < 1.2 * transformers);
  WARN("mean deviation " << all.mean() << " nats, transformers " << transformers);
}

TEST_CASE("gradients in bfloat16 point where those of fp32 do", "[model][golden][bf16][gradient]") {
  // In tensors above a twentieth of the whole gradient. PyTorch's least cosine there is 0.9943.
  host cpu({.threads = 2});
  double least = 1;
  for (const char* name : {"bf16", "layout224"}) {
    golden_model<float> exact(cpu, name);
    golden_model<bfloat16> rough(cpu, name);
    exact.network.set_tower_trainable(true);
    rough.network.set_tower_trainable(true);
    const auto expected = exact.gradients(), found = rough.gradients();
    CHECK(found.loss == Approx(expected.loss).epsilon(0.05));
    double squares = 0;
    for (const auto& [part, gradient] : expected.parts) squares += dot(gradient, gradient);
    int compared = 0;
    for (const auto& [part, gradient] : expected.parts) {
      if (norm(gradient) < 0.05 * std::sqrt(squares)) continue;
      INFO(name << " " << part);
      const double here = cosine(found.parts.at(part), gradient);
      CHECK(here >= 0.99);
      least = std::min(least, here);
      ++compared;
    }
    CHECK(compared >= 15);
  }
  WARN("least cosine " << least);
}
