// SPDX-License-Identifier: Apache-2.0
// Attention over random forests, each element within a stated bound of the definition, in memory that is part
// of wider rows; ragged decoding against the forward pass; the same bits on any number of threads.
#include "backend/attention_cases.hpp"

#include <candor/backend/host/host.hpp>

using candor::attention_heads;
using candor::attention_layout;
using candor::host;
using candor_test::check_attention;
using candor_test::strided;

TEST_CASE("attention over random forests is softmax(q k) v over what a token sees", "[backend][attention]") {
  host cpu({.threads = 2});
  candor_test::check_forests(cpu);
}

TEST_CASE("query heads share key heads in groups, at any head size", "[backend][attention]") {
  host cpu({.threads = 2});
  candor_test::check_grouped_heads(cpu);
}

TEST_CASE("empty trees and layouts without tokens do no harm", "[backend][attention]") {
  host cpu({.threads = 2});
  candor_test::check_empty_trees(cpu);
}

TEST_CASE("attention gives the same bits on one, two and three threads", "[backend][attention]") {
  const auto all = candor_test::attention_layouts();
  for (const std::size_t which : {2, 3}) {
    host one({.threads = 1}), two({.threads = 2}), three({.threads = 3});
    const auto expected = check_attention<float>(one, {4, 2, 8, 0.35}, all[which], 60);
    CHECK(check_attention<float>(two, {4, 2, 8, 0.35}, all[which], 60) == expected);
    CHECK(check_attention<float>(three, {4, 2, 8, 0.35}, all[which], 60) == expected);
  }
}

TEST_CASE("decoding ragged branches of several stems gives what the forward pass gives their rows",
          "[backend][attention][decode]") {
  host cpu({.threads = 2});
  candor_test::check_ragged_decoding(cpu);
}

TEST_CASE("attention over shapes that do not fit is refused", "[backend][attention]") {
  host cpu({.threads = 1});
  strided<float> q(cpu, 6, 8), k(cpu, 6, 4), wrong(cpu, 6, 5), out(cpu, 6, 8), lse(cpu, 2, 6);
  const auto layout = attention_layout::full(2, 3);
  const auto run = [&](const attention_heads& heads, const attention_layout& l, strided<float>& keys) {
    cpu.attention_forward<float>(heads, l, q.in(), keys.in(), k.in(), out.view(), lse.view());
  };
  CHECK_NOTHROW(run({2, 1, 4, 1.0}, layout, k));
  CHECK_THROWS_WITH(run({2, 1, 4, 1.0}, layout, wrong), candor_test::contains("k (6, 5)"));
  CHECK_THROWS_AS(run({2, 1, 4, 1.0}, attention_layout::full(2, 4), k), candor::shape_error);
  CHECK_THROWS_WITH(run({3, 2, 4, 1.0}, layout, k), candor_test::contains("3 query heads cannot share 2"));
  auto without_trees = layout;
  without_trees.trees.clear();
  CHECK_THROWS_WITH(run({2, 1, 4, 1.0}, without_trees, k), candor_test::contains("boundaries of trees"));
  auto cut = layout;
  cut.trees.back() -= 1;
  CHECK_THROWS_WITH(run({2, 1, 4, 1.0}, cut, k), candor_test::contains("boundaries of trees"));
  const candor::decode_layout decode{{{0, 3, 0, 2}}, {1, 1}, 4};
  CHECK_THROWS_AS(
      cpu.attention_decode<float>({2, 1, 4, 1.0}, decode, q.in(), k.in(), k.in(), k.in(), k.in(), out.view()),
      candor::shape_error);
  strided<float> two(cpu, 2, 8);
  const candor::decode_layout behind{{{0, 3, 0, 2}}, {1, 1}, 3, {0, 2}};  // 6 rows have the parts 0 and 1
  CHECK_THROWS_WITH(cpu.attention_decode<float>({2, 1, 4, 1.0}, behind, two.in(), k.in(), k.in(), k.in(),
                                                k.in(), two.view()),
                    candor_test::contains("3 parts"));
}
