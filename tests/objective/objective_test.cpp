// SPDX-License-Identifier: Apache-2.0
// The interface: what a user writes outside the namespace, cells under another image, statistics over the
// batch.
#include "objective/support.hpp"

#include <candor/objective/dpo.hpp>
#include <candor/objective/sft.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using candor_test::golden_item;
using candor_test::run;

namespace elsewhere {

/// The example of the documentation, written outside candor.
struct hinge {
  double beta = 0.1;
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y) const {
    return max(S(0), S(1) - beta * (y.chosen - y.rejected));
  }
};

/// mDPO (arXiv 2406.11839): a third cell, the chosen answer under a distorted image, and an anchor.
struct image_contrast {
  static constexpr candor::cell_place cells[] = {{0}, {1}, {0, "distorted"}};
  double beta = 0.1;
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S, 3>& y) const {
    const S distorted = y.cells[2].ratio();
    return -log_sigmoid(beta * (y.chosen - y.rejected)) - log_sigmoid(beta * (y.chosen - distorted)) -
           log_sigmoid(beta * y.chosen);
  }
};

/// SimPO (arXiv 2405.14734): no reference.
struct simpo {
  static constexpr bool needs_reference = false;
  double beta = 2, margin = 1;
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y) const {
    return -log_sigmoid(beta * (y.cells[0].sum / y.cells[0].tokens - y.cells[1].sum / y.cells[1].tokens) -
                        margin);
  }
};

/// BCO with its running mean of rewards (arXiv 2404.04656).
struct bco {
  struct statistics {
    double delta = 0;
    std::int64_t steps = 0;
  };
  double beta = 0.1;
  void update(statistics& s, std::span<candor::pair<double>> items) const {
    double sum = 0;
    for (const auto& y : items) sum += beta * (y.chosen + y.rejected) / 2;
    const double mean = sum / static_cast<double>(items.size());
    s.delta = s.steps == 0 ? mean : 0.9 * s.delta + 0.1 * mean;
    ++s.steps;
  }
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y, const statistics& s) const {
    return -log_sigmoid(beta * y.chosen - s.delta) - log_sigmoid(s.delta - beta * y.rejected);
  }
};

/// AOT (arXiv 2406.05882): each policy margin against the reference margin of the same rank in the batch.
struct aot {
  struct statistics {};
  double beta = 0.1;
  void update(statistics&, std::span<candor::pair<double>> items) const {
    std::vector<double> reference;
    std::vector<std::size_t> order(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      order[i] = i;
      reference.push_back(items[i].cells[0].reference - items[i].cells[1].reference);
    }
    std::sort(reference.begin(), reference.end());
    const auto margin = [&](std::size_t i) { return items[i].cells[0].sum - items[i].cells[1].sum; };
    std::sort(order.begin(), order.end(),
              [&](std::size_t i, std::size_t j) { return margin(i) < margin(j); });
    for (std::size_t rank = 0; rank < order.size(); ++rank) items[order[rank]].given[0] = reference[rank];
  }
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y, const statistics&) const {
    return -log_sigmoid(beta * (y.cells[0].sum - y.cells[1].sum - y.given[0]));
  }
};

struct returns_a_double {
  template <class S>
  double operator()(const candor::pair<S>&, int) const {
    return 0;
  }
};
struct owns_memory {
  std::vector<double> betas;
  template <class S>
  S operator()(const candor::pair<S>& y) const {
    return y.chosen;
  }
};

}  // namespace elsewhere

static_assert(candor::objective<elsewhere::hinge>);
static_assert(candor::objective<elsewhere::image_contrast>);
static_assert(candor::objective<elsewhere::bco>);
static_assert(candor::objective<elsewhere::aot>);
static_assert(candor::objective<candor::with_sft<elsewhere::bco>>);
static_assert(!candor::objective<elsewhere::returns_a_double>);
static_assert(!candor::objective<elsewhere::owns_memory>);
static_assert(!candor::objective<int>);
static_assert(candor::has_statistics<candor::with_sft<elsewhere::bco>>);
static_assert(!candor::has_statistics<candor::with_sft<elsewhere::hinge>>);

TEST_CASE("an objective is ten lines outside the namespace", "[objective][interface]") {
  CHECK(run(elsewhere::hinge{}, golden_item()).loss == Approx(0.5));
  candor_test::check_gradient(elsewhere::hinge{}, golden_item());
}

TEST_CASE("by default the cells are chosen and rejected under the record's image", "[objective][interface]") {
  const auto places = candor::places_of(candor::dpo{});
  REQUIRE(places.size() == 2);
  CHECK(places[0].branch == 0);
  CHECK(places[1].branch == 1);
  CHECK(places[0].image.empty());
}

TEST_CASE("an objective may score an answer under another image", "[objective][interface]") {
  const auto places = candor::places_of(elsewhere::image_contrast{});
  REQUIRE(places.size() == 3);
  CHECK(places[2].branch == 0);
  CHECK(places[2].image == "distorted");
  // a = 3, c = -2, distorted -45 - (-44) = -1: -ls(0.5) - ls(0.4) - ls(0.3)
  const candor_test::item x{{-30, -42, -45}, {-33, -40, -44}, {20, 25, 20}, {20, 25, 20}};
  const auto r = run(elsewhere::image_contrast{}, x);
  CHECK(std::abs(r.loss - 1.541447) < 1e-6);
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  CHECK(r.d_sums[0] == Approx(-0.1 * (sigmoid(-0.5) + sigmoid(-0.4) + sigmoid(-0.3))));
  CHECK(r.d_sums[1] == Approx(0.1 * sigmoid(-0.5)));
  CHECK(r.d_sums[2] == Approx(0.1 * sigmoid(-0.4)));
  const auto composed = run(candor::with_sft{elsewhere::image_contrast{}, {.weight = 2}}, x);
  CHECK(composed.loss == Approx(r.loss + 60));
  CHECK(composed.d_sums[2] == Approx(r.d_sums[2]));
}

TEST_CASE("an objective without a reference does not read one", "[objective][interface]") {
  STATIC_REQUIRE_FALSE(candor::reads_reference(elsewhere::simpo{}));
  const auto x = golden_item();
  double loss = 0;
  const candor::objective_program<elsewhere::simpo, double> program{.objective = {},
                                                                    .sums = x.sums.data(),
                                                                    .references = nullptr,
                                                                    .tokens = x.tokens.data(),
                                                                    .weights = x.weights.data(),
                                                                    .losses = &loss,
                                                                    .d_sums = nullptr,
                                                                    .rewards_chosen = nullptr,
                                                                    .rewards_rejected = nullptr};
  program(candor::serial_team{}, 0);
  CHECK(std::abs(loss - 1.063497) < 1e-6);  // -ls(2 (-30/20 + 42/25) - 1)
}

TEST_CASE("statistics over the batch shift the loss and carry no gradient", "[objective][interface]") {
  const elsewhere::bco objective;
  elsewhere::bco::statistics s;
  CHECK(std::abs(run(objective, golden_item(), s).loss - 1.152494) < 1e-6);  // -ls(0.3) - ls(0.2), delta 0
  std::vector<candor::pair<double>> items(2);
  items[0].chosen = 3, items[0].rejected = -2;
  items[1].chosen = 7, items[1].rejected = 0;
  objective.update(s, items);
  CHECK(s.delta == Approx(0.2));  // 0.1 * mean of 0.5 and 3.5
  const auto r = run(objective, golden_item(), s);
  CHECK(r.loss == Approx(std::log1p(std::exp(-0.1)) + std::log1p(std::exp(-0.4))));
  candor_test::check_gradient(objective, golden_item(), s);
  const auto composed = run(candor::with_sft{objective, {.weight = 1}}, golden_item(), s);
  CHECK(composed.loss == Approx(r.loss + 30));
}

TEST_CASE("statistics may sort the batch and leave a number for each item", "[objective][interface]") {
  std::vector<candor::pair<double>> items(3);
  const double policy[] = {5, -1, 2}, reference[] = {0.5, 3, -2};
  for (std::size_t i = 0; i < 3; ++i) {
    items[i].cells[0].sum = policy[i];
    items[i].cells[0].reference = reference[i];
  }
  elsewhere::aot::statistics none;
  elsewhere::aot{}.update(none, items);
  CHECK(items[0].given[0] == 3);  // the largest margin meets the largest
  CHECK(items[1].given[0] == -2);
  CHECK(items[2].given[0] == 0.5);
  const auto r = run(elsewhere::aot{}, golden_item(), {}, 3.0);
  CHECK(r.loss == Approx(std::log1p(std::exp(-0.1 * (12 - 3)))));
}

TEST_CASE("the program scales derivatives by the step's pairs and fills one row an item",
          "[objective][program]") {
  const float sums[] = {-30, -42, -10, -10}, references[] = {-33, -40, -10, -10};
  const float tokens[] = {20, 25, 5, 5};
  float losses[2], d_sums[4], chosen[2], rejected[2];
  const candor::objective_program<candor::dpo> program{.objective = {},
                                                       .sums = sums,
                                                       .references = references,
                                                       .tokens = tokens,
                                                       .weights = tokens,
                                                       .losses = losses,
                                                       .d_sums = d_sums,
                                                       .rewards_chosen = chosen,
                                                       .rewards_rejected = rejected,
                                                       .scale = 0.25};
  for (int row = 0; row < 2; ++row) program(candor::serial_team{}, row);
  CHECK(losses[0] == Approx(0.474077).margin(1e-6));
  CHECK(losses[1] == Approx(0.693147).margin(1e-6));
  CHECK(d_sums[0] == Approx(-0.25 * 0.1 * 0.37754067));
  CHECK(d_sums[3] == Approx(0.25 * 0.1 * 0.5));
  CHECK(chosen[0] == Approx(0.3));
  CHECK(rejected[0] == Approx(-0.2));
  CHECK(chosen[1] == 0.0f);
}
