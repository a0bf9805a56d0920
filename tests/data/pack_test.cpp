// SPDX-License-Identifier: Apache-2.0
// Packed passes against definitions that walk the paths of the forest. Words count up from 1 over all forests
// and image rows within each, so every token of a pass can be told by its value; 0 is padding.
#include <candor/core/error.hpp>
#include <candor/data/pack.hpp>

#include "support/catch.hpp"
#include "support/random_forest.hpp"

#include <map>
#include <set>
#include <tuple>

using candor::forest;
using candor::layout_kind;
using candor::packed_batch;
using candor_test::contains;

namespace {

constexpr layout_kind all_layouts[] = {layout_kind::shared, layout_kind::packed, layout_kind::padded,
                                       layout_kind::single};

/// Where a token stands: forest, segment, place in the segment.
using token_place = std::tuple<std::int32_t, std::int32_t, std::int32_t>;
constexpr token_place padding{-1, -1, -1};

/// The tokens of a pass by their values.
std::vector<token_place> places_of(const packed_batch& pass, const std::vector<forest>& forests) {
  std::map<std::int32_t, token_place> by_word, by_patch;
  std::vector<std::int32_t> base(forests.size(), 0);
  std::int32_t rows = 0;
  for (const auto f : pass.forests) {
    base[static_cast<std::size_t>(f)] = rows;
    rows += forests[static_cast<std::size_t>(f)].feature_rows;
  }
  for (std::size_t f = 0; f < forests.size(); ++f)
    for (std::size_t s = 0; s < forests[f].segments.size(); ++s) {
      const auto& tokens = forests[f].segments[s].tokens;
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        const token_place place{static_cast<std::int32_t>(f), static_cast<std::int32_t>(s),
                                static_cast<std::int32_t>(i)};
        const bool present =
            std::count(pass.forests.begin(), pass.forests.end(), static_cast<std::int32_t>(f)) > 0;
        if (tokens[i] >= 0) by_word[tokens[i]] = place;
        if (tokens[i] < 0 && present) by_patch[base[f] - 1 - tokens[i]] = place;
      }
    }
  std::vector<token_place> out;
  for (std::size_t t = 0; t < pass.words.size(); ++t) {
    REQUIRE((pass.words[t] < 0) == (pass.patches[t] >= 0));
    if (pass.words[t] == 0)
      out.push_back(padding);
    else
      out.push_back(pass.words[t] > 0 ? by_word.at(pass.words[t]) : by_patch.at(pass.patches[t]));
  }
  return out;
}

const candor::segment& segment_of(const std::vector<forest>& forests, const token_place& p) {
  return forests[static_cast<std::size_t>(std::get<0>(p))].segments[static_cast<std::size_t>(std::get<1>(p))];
}

/// The rule by the paths: keys of an ancestor, of the own past, and of a two-way span that both are in.
bool sees_by_path(const std::vector<forest>& forests, const token_place& q, const token_place& k) {
  if (std::get<0>(q) != std::get<0>(k)) return false;
  if (std::get<1>(q) == std::get<1>(k)) {
    const auto i = std::get<2>(q), j = std::get<2>(k);
    if (j <= i) return true;
    for (const auto& span : segment_of(forests, q).two_way)
      if (span.begin <= i && i < span.end && span.begin <= j && j < span.end) return true;
    return false;
  }
  const auto& segments = forests[static_cast<std::size_t>(std::get<0>(q))].segments;
  for (auto up = segments[static_cast<std::size_t>(std::get<1>(q))].parent; up >= 0;
       up = segments[static_cast<std::size_t>(up)].parent)
    if (up == std::get<1>(k)) return true;
  return false;
}

std::int32_t position_by_path(const std::vector<forest>& forests, const token_place& p, std::int32_t axis) {
  const auto& segments = forests[static_cast<std::size_t>(std::get<0>(p))].segments;
  const auto& own = segment_of(forests, p);
  const auto n = static_cast<std::int32_t>(own.tokens.size()), i = std::get<2>(p);
  std::int32_t position = own.positions.empty() ? i : own.positions[static_cast<std::size_t>(axis * n + i)];
  for (auto up = own.parent; up >= 0; up = segments[static_cast<std::size_t>(up)].parent) {
    const auto& s = segments[static_cast<std::size_t>(up)];
    position += s.advance >= 0 ? s.advance : static_cast<std::int32_t>(s.tokens.size());
  }
  return position;
}

/// (forest, cell, place) of every scored token -> its id, its weight, and the token that predicts it.
struct expected_score {
  std::int32_t word;
  float weight;
  token_place predictor;
  friend bool operator==(const expected_score&, const expected_score&) = default;
};
using scores = std::map<token_place, expected_score>;

scores scores_by_path(const std::vector<forest>& forests) {
  scores out;
  for (std::size_t f = 0; f < forests.size(); ++f)
    for (std::size_t c = 0; c < forests[f].cells.size(); ++c) {
      std::int32_t place = 0;
      for (const auto& run : forests[f].cells[c]) {
        const auto& s = forests[f].segments[static_cast<std::size_t>(run.segment)];
        for (std::size_t i = 0; i < s.tokens.size(); ++i) {
          const float weight = run.weights.empty() ? 1.0f : run.weights[i];
          if (weight == 0.0f) continue;
          const auto index = static_cast<std::int32_t>(f);
          token_place predictor{index, run.segment, static_cast<std::int32_t>(i) - 1};
          if (i == 0) {
            const auto& parent = forests[f].segments[static_cast<std::size_t>(s.parent)];
            predictor = {index, s.parent, static_cast<std::int32_t>(parent.tokens.size()) - 1};
          }
          out[{index, static_cast<std::int32_t>(c), place++}] = {s.tokens[i], weight, predictor};
        }
      }
    }
  return out;
}

/// All that must hold of one pass; adds what it scores to `found` and its keys to `keys`.
void check_pass(const packed_batch& pass, const std::vector<forest>& forests, scores& found,
                std::map<token_place, std::uint64_t>& keys) {
  const auto t = pass.tokens();
  const auto& layout = *pass.layout;
  REQUIRE(layout.tokens() == t);
  REQUIRE(static_cast<std::int64_t>(layout.visible_until.size()) == t);
  REQUIRE(static_cast<std::int64_t>(pass.positions.size()) == pass.axes * t);
  REQUIRE(static_cast<std::int64_t>(pass.token_keys.size()) == t);
  REQUIRE(layout.trees.front() == 0);
  REQUIRE(layout.trees.back() == t);
  const auto places = places_of(pass, forests);
  std::vector<std::int64_t> tree(static_cast<std::size_t>(t));
  for (std::size_t i = 0; i + 1 < layout.trees.size(); ++i) {
    REQUIRE(layout.trees[i] < layout.trees[i + 1]);
    for (std::int32_t j = layout.trees[i]; j < layout.trees[i + 1]; ++j)
      tree[static_cast<std::size_t>(j)] = static_cast<std::int64_t>(i);
  }
  bool rule_holds = true, positions_hold = true;
  for (std::int64_t q = 0; q < t; ++q) {
    const auto& here = places[static_cast<std::size_t>(q)];
    for (std::int64_t k = 0; k < t; ++k) {
      const auto& there = places[static_cast<std::size_t>(k)];
      const bool one_tree = tree[static_cast<std::size_t>(q)] == tree[static_cast<std::size_t>(k)];
      const bool any_padding = here == padding || there == padding;
      const bool expected =
          one_tree && (any_padding ? here == there && k <= q : sees_by_path(forests, here, there));
      rule_holds = rule_holds && layout.sees(q, k) == expected;
    }
    if (here == padding) continue;
    for (std::int32_t axis = 0; axis < pass.axes; ++axis)
      positions_hold = positions_hold && pass.positions[static_cast<std::size_t>(axis * t + q)] ==
                                             position_by_path(forests, here, axis);
    const auto [known, is_new] = keys.emplace(here, pass.token_keys[static_cast<std::size_t>(q)]);
    REQUIRE((is_new || known->second == pass.token_keys[static_cast<std::size_t>(q)]));
  }
  REQUIRE(rule_holds);
  REQUIRE(positions_hold);

  const auto rows = pass.hidden_rows.size();
  REQUIRE(pass.targets.starts.size() == rows + 1);
  REQUIRE(pass.targets.starts.front() == 0);
  REQUIRE(pass.targets.starts.back() == static_cast<std::int32_t>(pass.scored.size()));
  REQUIRE(pass.targets.tokens.size() == pass.scored.size());
  for (std::size_t r = 0; r < rows; ++r) {
    if (r > 0) REQUIRE(pass.hidden_rows[r - 1] < pass.hidden_rows[r]);
    REQUIRE(pass.targets.starts[r] < pass.targets.starts[r + 1]);
    for (auto n = pass.targets.starts[r]; n < pass.targets.starts[r + 1]; ++n) {
      const auto& s = pass.scored[static_cast<std::size_t>(n)];
      REQUIRE(pass.targets.tokens[static_cast<std::size_t>(n)] == s.token);
      const auto row = static_cast<std::size_t>(pass.hidden_rows[r]);
      const bool is_new =
          found
              .emplace(token_place{s.forest, s.cell, s.place}, expected_score{s.token, s.weight, places[row]})
              .second;
      REQUIRE(is_new);
    }
  }
}

std::vector<forest> random_forests(candor::random_stream& random, int count, bool three_axes) {
  candor_test::forest_style style;
  style.next_word = 1;
  style.three_axes = three_axes;
  std::vector<forest> forests;
  for (int i = 0; i < count; ++i) forests.push_back(candor_test::random_forest(random, style));
  return forests;
}

/// Tokens of a forest in a layout without padding: what must stay together in one pass.
std::int64_t size_in(const forest& f, layout_kind layout) {
  const forest* one = &f;
  std::int64_t n = 0;
  for (const auto& pass : candor::pack({&one, 1}, {.layout = layout})) n += pass.tokens();
  return n;
}

}  // namespace

TEST_CASE("every layout of random forests shows each token what its path shows it", "[data][pack]") {
  candor::random_stream random(12, 0);
  for (int round = 0; round < 150; ++round) {
    const auto forests = random_forests(random, candor_test::draw(random, 1, 5), round % 3 == 0);
    const auto given = candor_test::pointers(forests);
    const auto expected = scores_by_path(forests);
    std::map<token_place, std::uint64_t> keys;
    for (const auto layout : all_layouts) {
      INFO("round " << round << " layout " << static_cast<int>(layout));
      const auto passes =
          candor::pack(given, {.layout = layout, .max_tokens = candor_test::draw(random, 1, 120)});
      scores found;
      for (const auto& pass : passes) check_pass(pass, forests, found, keys);
      REQUIRE(found == expected);
    }
    std::set<std::uint64_t> distinct;
    for (const auto& [place, key] : keys) distinct.insert(key);
    CHECK(distinct.size() == keys.size());
  }
}

TEST_CASE("a pass takes forests in order for as long as the budget allows", "[data][pack]") {
  candor::random_stream random(13, 0);
  for (int round = 0; round < 60; ++round) {
    const auto forests = random_forests(random, 8, false);
    const auto given = candor_test::pointers(forests);
    const std::int64_t budget = candor_test::draw(random, 1, 150);
    for (const auto layout : {layout_kind::shared, layout_kind::packed}) {
      std::int32_t next = 0;
      for (const auto& pass : candor::pack(given, {.layout = layout, .max_tokens = budget})) {
        REQUIRE(pass.forests.front() == next);
        for (const auto f : pass.forests) REQUIRE(f == next++);
        if (pass.tokens() > budget) CHECK(pass.forests.size() == 1);
        if (next < 8)
          CHECK(pass.tokens() + size_in(forests[static_cast<std::size_t>(next)], layout) > budget);
      }
      CHECK(next == 8);
    }
  }
}

TEST_CASE("padded paths are as long as the longest, and single ones have a pass each", "[data][pack]") {
  candor::random_stream random(14, 0);
  const auto forests = random_forests(random, 6, false);
  const auto given = candor_test::pointers(forests);
  std::size_t cells = 0;
  for (const auto& f : forests) cells += f.cells.size();

  const auto single = candor::pack(given, {.layout = layout_kind::single, .max_tokens = 100000});
  CHECK(single.size() == cells);
  std::int64_t longest = 0;
  for (const auto& pass : single) {
    CHECK(pass.layout->trees.size() == 2);
    longest = std::max(longest, pass.tokens());
  }
  const auto padded = candor::pack(given, {.layout = layout_kind::padded, .max_tokens = 100000});
  REQUIRE(padded.size() == 1);
  REQUIRE(padded[0].layout->trees.size() == cells + 1);
  for (std::size_t i = 0; i <= cells; ++i)
    CHECK(padded[0].layout->trees[i] == static_cast<std::int32_t>(i) * longest);
  const auto packed = candor::pack(given, {.layout = layout_kind::packed, .max_tokens = 100000});
  CHECK(packed.size() == 1);
  CHECK(packed[0].layout->trees.size() == cells + 1);
  CHECK(packed[0].tokens() < padded[0].tokens());
}

TEST_CASE("80 branches on one stem cost one hidden row for their first tokens", "[data][pack]") {
  candor::random_stream random(15, 0);
  candor_test::forest_style style;
  style.next_word = 1;
  const std::vector<forest> forests = {candor_test::wide_forest(random, 20, 80, style)};
  const auto given = candor_test::pointers(forests);
  const auto shared = candor::pack(given);
  REQUIRE(shared.size() == 1);
  CHECK(shared[0].tokens() == forests[0].tokens());
  CHECK(shared[0].hidden_rows.front() == 19);
  CHECK(shared[0].targets.starts[1] == 80);
  for (std::int32_t b = 0; b < 80; ++b) CHECK(shared[0].scored[static_cast<std::size_t>(b)].cell == b);
  for (const auto layout : all_layouts) {
    scores found;
    std::map<token_place, std::uint64_t> keys;
    for (const auto& pass : candor::pack(given, {.layout = layout})) check_pass(pass, forests, found, keys);
    CHECK(found == scores_by_path(forests));
  }
  CHECK(size_in(forests[0], layout_kind::packed) == forests[0].tokens() + 79 * 20);
}

TEST_CASE("forests without cells are laid out for generation, and nothing gives no pass", "[data][pack]") {
  forest prompt;
  prompt.segments = {{{4, 5, 6}}};
  const forest* one = &prompt;
  const auto passes = candor::pack({&one, 1});
  REQUIRE(passes.size() == 1);
  CHECK(passes[0].words == std::vector<std::int32_t>{4, 5, 6});
  CHECK(passes[0].hidden_rows.empty());
  CHECK(passes[0].targets.starts == std::vector<std::int32_t>{0});
  CHECK(candor::pack({&one, 1}, {.layout = layout_kind::packed}).empty());
  CHECK(candor::pack({}).empty());
}

TEST_CASE("a segment with one axis of positions follows it on all three", "[data][pack]") {
  forest f;
  f.segments = {{{1, 2}, -1, {}, {0, 0, 3, 4, 5, 6}, 7}, {{3, 4}, 0, {}, {2, 9}}};
  const forest* one = &f;
  const auto pass = candor::pack({&one, 1}).front();
  CHECK(pass.axes == 3);
  CHECK(pass.positions == std::vector<std::int32_t>{0, 0, 9, 16, 3, 4, 9, 16, 5, 6, 9, 16});
}

TEST_CASE("records with keys that differ in their upper bits draw different dropout", "[data][pack]") {
  const auto keys_of = [](std::uint64_t key) {
    forest f;
    f.segments = {{std::vector<std::int32_t>(2000, 1)}};
    f.key = key;
    const forest* one = &f;
    return candor::pack({&one, 1}).front().token_keys;
  };
  std::set<std::uint64_t> distinct;
  for (const std::uint64_t key : {0ull, 1ull, 1ull << 32, 1ull << 63, (1ull << 63) + 1})
    for (const auto k : keys_of(key)) distinct.insert(k);
  CHECK(distinct.size() == 5 * 2000);
}

TEST_CASE("layouts are named, and what cannot be packed is refused", "[data][pack]") {
  CHECK(candor::parse_layout("shared") == layout_kind::shared);
  CHECK(candor::parse_layout("packed") == layout_kind::packed);
  CHECK(candor::parse_layout("padded") == layout_kind::padded);
  CHECK(candor::parse_layout("single") == layout_kind::single);
  CHECK_THROWS_WITH(candor::parse_layout("Shared"),
                    contains("layout 'Shared' is unknown: use shared, packed"));
  CHECK_THROWS_AS(candor::parse_layout(""), candor::usage_error);
  forest f;
  f.segments = {{{1, 2}}, {{3}, 0}, {{4}, 0}};
  f.cells = {{{1, {}}, {2, {}}}};
  const forest* one = &f;
  for (const auto layout : all_layouts)
    CHECK_THROWS_AS(candor::pack({&one, 1}, {.layout = layout}), candor::shape_error);
  CHECK_THROWS_AS(candor::pack({&one, 1}, {.max_tokens = 0}), candor::usage_error);
}
