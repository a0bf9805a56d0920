// SPDX-License-Identifier: Apache-2.0
// The pairwise losses against TRL's own lines over random batches (golden/make_losses.py), against golden
// values, and as weighted sums chosen at run time.
#include "objective/support.hpp"

#include <candor/io/safetensors.hpp>
#include <candor/objective/pairwise.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>

using namespace candor_test;
using candor::loss_type;
using candor::pairwise;

namespace {

/// A batch of items. An objective with a third cell finds another record's answer there.
struct batch {
  std::vector<double> sums, references;        // (n, 2) nats
  std::vector<float> tokens;                   // (n, 2)
  std::vector<double> confidence, mismatched;  // (n, 2) of the cells; under policy and reference: nats
  std::vector<double> margins;                 // (n)

  std::size_t size() const { return sums.size() / 2; }
  /// (n, 3): two columns with one behind them, from (n, 2) or for all.
  template <class X>
  std::vector<X> with_third(const std::vector<X>& two, const std::vector<double>& third,
                            std::size_t column) const {
    std::vector<X> out;
    for (std::size_t i = 0; i < size(); ++i)
      for (std::size_t c = 0; c < 3; ++c)
        out.push_back(c < 2 ? two[2 * i + c] : static_cast<X>(third[2 * i + column]));
    return out;
  }
  double mean_tokens() const {
    double all = 0;
    for (std::size_t i = 0; i < size(); ++i) all += static_cast<double>(tokens[2 * i]);
    return all / static_cast<double>(size());
  }
};

/// Mean loss, and its gradient for the sums of chosen and rejected, as a step computes them.
std::pair<double, std::vector<double>> evaluate(const pairwise& objective, const batch& b) {
  const auto sums = b.with_third(b.sums, b.mismatched, 0),
             references = b.with_third(b.references, b.mismatched, 1);
  const auto tokens = b.with_third(b.tokens, std::vector<double>(2 * b.size(), 10.0), 0);
  const auto confidence = b.with_third(b.confidence, std::vector<double>(2 * b.size(), 0.0), 0);
  std::vector<double> given(2 * b.size()), losses(b.size()), d_sums(3 * b.size()), unused(b.size());
  candor::objective_program<pairwise, double> program{.objective = objective,
                                                      .sums = sums.data(),
                                                      .references = references.data(),
                                                      .tokens = tokens.data(),
                                                      .weights = tokens.data(),
                                                      .losses = losses.data(),
                                                      .d_sums = d_sums.data(),
                                                      .rewards_chosen = unused.data(),
                                                      .rewards_rejected = unused.data(),
                                                      .scale = 1.0 / static_cast<double>(b.size()),
                                                      .mean_tokens = b.mean_tokens(),
                                                      .confidence = confidence.data(),
                                                      .margins = b.margins.data()};
  if (candor::reads_statistics(objective)) {
    std::vector<candor::pair<double, 3>> items(b.size());
    for (std::size_t i = 0; i < b.size(); ++i) {
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t at = 3 * i + c;
        items[i].cells[c] = {sums[at], references[at], tokens[at], tokens[at]};
      }
      items[i].set_ratios();
    }
    objective.update(program.statistics, items);
    for (std::size_t i = 0; i < b.size(); ++i) std::copy_n(items[i].given, 2, &given[2 * i]);
    program.given = given.data();
  }
  double sum = 0;
  std::vector<double> gradient;
  for (std::size_t i = 0; i < b.size(); ++i) {
    program(candor::serial_team{}, static_cast<std::int64_t>(i));
    sum += losses[i];
    CHECK(d_sums[3 * i + 2] == 0.0);  // KTO's z is a constant
    gradient.insert(gradient.end(), {d_sums[3 * i], d_sums[3 * i + 1]});
  }
  return {sum / static_cast<double>(b.size()), gradient};
}

/// The objective that a golden tensor's name stands for, with the options of make_losses.py.
pairwise objective_named(const std::string& key) {
  const auto slash = key.find('/');
  const std::string loss = key.substr(0, slash), option = slash == key.npos ? "" : key.substr(slash + 1);
  pairwise o{.terms = {{*candor::loss_type_named(loss)}}};
  if (loss == "exo_pair") o.label_smoothing = 1e-3;
  if (loss == "robust" || loss.starts_with("aot")) o.label_smoothing = 0.1;
  if (loss == "simpo") o.beta = 2;
  if (option == "forward_kl") o.score = {candor::divergence_kind::forward_kl};
  if (option == "js_divergence") o.score = {candor::divergence_kind::js};
  if (option == "alpha_divergence") o.score = {candor::divergence_kind::alpha, 0.5};
  if (option == "weighted") o.use_weighting = true;
  if (option == "margin") o.margin_weight = 0.5;
  if (loss == "kto") o.undesirable_weight = 0.5;
  return o;
}

pairwise only(loss_type type) { return {.terms = {{type}}}; }

void check_value(const pairwise& o, double expected, double mean_tokens = 20) {
  const auto x = golden_item();
  const batch one{x.sums, x.references, x.tokens, {0, 0}, {0, 0}, {0}};
  CHECK(one.mean_tokens() == mean_tokens);
  CHECK(std::abs(evaluate(o, one).first - expected) < 1e-6);
}

}  // namespace

TEST_CASE("pairwise losses and their gradients are TRL's over random batches", "[objective][pairwise]") {
  const candor::safetensors_file golden(candor_test::tests_folder() / "objective/golden/losses.safetensors");
  const auto read = [&](const std::string& name) { return golden.read_as<float>(*golden.find(name)); };
  const auto sums = read("sums"), references = read("references"), tokens = read("tokens"),
             confidence = read("confidence"), mismatched = read("mismatched"), margins = read("margin");
  const std::size_t width = 6;  // of a batch: 3 pairs
  std::set<std::string> seen;
  int compared = 0;
  for (const auto& tensor : golden.tensors()) {
    const std::string name(tensor.name);
    if (!name.ends_with("/loss")) continue;
    const std::string key = name.substr(0, name.size() - 5);
    seen.insert(key.substr(0, key.find('/')));
    const auto losses = read(name), gradients = read(key + "/gradient");
    const pairwise objective = objective_named(key);
    for (std::size_t b = 0; b < losses.size(); ++b) {
      const auto cut = [&](const std::vector<float>& all, std::size_t columns, auto element) {
        const auto begin = all.begin() + static_cast<std::ptrdiff_t>(b * 3 * columns);
        return std::vector<decltype(element)>(begin, begin + static_cast<std::ptrdiff_t>(3 * columns));
      };
      const auto [loss, gradient] =
          evaluate(objective, {cut(sums, 2, 0.0), cut(references, 2, 0.0), cut(tokens, 2, 0.0f),
                               cut(confidence, 2, 0.0), cut(mismatched, 2, 0.0), cut(margins, 1, 0.0)});
      INFO(key << ", batch " << b);
      const double expected = static_cast<double>(losses[b]);
      REQUIRE(std::isfinite(loss));
      if (!std::isfinite(expected)) continue;  // TRL's discopop is 0 times infinity at far log-ratios
      ++compared;
      REQUIRE(std::abs(loss - expected) <= 1e-5 * std::max(1.0, std::abs(expected)));
      for (std::size_t i = 0; i < width; ++i) {
        const double g = static_cast<double>(gradients[b * width + i]);
        REQUIRE(std::abs(gradient[i] - g) <= 1e-5 * std::max(1.0, std::abs(g)));
      }
    }
  }
  CHECK(compared > 4440);                               // of 4,480
  CHECK(seen.size() == candor::loss_table.size() - 2);  // none, and kto_pair, which TRL has dropped
}

TEST_CASE("pairwise losses have their golden values", "[objective][pairwise]") {
  check_value(only(loss_type::sigmoid), 0.474077);
  check_value({.terms = {{loss_type::sigmoid}}, .label_smoothing = 0.1}, 0.524077);
  check_value({.terms = {{loss_type::robust}}, .label_smoothing = 0.1}, 0.411577);
  check_value(only(loss_type::hinge), 0.5);
  check_value(only(loss_type::ipo), 22.752900);
  check_value({.terms = {{loss_type::exo_pair}}, .label_smoothing = 1e-3}, 1.945734);
  check_value(only(loss_type::nca_pair), 1.280602);
  check_value(only(loss_type::bco_pair), 1.152494);
  check_value(only(loss_type::sppo_hard), 13.0);
  check_value(only(loss_type::apo_zero), 0.875723);
  check_value(only(loss_type::apo_down), 0.951983);
  check_value(only(loss_type::discopop), 0.606525);
  check_value(only(loss_type::sigmoid_norm), 0.681713);
  check_value(only(loss_type::sft), 1.5);
  check_value({.terms = {{loss_type::simpo}}, .beta = 2}, 1.063497);
  check_value(only(loss_type::orpo), 1.558642);
  using d = candor::divergence_kind;
  check_value({.terms = {{loss_type::sigmoid}}, .score = {d::forward_kl}}, 0.392056);
  check_value({.terms = {{loss_type::sigmoid}}, .score = {d::js}}, 0.594620);
  check_value({.terms = {{loss_type::sigmoid}}, .score = {d::alpha, 0.5}}, 0.474443);
  check_value({.terms = {{loss_type::sigmoid}}, .score = {d::alpha, 1.0}}, 0.474077);
  check_value({.terms = {{loss_type::sigmoid, 0.8}, {loss_type::bco_pair, 0.2}, {loss_type::sft, 1}}},
              2.109760);  // MPO
}

TEST_CASE("kto takes each answer against the mean of the other side, at least 0", "[objective][kto]") {
  const candor::kto_pair kto;
  // z = 1.5: 0.462570 for the chosen, 0.413382 for the rejected answer
  CHECK(run(kto, golden_item(), {.chosen = 1.5, .rejected = 1.5}).loss ==
        Approx((0.462570 + 0.413382) / 2).margin(1e-6));
  std::vector<candor::pair<double>> items(2);
  items[0].chosen = 3, items[0].rejected = -2;
  items[1].chosen = 7, items[1].rejected = 0;
  candor::kto_pair::statistics s;
  kto.update(s, items);
  CHECK(s.chosen == 5.0);
  CHECK(s.rejected == 0.0);
}

TEST_CASE("kto takes answers against the mean of mismatched ones, at least 0", "[objective][kto]") {
  std::vector<candor::pair<double, 3>> items(2);
  items[0].cells[2] = {.sum = -50, .reference = -52};
  items[1].cells[2] = {.sum = -49, .reference = -50};
  candor::kto::statistics s;
  candor::kto{}.update(s, items);
  CHECK(s.z == 1.5);
  auto x = golden_item();
  for (auto* column : {&x.sums, &x.references}) column->push_back(-50);
  for (auto* column : {&x.tokens, &x.weights}) column->push_back(10);
  CHECK(run(candor::kto{}, x, s).loss == Approx((0.462570 + 0.413382) / 2).margin(1e-6));
  items[0].cells[2].sum = -60;
  candor::kto{}.update(s, items);
  CHECK(s.z == 0.0);
}

TEST_CASE("a pair's margin moves its beta, to 1e-3 at the least", "[objective][pairwise]") {
  const auto x = golden_item();
  const auto loss = [&](double margin) {
    return evaluate(pairwise{.margin_weight = 0.5},
                    {x.sums, x.references, x.tokens, {0, 0}, {0, 0}, {margin}})
        .first;
  };
  const auto expected = [](double beta) { return std::log1p(std::exp(-5 * beta)); };
  CHECK(loss(0) == Approx(expected(0.1)));
  CHECK(loss(2) == Approx(expected(0.2)));
  CHECK(loss(-1) == Approx(expected(0.05)));
  CHECK(loss(-10) == Approx(expected(1e-3)));
}

TEST_CASE("statistics over one pair are refused", "[objective][kto][aot]") {
  std::vector<candor::pair<double>> one(1);
  candor::kto_pair::statistics k;
  CHECK_THROWS_WITH(candor::kto_pair{}.update(k, one), contains("at least 2: use a larger batch"));
  std::vector<candor::pair<double, 3>> mismatched(1);
  candor::kto::statistics m;
  CHECK_THROWS_WITH(candor::kto{}.update(m, mismatched), contains("at least 2: use a larger batch"));
  candor::aot::statistics a;
  CHECK_THROWS_WITH(candor::aot{}.update(a, one), contains("[aot] sorts the items of a step"));
  candor::aot_unpaired::statistics u;
  CHECK_THROWS_AS(candor::aot_unpaired{}.update(u, one), candor::usage_error);
}

TEST_CASE("bco's shift is the mean over all steps and carries no gradient", "[objective][bco]") {
  const candor::bco_pair bco{.shift = true};
  candor::bco_pair::statistics s;
  std::vector<candor::pair<double>> items(2);
  items[0].chosen = 3, items[0].rejected = -2;
  items[1].chosen = 7, items[1].rejected = 0;
  bco.update(s, items);
  CHECK(s.delta == Approx(0.2));  // beta * mean of 3, -2, 7, 0
  items[0].chosen = 11;
  bco.update(s, items);
  CHECK(s.delta == Approx(0.3));  // mean of 0.2 and 0.4
  check_gradient(bco, golden_item(), s);
  CHECK_FALSE(candor::reads_statistics(candor::bco_pair{}));
  CHECK(candor::reads_statistics(bco));
}

TEST_CASE("a sum of losses reads what its terms read", "[objective][pairwise]") {
  CHECK_FALSE(candor::reads_reference(only(loss_type::simpo)));
  CHECK_FALSE(candor::reads_reference(only(loss_type::sft)));
  CHECK(candor::reads_reference(pairwise{.terms = {{loss_type::sft}, {loss_type::hinge}}}));
  CHECK_FALSE(candor::reads_statistics(pairwise{}));
  CHECK(candor::reads_statistics(only(loss_type::aot)));
  for (const auto& entry : candor::loss_table)
    CHECK((entry.name == "none" || candor::loss_type_named(entry.name) == entry.type));
  CHECK_FALSE(candor::loss_type_named("none"));
}

TEST_CASE("what losses cannot do together is refused", "[objective][pairwise]") {
  pairwise{}.check();
  CHECK_THROWS_WITH(only(loss_type::exo_pair).check(), contains("infinite without label smoothing"));
  CHECK_THROWS_WITH((pairwise{.terms = {{loss_type::aot}, {loss_type::aot_unpaired}}}.check()),
                    contains("use one of them"));
  CHECK_THROWS_WITH(only(loss_type::none).check(), contains("no loss is named"));
  CHECK_THROWS_AS((pairwise{.label_smoothing = 0.5}.check()), candor::usage_error);
  CHECK_THROWS_WITH((pairwise{.terms = {{loss_type::hinge}}, .label_smoothing = 0.1}.check()),
                    contains("none of the losses reads it"));
  CHECK_THROWS_WITH(
      (pairwise{.terms = {{loss_type::nca_pair}}, .score = {candor::divergence_kind::js}}.check()),
      contains("nca_pair has no form"));
  CHECK_THROWS_WITH((pairwise{.terms = {{loss_type::sigmoid}, {loss_type::sft}}, .ld_alpha = 0.5}.check()),
                    contains("sft reads none"));
  CHECK_THROWS_AS((pairwise{.ld_alpha = 1.5}.check()), candor::usage_error);
  CHECK_THROWS_WITH((pairwise{.terms = {{loss_type::aot}}, .use_weighting = true}.check()),
                    contains("sorts the answers"));
}
