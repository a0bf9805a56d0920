// SPDX-License-Identifier: Apache-2.0
// What a step gives an objective beyond log-probs: the divergence from the reference over the vocabulary,
// WPO's confidence, the record's margin; against whole distributions, and gradients against differences in
// double.
#include "model/golden_model.hpp"

#include <candor/core/random.hpp>

#include <cmath>

using namespace candor_test;

namespace {

using network_type = candor::llava_network<host, double>;

/// Reads all of it, with a coefficient of its own for each cell.
struct everything {
  constexpr bool needs_kl(int) const { return true; }
  constexpr bool needs_confidence() const { return true; }
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y) const {
    return 0.3 * y.cells[0].kl + 0.7 * y.cells[1].kl - 0.1 * (y.chosen - y.rejected) + y.margin +
           2 * y.cells[0].confidence + 3 * y.cells[1].confidence;
  }
};

/// What a loss of the rejected answers' divergence alone is, whoever else's is computed beside it.
struct rejected_divergence {
  bool of_all = false;
  constexpr bool needs_kl(int cell) const { return of_all || cell == 1; }
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y) const {
    return 0.7 * y.cells[1].kl - 0.1 * (y.chosen - y.rejected);
  }
};

/// log p of every vocabulary id at the head rows of a pass, (R, V).
std::vector<std::vector<double>> distributions(network_type& network, const candor::packed_batch& batch,
                                               std::span<const candor::encoded_record* const> records,
                                               bool adapters) {
  candor::tape<host> quiet(network.backend(), candor::tape<host>::mode::evaluate);
  const candor::forward_context<host> context{.tape = quiet, .adapters = adapters};
  const auto rows =
      network.head_rows(context, batch, candor::pass_features(network, context, batch, records));
  const auto words = static_cast<std::int32_t>(network.config().text.vocab_size);
  candor::head_targets every{{0}, {}};
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (std::int32_t v = 0; v < words; ++v) every.tokens.push_back(v);
    every.starts.push_back(static_cast<std::int32_t>(every.tokens.size()));
  }
  const auto all = candor::head_log_probs(quiet, rows, network.text().head(), every).storage().to_vector();
  std::vector<std::vector<double>> out;
  for (auto at = all.begin(); at != all.end(); at += words) out.emplace_back(at, at + words);
  return out;
}

/// What the objective reads of a record, by its definition; `confidence` apart, for it has no gradient.
struct parts {
  double differentiable = 0, confidence = 0;
};
parts parts_of(network_type& network, const candor::encoded_record& record) {
  const candor::encoded_record* one[] = {&record};
  const auto batch = candor::pack(candor::trees_of(one)).front();
  const auto pi = distributions(network, batch, one, true), rho = distributions(network, batch, one, false);
  double kl[2] = {}, ratio[2] = {}, confidence[2] = {}, tokens[2] = {};
  for (std::size_t row = 0; row < pi.size(); ++row) {
    double divergence = 0, squares = 0;
    for (std::size_t v = 0; v < pi[row].size(); ++v) {
      divergence += std::exp(rho[row][v]) * (rho[row][v] - pi[row][v]);
      squares += std::exp(2 * pi[row][v]);
    }
    for (auto n = static_cast<std::size_t>(batch.targets.starts[row]);
         n < static_cast<std::size_t>(batch.targets.starts[row + 1]); ++n) {
      const auto& s = batch.scored[n];
      const auto v = static_cast<std::size_t>(s.token);
      kl[s.cell] += divergence;
      ratio[s.cell] += pi[row][v] - rho[row][v];
      confidence[s.cell] += pi[row][v] - std::log(squares);
      tokens[s.cell] += 1;
    }
  }
  return {0.3 * kl[0] + 0.7 * kl[1] - 0.1 * (ratio[0] - ratio[1]) + record.margin,
          2 * confidence[0] / tokens[0] + 3 * confidence[1] / tokens[1]};
}

struct adapted_model : golden_model<double> {
  explicit adapted_model(host& cpu) : golden_model<double>(cpu, "base") {
    records[0].margin = 0.25;
    records[1].margin = -2;
    network.add_lora({.rank = 2, .alpha = 4, .target_modules = {"q_proj", "down_proj"}});
  }
  /// Away from the reference: a fresh adapter adds nothing.
  void move() {
    candor::random_stream random(5, 1);
    network.for_adapters([&](const std::string&, auto& adapter) {
      std::vector<double> values(static_cast<std::size_t>(adapter.b.size()));
      for (auto& v : values) v = 0.3 * static_cast<double>(random.normal());
      adapter.b.storage().copy_from(values);
    });
  }
  /// Means over the records.
  parts means() {
    const auto x = parts_of(network, records[0]), y = parts_of(network, records[1]);
    return {(x.differentiable + y.differentiable) / 2, (x.confidence + y.confidence) / 2};
  }
  /// Mean loss; gradients are left in the adapters where they are recorded.
  double loss(bool record, const candor::pack_options& packing = {}) {
    const auto values = run(everything{}, record, packing);
    return values.loss / values.pairs;
  }
  template <class Objective>
  candor::step_values run(const Objective& objective, bool record, const candor::pack_options& packing = {}) {
    candor::objective_step step(network, objective, packing);
    step.set_reference({&network, false});
    candor::tape<host> tape(network.backend());
    candor::step_values values;
    const auto all = pointers();
    REQUIRE(step.run(std::span<const candor::encoded_record* const>(all), {}, {.tape = tape}, record, values,
                     [] { return true; }));
    return values;
  }
};

}  // namespace

TEST_CASE("a step's divergence and confidence are those of the whole distributions", "[train][kl]") {
  host cpu({.threads = 2});
  adapted_model model(cpu);
  const auto expected = [&] { return model.means().differentiable + model.means().confidence; };
  const double at_the_reference = expected();
  CHECK(model.loss(false) == Approx(at_the_reference).epsilon(1e-10));
  model.move();
  CHECK(std::abs(expected() - at_the_reference) > 0.1);
  for (const auto layout :
       {candor::layout_kind::shared, candor::layout_kind::packed, candor::layout_kind::padded})
    CHECK(model.loss(false, {.layout = layout}) == Approx(expected()).epsilon(1e-10));
  CHECK(model.loss(false, {.max_tokens = 1}) == Approx(expected()).epsilon(1e-10));  // a pass for each record
}

TEST_CASE("the gradient of the divergence through the model agrees with differences",
          "[train][kl][gradient]") {
  host cpu({.threads = 2});
  adapted_model model(cpu);
  model.move();
  model.loss(true);
  int compared = 0;
  model.network.for_adapters([&](const std::string& name, auto& adapter) {
    if (++compared % 3 != 1) return;  // every third layer
    for (auto* p : {&adapter.a, &adapter.b}) {
      const auto gradient = p->gradient().to_vector();
      auto values = p->storage().to_vector();
      const std::size_t i = values.size() / 2;
      const double kept = values[i], h = 1e-5;
      const auto at = [&](double value) {
        values[i] = value;
        p->storage().copy_from(values);
        return model.means().differentiable;
      };
      const double difference = (at(kept + h) - at(kept - h)) / (2 * h);
      at(kept);
      INFO(name);
      CHECK(gradient[i] == Approx(difference).epsilon(1e-5).margin(1e-8));
    }
  });
  CHECK(compared > 2);
}

TEST_CASE("a divergence is computed where the objective reads it, and is the same there", "[train][kl]") {
  host cpu({.threads = 2});
  adapted_model all(cpu), some(cpu);
  for (const auto layout : {candor::layout_kind::shared, candor::layout_kind::packed}) {
    all.move();
    some.move();
    const auto with_all = all.run(rejected_divergence{true}, true, {.layout = layout}),
               with_some = some.run(rejected_divergence{false}, true, {.layout = layout});
    CHECK(with_some.loss == Approx(with_all.loss).epsilon(1e-12));
    CHECK(with_some.kl_rejected == Approx(with_all.kl_rejected).epsilon(1e-12));
    CHECK(with_all.kl_rejected > 0.1);
    CHECK(with_all.kl_chosen > 0.1);
    CHECK(with_some.kl_chosen == 0.0);
    std::vector<std::vector<double>> gradients;
    const auto collect = [&](const std::string&, auto& adapter) {
      for (auto* p : {&adapter.a, &adapter.b}) gradients.push_back(p->gradient().to_vector());
    };
    all.network.for_adapters(collect);
    some.network.for_adapters(collect);
    REQUIRE(gradients.size() % 2 == 0);
    for (std::size_t g = 0; g < gradients.size() / 2; ++g)
      for (std::size_t i = 0; i < gradients[g].size(); ++i)
        CHECK(gradients[g + gradients.size() / 2][i] == Approx(gradients[g][i]).epsilon(1e-9).margin(1e-13));
  }
}

TEST_CASE("a divergence without a reference in the step is refused", "[train][kl]") {
  host cpu({.threads = 2});
  adapted_model model(cpu);
  candor::objective_step step(model.network, everything{}, {});
  candor::tape<host> tape(cpu);
  candor::step_values values;
  const auto all = model.pointers();
  CHECK_THROWS_WITH(step.run(std::span<const candor::encoded_record* const>(all), {}, {.tape = tape}, true,
                             values, [] { return true; }),
                    contains("compute the reference with each step"));
}
