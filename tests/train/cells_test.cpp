// SPDX-License-Identifier: Apache-2.0
// Steps over cells under several images, with tokens that the models pick: layouts, gradients against
// differences in double, references by table and in each step.
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>
#include <candor/train/step.hpp>

#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

using candor::cell_place;
using candor::host;
using candor::token_source;

namespace {

using network_type = candor::llava_network<host, double>;

candor::llava_config small_config() {
  candor::llava_config c;
  c.vision = {.hidden_size = 8,
              .intermediate_size = 12,
              .num_hidden_layers = 2,
              .num_attention_heads = 2,
              .image_size = 8,
              .patch_size = 4};
  c.text.vocab_size = 30;
  c.text.hidden_size = 12;
  c.text.intermediate_size = 20;
  c.text.num_hidden_layers = 2;
  c.text.num_attention_heads = 2;
  c.text.num_key_value_heads = 1;
  c.text.head_dim = 6;
  c.text.tie_word_embeddings = false;
  return c;
}

void fill(network_type& network, std::uint64_t seed) {
  candor::random_stream random(seed, 0);
  network.for_parameters([&](auto& p) {
    std::vector<double> values(static_cast<std::size_t>(p.size()));
    const double centre = p.name().find("norm") != std::string::npos ? 1.0 : 0.0;
    for (auto& v : values) v = centre + 0.4 * static_cast<double>(random.normal());
    p.storage().copy_from(values);
  });
}

/// A question about a picture with two answers, and the cells of these places on it.
candor::encoded_record record_of(const candor::llava_config& config, std::span<const cell_place> places,
                                 std::uint64_t key) {
  candor::random_stream random(key, 3);
  const auto words = [&](std::int32_t n) {
    std::vector<std::int32_t> out;
    for (std::int32_t i = 0; i < n; ++i) out.push_back(static_cast<std::int32_t>(random.below(30)));
    return out;
  };
  candor::forest plain;
  plain.images = 1;
  plain.feature_rows = config.image_tokens();
  plain.key = key;
  candor::segment stem{.tokens = words(3)};
  for (std::int32_t r = 0; r < config.image_tokens(); ++r) stem.tokens.push_back(candor::image_row(r));
  for (const auto w : words(2)) stem.tokens.push_back(w);
  plain.segments = {stem, {.tokens = words(4), .parent = 0}, {.tokens = words(3), .parent = 0}};
  plain.cells = {{{1, {1.0f, 2.0f, 0.5f, 1.0f}}}, {{2, {}}}};

  candor::encoded_record record;
  candor::variant_forest stems(plain, 1);
  std::vector<candor::scored_path> cells;
  for (const cell_place& p : places)
    cells.push_back(p.used() ? stems.path(p.branch, p.image.empty() ? 0 : 1) : candor::scored_path{});
  for (const cell_place& p : places)
    if (p.picks()) cells.push_back(stems.path(p.branch, p.tokens_image.empty() ? 0 : 1));
  record.tree = stems.take();
  record.tree.cells = cells;
  record.pixels.resize(2 * 3 * 8 * 8);  // two images
  for (auto& v : record.pixels) v = random.normal();
  candor::check_forest(record.tree);
  return record;
}

/// Reads every cell; the places are given at run time.
struct all_cells {
  std::array<cell_place, 4> where;
  constexpr std::array<cell_place, 4> places() const { return where; }
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S, 4>& y) const {
    return softplus(-0.3 * (y.chosen - y.rejected)) + softplus(-0.2 * (y.chosen - y.cells[2].ratio())) +
           softplus(-0.1 * (y.chosen - y.cells[3].ratio()));
  }
};

/// POVID's stage 2, with an image of mDPO's beside it.
all_cells picking(token_source tokens, bool noisy_score = false, bool reference_picks = true) {
  return {{{{0},
            {1},
            {0, "noisy"},
            {.branch = 0,
             .image = noisy_score ? "noisy" : "",
             .tokens = tokens,
             .tokens_image = "noisy",
             .reference_picks = reference_picks}}}};
}

using step_type = candor::objective_step<host, double, all_cells>;

struct step_result {
  candor::step_values values;
  std::map<std::string, std::vector<double>> gradients;
};

struct world {
  candor::operation_profile operations;
  host cpu{{.threads = 1, .profile = &operations}};
  network_type network{cpu, small_config()}, second{cpu, small_config()};
  std::vector<candor::encoded_record> records;
  std::vector<const candor::encoded_record*> pointers;

  explicit world(const all_cells& loss) {
    fill(network, 1);
    fill(second, 2);
    for (std::uint64_t i = 0; i < 3; ++i)
      records.push_back(record_of(network.config(), candor::places_of(loss), i));
    for (const auto& r : records) pointers.push_back(&r);
  }

  step_result run(const all_cells& loss, const candor::pack_options& packing = {},
                  const step_type::reference_table& table = {}, bool live = true, bool gradients = true) {
    network.for_parameters([](auto& p) { p.drop_gradient(); });
    step_type step(network, loss, packing);
    if (live) step.set_reference({&second, true});
    candor::tape<host> unused(cpu, candor::tape<host>::mode::evaluate);
    step_result out;
    REQUIRE(step.run(pointers, table, {.tape = unused}, gradients, out.values, [] { return true; }));
    if (gradients)
      network.for_parameters([&](auto& p) {
        if (p.trainable()) out.gradients[p.name()] = p.gradient().to_vector();
      });
    return out;
  }
};

double length_of(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE("cells under two images have the same losses and gradients in every layout", "[train][cells]") {
  for (const auto& loss : {picking(token_source::argmax), picking(token_source::second_best, true),
                           picking(token_source::argmax, true, false), picking(token_source::own, true)}) {
    world w(loss);
    const auto shared = w.run(loss);
    CHECK(shared.values.imageless_pairs == 3);
    for (const auto layout :
         {candor::layout_kind::packed, candor::layout_kind::padded, candor::layout_kind::shared})
      for (const std::int64_t budget : {1, 60, 8192}) {
        const auto other = w.run(loss, {.layout = layout, .max_tokens = budget});
        CHECK(other.values.loss == Approx(shared.values.loss).epsilon(1e-12));
        CHECK(other.values.imageless_margin == Approx(shared.values.imageless_margin).epsilon(1e-10));
        for (const auto& [name, gradient] : shared.gradients) {
          auto difference = other.gradients.at(name);
          for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= gradient[i];
          INFO(name);
          CHECK(length_of(difference) <= 1e-10 * length_of(gradient));
        }
      }
  }
}

TEST_CASE("the tower sees each image once a step, whoever reads it", "[train][cells]") {
  // POVID as published: the noisy image picks tokens and scores them, for the policy and for the reference.
  const auto loss = picking(token_source::argmax, true);
  world w(loss);
  const auto calls = [&](network_type& reference, const candor::pack_options& packing = {}) {
    w.operations.clear();
    step_type step(w.network, loss, packing);
    step.set_reference({&reference, true});
    candor::tape<host> unused(w.cpu, candor::tape<host>::mode::evaluate);
    candor::step_values values;
    step.run(w.pointers, {}, {.tape = unused}, true, values, [] { return true; });
    std::uint64_t cut = 0;
    for (const auto& [name, entry] : w.operations.entries())
      if (name.find("cut_patches") != std::string::npos) cut += entry.calls;
    return cut;
  };
  CHECK(calls(w.network) == 1);                     // the policy without adapters
  CHECK(calls(w.second) == 2);                      // a second model has a tower of its own
  CHECK(calls(w.network, {.max_tokens = 1}) == 3);  // a record a pass
  // A tower that is trained says something else in each pass that records.
  const auto fixed = w.run(loss);
  w.network.set_tower_trainable(true);
  CHECK(calls(w.network) == 4);
  const auto trained = w.run(loss);
  CHECK(trained.values.loss == Approx(fixed.values.loss).epsilon(1e-12));
  for (const auto& [name, gradient] : fixed.gradients) {
    auto difference = trained.gradients.at(name);
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= gradient[i];
    INFO(name);
    CHECK(length_of(difference) <= 1e-10 * length_of(gradient));
  }
}

TEST_CASE("the gradient over cells that pick tokens agrees with differences", "[train][cells][gradient]") {
  for (const auto& loss : {picking(token_source::argmax), picking(token_source::second_best, true)}) {
    world w(loss);
    const auto found = w.run(loss);
    w.network.for_parameters([&](auto& p) {
      if (!p.trainable()) return;
      auto values = p.storage().to_vector();
      const auto& gradient = found.gradients.at(p.name());
      for (const std::size_t i : {std::size_t{1}, values.size() / 2}) {
        const double was = values[i], h = 1e-6;
        const auto at = [&](double v) {
          values[i] = v;
          p.storage().copy_from(values);
          return w.run(loss, {}, {}, true, false).values.loss / 3;
        };
        const double up = at(was + h), down = at(was - h);
        at(was);
        INFO(p.name() << " " << i);
        CHECK(gradient[i] == Approx((up - down) / (2 * h)).epsilon(1e-6).margin(1e-8));
      }
    });
  }
}

TEST_CASE("a model picks its most likely tokens, those of the answer excepted where asked",
          "[train][cells][targets]") {
  const auto loss = picking(token_source::argmax);
  world w(loss);
  const candor::cell_plan plan(candor::places_of(loss)),
      others(candor::places_of(picking(token_source::second_best)));
  const auto picked = candor::pick_tokens(
                 w.network, std::span<const candor::encoded_record*const>(w.pointers), plan, {}),
             second = candor::pick_tokens(
                 w.network, std::span<const candor::encoded_record*const>(w.pointers), others, {});
  for (std::size_t r = 0; r < w.records.size(); ++r) {
    // Every token of the vocabulary in turn at each place of the answer under the noisy image.
    std::vector<std::vector<float>> by_token;  // [token][place]
    for (std::int32_t v = 0; v < 30; ++v) {
      auto record = candor::part_of(w.records[r], std::array{4});
      candor::set_targets(record.tree, 4, std::vector<std::int32_t>(4, v));
      const candor::encoded_record* const one[] = {&record};
      by_token.push_back(candor::score(w.network, std::span<const candor::encoded_record* const>(one))[0][4]);
    }
    const auto& own =
        w.records[r].tree.segments[static_cast<std::size_t>(w.records[r].tree.cells[4][0].segment)].tokens;
    REQUIRE(picked[r][0].size() == 4);
    for (std::size_t place = 0; place < 4; ++place) {
      const auto best = static_cast<std::size_t>(picked[r][0][place]),
                 next = static_cast<std::size_t>(second[r][0][place]);
      CHECK(static_cast<std::int32_t>(next) != own[place]);
      for (std::size_t v = 0; v < 30; ++v) {
        CHECK(by_token[v][place] <= by_token[best][place]);
        if (static_cast<std::int32_t>(v) != own[place]) CHECK(by_token[v][place] <= by_token[next][place]);
      }
      CHECK((best == next || static_cast<std::int32_t>(best) == own[place]));
    }
  }
}

TEST_CASE("a reference in each step gives what a table of its log-probs gives", "[train][cells][reference]") {
  // The reference alone scores cell 2, and picks tokens for cell 3.
  all_cells loss = picking(token_source::argmax);
  for (const bool by_policy : {true, false}) {
    loss.where[2].policy = by_policy;
    world w(loss);
    const candor::cell_plan plan(candor::places_of(loss));
    CHECK_FALSE(plan.whole());
    const auto scores =
        candor::score_cells(w.second, std::span<const candor::encoded_record* const>(w.pointers), plan, {});
    step_type::reference_table table;
    for (const auto& record : scores) {
      REQUIRE(record.size() == 4);
      table.emplace_back(record.begin(), record.end());
    }
    const auto live = w.run(loss), read = w.run(loss, {}, table, false);
    // The table is float: some 5e-7 nats a token.
    CHECK(std::abs(read.values.loss - live.values.loss) < 1e-5);
    CHECK(std::abs(read.values.reward_chosen - live.values.reward_chosen) < 1e-5);
    CHECK(live.values.imageless_pairs == (by_policy ? 3 : 0));
    CHECK(w.run(loss, {}, {}, false).values.loss != Approx(live.values.loss).epsilon(1e-3));
  }
}

TEST_CASE("tokens of the policy's choice are scored by the reference where asked",
          "[train][cells][reference]") {
  const auto own = picking(token_source::argmax, false, true),
             policys = picking(token_source::argmax, false, false);
  CHECK(candor::cell_plan(candor::places_of(policys)).follows_policy());
  CHECK_FALSE(candor::cell_plan(candor::places_of(own)).follows_policy());
  world w(own);
  CHECK(w.run(own).values.loss != Approx(w.run(policys).values.loss).epsilon(1e-6));
  // With the policy as its own reference all ratios are 0, whoever picks.
  step_type step(w.network, policys, {});
  step.set_reference({&w.network, true});
  candor::tape<host> unused(w.cpu, candor::tape<host>::mode::evaluate);
  candor::step_values values;
  step.run(w.pointers, {}, {.tape = unused}, false, values, [] { return true; });
  CHECK(values.loss == Approx(9 * std::log(2.0)).epsilon(1e-12));
}

TEST_CASE("a part of a record has the segments and images of its cells alone", "[train][cells]") {
  const auto loss = picking(token_source::argmax);
  world w(loss);
  const auto& whole = w.records[0];
  CHECK(whole.tree.images == 2);
  CHECK(whole.tree.segments.size() == 6);  // text before the image; two stems; two answers and one
  const auto part = candor::part_of(whole, std::array{2});
  candor::check_forest(part.tree);
  CHECK(part.tree.images == 1);
  CHECK(part.tree.segments.size() == 3);
  REQUIRE(part.tree.cells.size() == whole.tree.cells.size());
  CHECK(part.tree.cells[0].empty());
  CHECK(part.pixels == std::vector<float>(whole.pixels.begin() + 192, whole.pixels.end()));
  const auto score = [&](const candor::encoded_record& r) {
    const candor::encoded_record* const one[] = {&r};
    return candor::score(w.network, std::span<const candor::encoded_record* const>(one))[0][2];
  };
  const auto a = score(part), b = score(whole);
  REQUIRE(a.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-6));
}
