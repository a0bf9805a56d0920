// SPDX-License-Identifier: Apache-2.0
// 50 DPO steps against a plain PyTorch loop: objective_step, clipping and AdamW together, tower frozen.
#include "model/golden_model.hpp"

#include <candor/train/adamw.hpp>

#include <numeric>

using namespace candor_test;

namespace {

struct run_result {
  std::vector<double> losses, norms, final_sums;
};

/// Log-probs of all pairs, chosen and rejected: (20, 2).
template <class T>
std::vector<double> sums_of_cells(golden_model<T>& model) {
  std::vector<double> sums;
  for (const auto& pair : model.log_probs())
    for (const auto& cell : pair) sums.push_back(std::accumulate(cell.begin(), cell.end(), 0.0));
  return sums;
}

/// 50 steps of two pairs each with a constant rate, as make_train.py does them.
template <class T>
run_result train(golden_model<T>& model, const std::vector<double>& sums) {  // sums of the reference: (20, 2)
  host& cpu = model.network.backend();
  for (std::size_t p = 0; p < model.records.size(); ++p)
    model.references.push_back(golden_reference(model.records[p].tree, {sums[2 * p], sums[2 * p + 1]}));
  candor::adamw_optimizer<host> optimizer(cpu, {.learning_rate = 1e-3}, 1);
  model.for_trained([&](auto& p) { optimizer.add(p); });
  candor::objective_step step(model.network, candor::dpo{.beta = 0.1}, {});
  run_result result;
  for (std::size_t s = 0; s < 50; ++s) {
    std::vector<const candor::encoded_record*> records;
    std::vector<std::vector<std::span<const float>>> references;
    for (std::size_t k = 0; k < 2; ++k) {
      const std::size_t p = (2 * s + k) % 20;
      records.push_back(&model.records[p]);
      references.push_back({model.references[p][0], model.references[p][1]});
    }
    candor::tape<host> tape(cpu);
    candor::step_values values;
    REQUIRE(step.run(std::span<const candor::encoded_record* const>(records), references, {.tape = tape},
                     true, values, [] { return true; }));
    result.losses.push_back(values.loss / 2);
    result.norms.push_back(optimizer.gradient_norm());
    optimizer.step(1e-3, std::min(1.0, 1.0 / (result.norms.back() + 1e-6)));
  }
  result.final_sums = sums_of_cells(model);
  return result;
}

/// Largest difference in units of the expected value.
double worst_relative(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    worst = std::max(worst, std::abs(found[i] / expected[i] - 1));
  return worst;
}

/// visit(name, values) for every trained part.
template <class T, class Visit>
void for_parts(golden_model<T>& model, Visit visit) {
  model.for_trained([&](auto& p) {
    const auto all = p.storage().to_vector();
    auto at = all.begin();
    for (const auto& part : p.parts()) {
      visit(part.name, std::vector<double>(at, at + part.extents.size()));
      at += part.extents.size();
    }
  });
}

}  // namespace

TEST_CASE("50 DPO steps agree with a PyTorch loop", "[train][golden]") {
  host cpu({.threads = 2});
  golden_model<float> model(cpu, "base", "train.safetensors", 20);
  gradient_map begin;
  for_parts(model,
            [&](const std::string& name, std::vector<double> values) { begin[name] = std::move(values); });
  const auto found = train(model, golden_numbers(model.expected, "reference"));
  const auto losses = golden_numbers(model.expected, "losses_f32");
  CHECK(losses.back() < 0.2 * losses.front());
  const double loss = worst_difference(found.losses, losses);
  const double gradient = worst_relative(found.norms, golden_numbers(model.expected, "grad_norms"));
  const double sums = worst_difference(found.final_sums, golden_numbers(model.expected, "final"));
  CHECK(loss < 1e-4);
  CHECK(gradient < 1e-3);
  CHECK(sums < 2e-3);

  std::size_t compared = 0;
  double moved = 0;
  for_parts(model, [&](const std::string& name, const std::vector<double>& values) {
    std::vector<double> change = values;
    for (std::size_t i = 0; i < change.size(); ++i) change[i] -= begin.at(name)[i];
    INFO(name);
    CHECK(norm(values) == Approx(golden_numbers(model.expected, "norm." + name)[0]).epsilon(1e-5));
    const double expected = golden_numbers(model.expected, "moved." + name)[0];
    CHECK(norm(change) == Approx(expected).epsilon(1e-3));
    moved = std::max(moved, std::abs(norm(change) / expected - 1));
    if (model.expected.find("weight." + name) != nullptr)
      CHECK(worst_difference(golden_sample(values), golden_numbers(model.expected, "weight." + name)) < 1e-4);
    ++compared;
  });
  std::size_t in_file = 0;
  for (const auto& info : model.expected.tensors()) in_file += info.name.starts_with("moved.");
  CHECK(compared == in_file);
  WARN("worst loss " << loss << ", gradient norm " << gradient << " relative, final sum " << sums
                     << " nats, way " << moved << " relative");
}

TEST_CASE("50 DPO steps in double agree with PyTorch in double", "[train][golden]") {
  host cpu({.threads = 2});
  golden_model<double> model(cpu, "base", "train.safetensors", 20);
  const auto found = train(model, sums_of_cells(model));  // the file has the reference of the float32 loop
  const double loss = worst_difference(found.losses, golden_numbers(model.expected, "losses_f64"));
  const double sums = worst_difference(found.final_sums, golden_numbers(model.expected, "final_f64"));
  CHECK(loss < 1e-10);
  CHECK(sums < 1e-9);
  WARN("worst loss " << loss << ", final sum " << sums << " nats");
}
