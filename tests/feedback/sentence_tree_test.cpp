// SPDX-License-Identifier: Apache-2.0
// CSR's tree by hand: which sentences may stand, which nodes go on, what paths cost, which answers make a
// pair.
#include "support/catch.hpp"

#include <candor/core/error.hpp>
#include <candor/feedback/sentence_tree.hpp>

#include <cmath>
#include <string>
#include <vector>

using candor::sentence_node;
using candor::sentence_reward;
using candor::sentence_search_options;
using candor::sentence_tree;
using candor_test::contains;

namespace {

/// Two sentences under the root, the first with two ends and a way on that nobody took:
///            root
///       a (-0.5, 30)      b (-1.0, 20) whole
///   c (-0.9, 10) whole  d (-0.7, 25) whole  e (-2.0, 28)
sentence_tree tree_by_hand() {
  return {{},
          {.parent = 0, .text = "A.", .score = -0.5, .log_prob = std::log(0.5), .clip = 30},
          {.parent = 0, .text = "B.", .score = -1.0, .log_prob = std::log(0.1), .clip = 20, .whole = true},
          {.parent = 1, .text = "A. C.", .score = -0.9, .log_prob = std::log(0.2), .clip = 10, .whole = true},
          {.parent = 1, .text = "A. D.", .score = -0.7, .log_prob = std::log(0.4), .clip = 25, .whole = true},
          {.parent = 1, .text = "A. E.", .score = -2.0, .log_prob = std::log(0.3), .clip = 28}};
}

}  // namespace

TEST_CASE("a path costs the mean of its sentences' ranks among siblings", "[feedback][csr]") {
  const auto costs = candor::path_costs(tree_by_hand(), {});
  REQUIRE(costs.size() == 6);
  // ranks by the model and by CLIP: a 1/2 and 1/2, b 1 and 1; c 2/3 and 1, d 1/3 and 2/3, e 1 and 1/3
  const double a = 0.5, b = 1.0, c = 0.1 * 2 / 3 + 0.9, d = 0.1 / 3 + 0.9 * 2 / 3, e = 0.1 + 0.9 / 3;
  CHECK(costs[0] == 0);
  CHECK(costs[1] == Approx(a / 2));
  CHECK(costs[2] == Approx(b / 2));
  CHECK(costs[3] == Approx((a + c) / 3));
  CHECK(costs[4] == Approx((a + d) / 3));
  CHECK(costs[5] == Approx((a + e) / 3));
}

TEST_CASE("the paper's cost is the negative sum of what sentences earn", "[feedback][csr]") {
  const auto costs = candor::path_costs(tree_by_hand(), {.reward = sentence_reward::sums});
  CHECK(costs[1] == Approx(-(0.1 * 0.5 + 0.9 * 30)));
  CHECK(costs[4] == Approx(-(0.1 * 0.5 + 0.9 * 30 + 0.1 * 0.4 + 0.9 * 25)));
  auto tree = tree_by_hand();
  tree[2].clip = -3;  // nothing is earned by a sentence that does not fit
  CHECK(candor::path_costs(tree, {.reward = sentence_reward::sums})[2] == Approx(-0.1 * 0.1));
}

TEST_CASE("whole answers of lowest and highest cost make the pair", "[feedback][csr]") {
  auto tree = tree_by_hand();
  const auto pair = candor::pair_of(tree, {});
  REQUIRE(pair);
  CHECK(pair->chosen == "A. D.");
  CHECK(pair->rejected == "B.");
  CHECK(pair->chosen_cost < pair->rejected_cost);
  CHECK(candor::pair_of(tree, {.reward = sentence_reward::sums})->rejected == "B.");
  CHECK(candor::pair_of(tree, {.lambda = 0})->chosen == "A. D.");
  for (auto& n : tree) n.whole = n.text == "A. C.";
  CHECK_FALSE(candor::pair_of(tree, {}));  // one answer
  CHECK_FALSE(candor::pair_of({{}}, {}));  // none
  tree[4].whole = true;
  tree[4].text = tree[3].text;
  CHECK_FALSE(candor::pair_of(tree, {}));  // the same words twice
}

TEST_CASE("of five open nodes the best and the two worst go on, of fewer all", "[feedback][csr]") {
  sentence_tree tree(1);
  for (const double score : {-3.0, -1.0, -2.0, -5.0, -4.0}) tree.push_back({.parent = 0, .score = score});
  CHECK(candor::nodes_to_continue(tree, {1, 2, 3, 4, 5}, {}) == std::vector<std::int32_t>{2, 5, 4});
  CHECK(candor::nodes_to_continue(tree, {1, 2, 3, 4}, {}) == std::vector<std::int32_t>{1, 2, 3, 4});
  CHECK(candor::nodes_to_continue(tree, {}, {}).empty());
  CHECK(candor::nodes_to_continue(tree, {1, 2}, {.open_nodes = 2, .keep_best = 1, .keep_worst = 0}) ==
        std::vector<std::int32_t>{2});
}

TEST_CASE("sentences with other scripts, repeated words or runs are left out", "[feedback][csr]") {
  for (const char* good : {"A red kite flies.", "The café is open.", "five five five five five times",
                           "=-=-=-=-=-=-=-=-=-=-=", "a\nb\nc\nd\ne\nf", "&nbsp; and", "10000000000"})
    CHECK(candor::sentence_allowed(good));
  for (const char* bad :
       {"", "No.", "한국어 문장", "これは文です", "Это кот", "A cat \U0001F600.",
        "very very very very very very good", "ttttttttttt", ", , , , , , , , , , , ,", "a\nb\nc\nd\ne\nf\ng",
        "x &nbsp;&nbsp; y", "a.........,. .. b.. . . . . . . . . . ."})
    CHECK_FALSE(candor::sentence_allowed(bad));
  CHECK(candor::sentence_allowed("one, one, one, one, one, one, one"));  // not only spaces between
}

TEST_CASE("options of a search that mean nothing are refused", "[feedback][csr]") {
  const auto refused = [](const sentence_search_options& o, const char* why) {
    CHECK_THROWS_WITH(candor::check_options(o), contains(why));
  };
  refused({.num_beams = 1, .num_beam_groups = 1}, "two beams at least");
  refused({.num_beams = 5, .num_beam_groups = 2}, "groups of equal size");
  refused({.max_new_tokens = 0}, "at least one of each");
  refused({.open_nodes = 2}, "no more than there are");
  refused({.lambda = 1.5}, "a weight from 0 to 1");
}
