// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What becomes of a training on any backend where losses or gradients are not numbers.

#include "backend/model_world.hpp"

namespace candor_test {

/// Not a number where the rejected answer is long: the loss, or its gradient alone.
struct broken_loss {
  bool gradient_alone = false;

  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y) const {
    const S loss = 0.1 * (y.rejected - y.chosen);
    if (y.cells[1].tokens < 9) return loss;
    const S nothing = y.rejected - y.rejected;
    return loss + (gradient_alone ? sqrt(nothing) : nothing / nothing);
  }
};

template <class B>
std::map<std::string, std::vector<float>> weights_of(candor::llava<B, float>& model) {
  std::map<std::string, std::vector<float>> out;
  model.network().for_parameters([&](auto& p) { out[p.name()] = p.storage().to_vector(); });
  return out;
}

/// Steps that are not finite are skipped, the fifth in a row ends the run, and what was saved before it is the model
/// of the last sound step.
template <class B>
void check_not_finite(B& backend) {
  broken_loss loss;
  SECTION("the loss is not a number") {}
  SECTION("the gradient alone is not") { loss.gradient_alone = true; }
  const model_world w;
  const auto line = [](const char* rejected) {
    return candor::text(R"({"image": "0.png", "question": "what is there ?", "chosen": "a green tree", "rejected": ")",
                        rejected, "\"}\n");
  };
  const std::string sound = line("a dog"), broken = line("a red circle and a blue square and a green house and a dog .");
  candor::write_atomically(w.scratch / "pairs.jsonl", sound + broken + broken + broken + broken + sound + broken +
                                                          broken + broken + broken + broken);
  const candor::preference_data data(w.scratch / "pairs.jsonl", {.images = w.scratch / "images"});
  const auto run = w.scratch / "run";
  auto policy = candor::load_llava<float>(backend, w.scratch / "model");
  const auto at_first = weights_of(policy);
  candor::trainer trainer(policy, loss, candor::adamw{.learning_rate = 1e-3});
  std::string message;
  try {
    trainer.fit(data, {.run_folder = run,
                       .batch_size = 1,
                       .shuffle = false,
                       .tensorboard = false,
                       .save_steps = 1,
                       .save_total_limit = 0,
                       .quiet = true});
  } catch (const candor::numeric_error& e) {
    message = e.what();
  }
  CHECK_THAT(message, contains("step 11: loss ") && contains("gradient norm ") && contains("nan") &&
                          contains("not finite for 5 steps in a row; the weights are those before them. Lower the"));
  const auto saved = [&](int step) {
    auto model = candor::load_llava<float>(backend, run / candor::text("checkpoint-", step));
    return weights_of(model);
  };
  const auto one = saved(1), six = saved(6);
  CHECK(one != at_first);
  CHECK(saved(5) == one);
  CHECK(six != one);
  CHECK(saved(10) == six);
  CHECK(weights_of(policy) == six);
  CHECK_FALSE(std::filesystem::exists(run / "checkpoint-11"));
  for (const auto& [name, values] : six)
    CHECK(std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); }));
}

}  // namespace candor_test
