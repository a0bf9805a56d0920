// SPDX-License-Identifier: Apache-2.0
// The block lists of the device's attention against the rule, token by token.
#include "support/catch.hpp"
#include "support/random_forest.hpp"

#include <candor/backend/cuda/attention_blocks.hpp>
#include <candor/data/pack.hpp>

#include <algorithm>
#include <map>

using candor::attention_layout;
namespace device = candor::device;

namespace {

void check_list(const attention_layout& layout, const device::block_list& list, std::int32_t size,
                std::int32_t other, bool by_keys) {
  const auto tokens = static_cast<std::int32_t>(layout.tokens());
  REQUIRE(list.blocks == (tokens + size - 1) / size);
  std::map<std::pair<std::int32_t, std::int32_t>, int> seen;  // pairs that see each other, by blocks
  for (std::int32_t q = 0; q < tokens; ++q)
    for (std::int32_t k = 0; k < tokens; ++k)
      if (layout.sees(q, k)) ++seen[{(by_keys ? k : q) / size, (by_keys ? q : k) / other}];
  std::size_t listed = 0;
  for (std::int32_t b = 0; b < list.blocks; ++b) {
    std::int32_t before = -1;
    for (std::int32_t i = list.begin[b]; i < list.begin[b + 1]; ++i) {
      const std::int32_t partner = list.partner[i] / 2;
      CHECK(partner > before);
      before = partner;
      const int pairs = seen[{b, partner}];
      CHECK(pairs > 0);
      CHECK((list.partner[i] % 2 == 0) == (pairs == size * other));
      ++listed;
    }
  }
  CHECK(listed == seen.size());
  std::vector<std::int32_t> order(list.order, list.order + list.blocks);
  for (std::size_t i = 1; i < order.size(); ++i)
    CHECK(list.begin[order[i - 1] + 1] - list.begin[order[i - 1]] >=
          list.begin[order[i] + 1] - list.begin[order[i]]);
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(order[i] == static_cast<std::int32_t>(i));
}

void check_plan(const attention_layout& layout) {
  INFO(layout.tokens() << " tokens");
  const device::attention_plan plan(layout);
  const auto view = plan.view(plan.numbers().data());
  const auto tokens = static_cast<std::int32_t>(layout.tokens());
  CHECK(view.tokens == tokens);
  CHECK(view.padded % device::key_block == 0);
  CHECK((view.padded >= tokens && view.padded < tokens + device::key_block));
  for (std::int32_t i = 0; i < view.padded; ++i) {
    CHECK(view.reach[i] == (i < tokens ? layout.reach[static_cast<std::size_t>(i)] : -1));
    CHECK(view.visible_until[i] == (i < tokens ? layout.visible_until[static_cast<std::size_t>(i)] : 0));
  }
  for (const auto* place : {view.reach, view.visible_until, view.of_queries.order, view.of_keys.partner})
    CHECK((place - plan.numbers().data()) % 4 == 0);
  check_list(layout, view.of_queries, device::query_block, device::key_block, false);
  check_list(layout, view.of_keys, device::key_block, device::backward_query_block, true);
}

}  // namespace

TEST_CASE("block lists hold the blocks that see each other and say which do so in part",
          "[cuda][attention]") {
  candor::random_stream random(7, 1);
  for (int round = 0; round < 12; ++round) {
    candor_test::forest_style style;
    style.most_tokens = 1 << (round % 6 + 3);
    std::vector<candor::forest> forests;
    for (int i = 0; i <= round % 4; ++i) forests.push_back(candor_test::random_forest(random, style));
    check_plan(*candor::pack(candor_test::pointers(forests), {.max_tokens = 1'000'000}).front().layout);
  }
  candor_test::forest_style style;
  const std::vector<candor::forest> wide{candor_test::wide_forest(random, 300, 120, style)};
  check_plan(*candor::pack(candor_test::pointers(wide), {.max_tokens = 1'000'000}).front().layout);
  for (const std::int64_t length : {1, 63, 64, 65, 128, 577}) check_plan(attention_layout::full(2, length));
  attention_layout none;
  none.trees = {0};
  check_plan(none);
}

TEST_CASE("eight packed pairs as long as LLaVA's take 1.22 times the pairs of tokens that are seen",
          "[cuda][attention]") {
  std::vector<candor::forest> pairs(8);
  for (auto& f : pairs)
    for (const std::size_t tokens : {636, 150, 150})
      f.segments.push_back({std::vector<std::int32_t>(tokens, 1), f.segments.empty() ? -1 : 0});
  const auto layout = *candor::pack(candor_test::pointers(pairs), {.max_tokens = 1'000'000}).front().layout;
  REQUIRE(layout.tokens() == 8 * 936);
  const double seen = 8 * (636 * 637 / 2 + 2 * (150 * 636 + 150 * 151 / 2));
  const device::attention_plan plan(layout);
  const auto& list = plan.view(plan.numbers().data()).of_queries;
  CHECK(list.begin[list.blocks] * double{device::query_block * device::key_block} / seen ==
        Approx(1.222).margin(1e-3));
}
