// SPDX-License-Identifier: Apache-2.0
// The gradient of the DPO loss against PyTorch's and against differences in double, and that it depends
// neither on recompute nor on the token budget.
#include "model/golden_model.hpp"

#include <candor/core/random.hpp>

#include <set>

using namespace candor_test;

namespace {

const std::vector<std::string> models = {"base",      "grouped",   "tied", "head_dim", "deep",
                                         "layout224", "layout336", "bf16", "linear"};

/// The name of a part in the golden files.
std::string golden_name(std::string name) {
  const std::string own = "model.multi_modal_projector.linear.";
  if (name.starts_with(own)) name.replace(0, own.size(), "model.multi_modal_projector.linear_1.");
  return name;
}

/// Parts on which the loss does not depend: key biases of the tower (they move all scores of a query alike)
/// and what lies behind the feature layer.
std::set<std::string> idle_parts(const candor::llava_config& config) {
  std::set<std::string> idle;
  const std::string tower = "model.vision_tower.";
  const auto layer = [&](int i) { return tower + "encoder.layers." + std::to_string(i) + "."; };
  for (int i = 0; i < config.feature_blocks(); ++i) idle.insert(layer(i) + "self_attn.k_proj.bias");
  for (int i = config.feature_blocks(); i < config.vision.num_hidden_layers; ++i)
    for (const char* part : {"layer_norm1", "layer_norm2", "self_attn.q_proj", "self_attn.k_proj",
                             "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2"})
      for (const char* kind : {".weight", ".bias"}) idle.insert(layer(i) + part + kind);
  for (const char* kind : {".weight", ".bias"}) idle.insert(tower + "post_layernorm" + kind);
  return idle;
}

struct expected_part {
  std::vector<double> sample;
  double norm = 0;
};

/// What PyTorch computed in double for a part.
expected_part expected_of(const candor::safetensors_file& file, const std::string& part) {
  const std::string name = golden_name(part);
  expected_part out;
  if (file.find("grad." + name) != nullptr) out.sample = golden_numbers(file, "grad." + name);
  out.norm = file.find("grad_norm." + name) != nullptr ? golden_numbers(file, "grad_norm." + name)[0]
                                                       : norm(out.sample);
  REQUIRE((out.norm == 0) == out.sample.empty());
  return out;
}

struct comparison {
  double cosine = 1, norm = 0, loss = 0;  // worst of all
  void add(const comparison& other) {
    cosine = std::min(cosine, other.cosine);
    norm = std::max(norm, other.norm);
    loss = std::max(loss, other.loss);
  }
};

/// Compares every part above the floor, and checks that exactly the idle parts lie below it.
template <class T>
comparison compare(golden_model<T>& model) {
  model.network.set_tower_trainable(true);
  const auto found = model.gradients();
  const double whole = golden_numbers(model.expected, "grad_norm")[0], floor = 1e-6 * whole;
  const double loss = golden_numbers(model.expected, "loss_f64")[0];
  comparison worst;
  worst.loss = std::abs(found.loss - loss) / loss;
  std::set<std::string> below;
  double squares = 0;
  std::size_t stored = 0;
  for (const auto& [name, gradient] : found.parts) {
    const auto expected = expected_of(model.expected, name);
    const double length = norm(gradient);
    INFO(name << ": norm " << length << ", expected " << expected.norm << " of " << whole);
    stored += !expected.sample.empty();
    squares += length * length;
    if (expected.norm <= floor) {
      below.insert(name);
      CHECK(length <= floor);
      continue;
    }
    const comparison here{cosine(golden_sample(gradient), expected.sample),
                          std::abs(length / expected.norm - 1), 0};
    worst.add(here);
    CHECK(here.cosine >= 0.9999);
    CHECK(here.norm <= 1e-3);
  }
  CHECK(std::abs(std::sqrt(squares) / whole - 1) <= 1e-3);
  CHECK(below == idle_parts(model.network.config()));
  std::size_t in_file = 0;
  for (const auto& info : model.expected.tensors()) in_file += info.name.starts_with("grad.");
  CHECK(stored == in_file);
  return worst;
}

/// Every part equal, bit for bit.
void check_same(const gradient_map& a, const gradient_map& b) {
  REQUIRE(a.size() == b.size());
  for (const auto& [name, gradient] : a) {
    INFO(name);
    CHECK(gradient == b.at(name));
  }
}

}  // namespace

TEST_CASE("gradients of the DPO loss agree with PyTorch", "[model][golden][gradient]") {
  host cpu({.threads = 2});
  comparison worst;
  for (const auto& name : models) {
    INFO(name);
    golden_model<float> model(cpu, name);
    const auto here = compare(model);
    CHECK(here.loss <= 1e-6);
    worst.add(here);
  }
  WARN("least cosine 1 - " << 1 - worst.cosine << ", worst norm " << worst.norm << ", worst loss "
                           << worst.loss << ", relative");
}

TEST_CASE("gradients in double agree with PyTorch in double", "[model][golden][gradient]") {
  host cpu({.threads = 2});
  comparison worst;
  for (const auto& name : models) {
    INFO(name);
    golden_model<double> model(cpu, name);
    const auto here = compare(model);
    CHECK(here.loss <= 1e-12);
    CHECK(here.cosine >= 1 - 1e-12);  // the golden gradients are stored in float32
    CHECK(here.norm <= 1e-7);
    worst.add(here);
  }
  WARN("least cosine 1 - " << 1 - worst.cosine << ", worst norm " << worst.norm << ", worst loss "
                           << worst.loss << ", relative");
}

TEST_CASE("gradients of the whole network agree with differences in double", "[model][gradient]") {
  host cpu({.threads = 2});
  golden_model<double> model(cpu, "tied");
  model.network.set_tower_trainable(true);
  const auto found = model.gradients();
  candor::random_stream random(41, 0);
  model.for_trained([&](auto& p) {
    std::int64_t first = 0;
    for (const auto& part : p.parts()) {
      const auto& gradient = found.parts.at(part.name);
      const double typical = norm(gradient) / std::sqrt(static_cast<double>(gradient.size()));
      for (int draw = 0; draw < 3; ++draw) {
        const auto i =
            static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(part.extents.size())));
        double& value = p.storage().view().data[first + i];
        const double kept = value, step = 1e-5;
        value = kept + step;
        const double up = model.run_step({}, false).loss;
        value = kept - step;
        const double down = model.run_step({}, false).loss;
        value = kept;
        INFO(part.name << " element " << i);
        CHECK(gradient[static_cast<std::size_t>(i)] ==
              Approx((up - down) / (4 * step))
                  .epsilon(1e-5)
                  .margin(1e-5 * typical + 1e-10));  // mean of two pairs
      }
      first += part.extents.size();
    }
  });
}

TEST_CASE("recompute changes no bit of a gradient", "[model][gradient][recompute]") {
  host cpu({.threads = 2});
  golden_model<float> model(cpu, "grouped");
  model.network.set_tower_trainable(true);
  const auto plain = model.gradients(), again = model.gradients({.recompute = true});
  CHECK(plain.loss == again.loss);
  check_same(plain.parts, again.parts);

  model.network.add_lora({.rank = 4, .alpha = 8, .dropout = 0.3, .seed = 3});
  candor::random_stream random(42, 0);
  model.network.for_adapters([&](const std::string&, auto& adapter) {
    std::vector<float> b(static_cast<std::size_t>(adapter.b.size()));
    for (auto& v : b) v = 0.1f * random.normal();
    adapter.b.storage().copy_from(b);
  });
  const auto dropped = model.gradients({.dropout = true, .step = 5});
  check_same(dropped.parts, model.gradients({.recompute = true, .dropout = true, .step = 5}).parts);
  CHECK(norm(model.gradients({.dropout = true, .step = 6}).parts.begin()->second) !=
        norm(dropped.parts.begin()->second));
}

namespace {

/// The largest change of a part's gradient in units of its norm, over budgets and layouts.
template <class T>
double worst_packing(host& cpu, const std::string& name) {
  golden_model<T> model(cpu, name);
  model.network.set_tower_trainable(true);
  const auto idle = idle_parts(model.network.config());
  const auto whole = model.gradients();
  double worst = 0;
  for (const candor::pack_options packing :
       {candor::pack_options{.layout = candor::layout_kind::shared, .max_tokens = 1},
        candor::pack_options{.layout = candor::layout_kind::packed},
        candor::pack_options{.layout = candor::layout_kind::padded, .max_tokens = 1}}) {
    const auto cut = model.gradients({.packing = packing});
    CHECK(cut.loss == Approx(whole.loss).epsilon(1e-6));
    for (const auto& [part, gradient] : whole.parts) {
      if (idle.contains(part)) continue;
      std::vector<double> difference = gradient;
      for (std::size_t i = 0; i < gradient.size(); ++i) difference[i] -= cut.parts.at(part)[i];
      worst = std::max(worst, norm(difference) / norm(gradient));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("the token budget and the layout change gradients by rounding alone", "[model][gradient]") {
  host cpu({.threads = 2});
  for (const auto& name : models) {
    INFO(name);
    // The 8-wide tower of `grouped` magnifies rounding some ten times, in double too.
    CHECK(worst_packing<float>(cpu, name) <= (name == "grouped" ? 1e-4 : 1e-5));
    CHECK(worst_packing<double>(cpu, name) <= 1e-12);
  }
}
