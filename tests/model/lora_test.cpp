// SPDX-License-Identifier: Apache-2.0
// Adapters against peft: log-probs, merging, gradients; and what must leave the base untouched.
#include "model/golden_model.hpp"
#include "support/child.hpp"

#include <candor/core/random.hpp>

#include <numeric>

using namespace candor_test;
using candor::layout_kind;

namespace {

const std::string values = "lora/expected.safetensors";

/// `base` with the pairs of the adapter's golden file, and with the adapter where it is asked for.
template <class T>
golden_model<T> base_model(host& cpu, bool adapted = true) {
  golden_model<T> model(cpu, "base", values, 2);
  for (std::size_t p = 0; p < 2; ++p)
    model.references.push_back(golden_reference(
        model.records[p].tree, golden_numbers(model.expected, "pair" + std::to_string(p) + ".reference")));
  if (adapted) candor::load_adapter(model.network, golden("model/lora"));
  return model;
}

using log_prob_list = std::vector<std::array<std::vector<double>, 2>>;

/// The largest difference from pairP.A.<kind>, nats a token.
double worst_log_prob(const candor::safetensors_file& expected, const log_prob_list& found,
                      const std::string& kind) {
  double worst = 0;
  for (std::size_t p = 0; p < found.size(); ++p)
    for (std::size_t c = 0; c < 2; ++c)
      worst = std::max(
          worst, worst_difference(found[p][c],
                                  golden_numbers(expected, "pair" + std::to_string(p) +
                                                               (c == 0 ? ".chosen." : ".rejected.") + kind)));
  return worst;
}

double worst_change(const log_prob_list& a, const log_prob_list& b) {
  double worst = 0;
  for (std::size_t p = 0; p < a.size(); ++p)
    for (std::size_t c = 0; c < 2; ++c) worst = std::max(worst, worst_difference(a[p][c], b[p][c]));
  return worst;
}

template <class T>
std::map<std::string, std::vector<float>> adapter_values(golden_model<T>& model) {
  std::map<std::string, std::vector<float>> out;
  model.network.for_adapters([&](const std::string& path, auto& adapter) {
    out[path + " A"] = adapter.a.storage().to_vector();
    out[path + " B"] = adapter.b.storage().to_vector();
  });
  return out;
}

/// Adapters on the given layers, or on all of the decoder, B not zero.
template <class T>
void add_random_adapters(golden_model<T>& model, double dropout,
                         const std::vector<std::string>& layers = {}) {
  model.network.add_lora({.rank = 4, .alpha = 8, .dropout = dropout, .target_modules = layers, .seed = 3});
  candor::random_stream random(51, 0);
  model.network.for_adapters([&](const std::string&, auto& adapter) {
    auto b = adapter.b.storage().to_vector();
    for (auto& v : b) v = 0.1f * random.normal();
    adapter.b.storage().copy_from(b);
  });
}

}  // namespace

TEST_CASE("log-probs with a peft adapter agree with peft", "[model][lora][golden]") {
  host cpu({.threads = 2});
  auto model = base_model<float>(cpu);
  for (const auto layout :
       {layout_kind::shared, layout_kind::packed, layout_kind::padded, layout_kind::single}) {
    const auto found = model.log_probs(layout);
    INFO("layout " << static_cast<int>(layout));
    CHECK(worst_log_prob(model.expected, found, "logps_f32") < 1e-4);
    CHECK(worst_log_prob(model.expected, found, "logps_f64") < 1e-4);
  }
  auto exact = base_model<double>(cpu);
  CHECK(worst_log_prob(exact.expected, exact.log_probs(), "logps_f64") < 1e-10);
  for (std::size_t p = 0; p < 2; ++p) {  // switched off: the reference
    const auto sums = golden_numbers(exact.expected, "pair" + std::to_string(p) + ".reference");
    const auto found = exact.log_probs(layout_kind::shared, false);
    for (std::size_t c = 0; c < 2; ++c)
      CHECK(std::accumulate(found[p][c].begin(), found[p][c].end(), 0.0) == Approx(sums[c]).epsilon(1e-12));
  }
}

TEST_CASE("a merged adapter agrees with merge_and_unload", "[model][lora][golden]") {
  host cpu({.threads = 2});
  auto model = base_model<float>(cpu);
  model.network.merge_adapters();
  CHECK_FALSE(model.network.has_adapters());
  const auto found = model.log_probs();
  CHECK(worst_log_prob(model.expected, found, "merged_f32") < 1e-4);
  CHECK(worst_log_prob(model.expected, found, "logps_f64") < 1e-4);

  const std::string name = "model.language_model.layers.0.self_attn.q_proj.weight";
  bool compared = false;
  model.network.for_parameters([&](auto& p) {
    if (p.parts()[0].name != name) return;
    auto weight = p.storage().to_vector();
    weight.resize(static_cast<std::size_t>(p.parts()[0].extents.size()));
    CHECK(worst_difference({weight.begin(), weight.end()}, golden_numbers(model.expected, "merged." + name)) <
          1e-6);
    compared = true;
  });
  CHECK(compared);

  auto exact = base_model<double>(cpu);
  const auto before = exact.log_probs();
  exact.network.merge_adapters();
  CHECK(worst_change(before, exact.log_probs()) < 1e-10);
}

TEST_CASE("gradients of an adapter agree with peft", "[model][lora][golden][gradient]") {
  host cpu({.threads = 2});
  const auto compare = [](auto&& model, double cosine_gap, double norm_gap, double loss_gap) {
    const auto found = model.gradients();
    CHECK(found.loss == Approx(golden_numbers(model.expected, "loss_f64")[0]).epsilon(loss_gap));
    CHECK(found.parts.size() == 28);  // 2 blocks, 7 layers, A and B; nothing else is trained
    for (const auto& [name, gradient] : found.parts) {
      const auto expected = golden_numbers(model.expected, "grad.base_model.model." + name);
      INFO(name);
      CHECK(cosine(gradient, expected) >= 1 - cosine_gap);
      CHECK(std::abs(norm(gradient) / norm(expected) - 1) <= norm_gap);
    }
  };
  compare(base_model<float>(cpu), 1e-4, 1e-3, 1e-5);
  compare(base_model<double>(cpu), 1e-12, 1e-7, 1e-12);
}

TEST_CASE("adapters that are off or new leave every bit of the base", "[model][lora]") {
  host cpu({.threads = 2});
  auto plain = base_model<float>(cpu, false), adapted = base_model<float>(cpu);
  const auto base = plain.log_probs();
  CHECK(adapted.log_probs(layout_kind::shared, false) == base);
  CHECK(worst_change(adapted.log_probs(), base) > 0.01);
  plain.network.add_lora({.rank = 4, .alpha = 8});  // B begins at zero
  CHECK(plain.log_probs() == base);
  const auto gradient = plain.gradients();
  for (const auto& [name, values] : gradient.parts) {
    INFO(name);
    CHECK((norm(values) > 0) == (name.find("lora_B") != std::string::npos));
  }
}

TEST_CASE("a saved adapter loads with the same bits", "[model][lora]") {
  host cpu({.threads = 2});
  scratch_folder scratch;
  auto model = base_model<float>(cpu);
  candor::save_adapter(model.network, scratch / "adapter", "base");
  auto again = base_model<float>(cpu, false);
  candor::load_adapter(again.network, scratch / "adapter");
  CHECK(adapter_values(again) == adapter_values(model));
  CHECK(again.log_probs() == model.log_probs());
  CHECK(candor::adapter_folder(scratch / "adapter").config().base_model == "base");

  // The same tensors under a list of whole paths.
  std::filesystem::create_directory(scratch / "list");
  std::filesystem::copy(golden("model/lora_list/adapter_config.json"), scratch / "list");
  std::filesystem::copy(golden("model/lora/adapter_model.safetensors"), scratch / "list");
  auto listed = base_model<float>(cpu, false);
  candor::load_adapter(listed.network, scratch / "list");
  CHECK(adapter_values(listed) == adapter_values(model));
}

TEST_CASE("an adapter on some layers only is saved with names that fit these alone", "[model][lora]") {
  host cpu({.threads = 2});
  scratch_folder scratch;
  for (const std::vector<std::string>& targets :
       {std::vector<std::string>{"q_proj", "linear_2"},
        {"model.language_model.layers.1.mlp.up_proj"},
        {"fc1", "gate_proj", "model.language_model.layers.0.self_attn.v_proj"}}) {
    auto model = base_model<float>(cpu, false);
    model.network.add_lora({.rank = 2, .alpha = 4, .target_modules = targets, .seed = 4});
    const auto folder = scratch / targets.front();
    candor::save_adapter(model.network, folder, "base");
    auto again = base_model<float>(cpu, false);
    candor::load_adapter(again.network, folder);
    CHECK(adapter_values(again) == adapter_values(model));
    std::size_t named = 0;  // by PEFT's rule
    for (const auto& path : model.network.linear_paths())
      named += candor::is_target(path, candor::adapter_folder(folder).config().target_modules);
    CHECK(2 * named == adapter_values(model).size());
  }
}

TEST_CASE("dropout of adapters is drawn by step and is off for the reference", "[model][lora][dropout]") {
  host cpu({.threads = 2});
  auto model = base_model<float>(cpu, false);
  const auto base = model.log_probs();
  add_random_adapters(model, 0.4);
  const auto with = [&](bool dropout, std::uint64_t step) {
    return model.log_probs(layout_kind::shared, true, dropout, step);
  };
  CHECK(with(true, 7) == with(true, 7));
  CHECK(worst_change(with(true, 7), with(true, 8)) > 1e-3);
  CHECK(worst_change(with(true, 7), with(false, 7)) > 1e-3);
  CHECK(with(false, 7) == with(false, 8));
  CHECK(model.log_probs(layout_kind::shared, false, true, 7) == base);
}

TEST_CASE("dropout of adapters in tower and projector does not depend on the packing",
          "[model][lora][dropout]") {
  host cpu({.threads = 2});
  auto model = base_model<double>(cpu, false);
  add_random_adapters(model, 0.4, {"fc1", "linear_1"});
  const auto together = model.log_probs(layout_kind::shared, true, true, 7);
  CHECK(worst_change(together, model.log_probs(layout_kind::single, true, true, 7)) < 1e-10);
  CHECK(worst_change(together, model.log_probs(layout_kind::shared, true, true, 8)) > 1e-4);
}

TEST_CASE("names of layers that the model lacks are refused, and nothing has changed", "[model][lora]") {
  host cpu({.threads = 2});
  auto model = base_model<float>(cpu, false);
  CHECK_THROWS_WITH(model.network.add_lora({.target_modules = {"q_proj", "query"}}),
                    contains("no linear layer is called query") && contains("q_proj, k_proj"));
  CHECK_THROWS_AS(model.network.add_lora({.target_modules = {"lm_head"}}), candor::usage_error);
  CHECK_FALSE(model.network.has_adapters());
  bool trainable = false;
  model.network.for_parameters([&](auto& p) { trainable = trainable || p.trainable(); });
  CHECK(trainable);
  CHECK_THROWS_WITH(model.network.add_lora({.rank = 0}), contains("rank 0"));
  CHECK_THROWS_AS(candor::save_adapter(model.network, "unused", "base"), candor::usage_error);

  model.network.add_lora({.rank = 4});
  CHECK_THROWS_WITH(model.network.add_lora({.rank = 4}), contains("merge them first"));
}

TEST_CASE("an adapter of another model is refused with the layer's name", "[model][lora]") {
  host cpu({.threads = 2});
  golden_model<float> narrow(cpu, "grouped");  // fewer rows in k_proj
  CHECK_THROWS_WITH(candor::load_adapter(narrow.network, golden("model/lora")),
                    contains("k_proj") && contains("32 outputs"));
  golden_model<float> shallow(cpu, "head_dim");  // one block
  CHECK_THROWS_AS(candor::load_adapter(shallow.network, golden("model/lora")), candor::input_error);
}
