// SPDX-License-Identifier: Apache-2.0
#include <candor/data/ratings.hpp>

#include <candor/core/error.hpp>

#include "support/catch.hpp"

using candor::aspect_rating;
using candor::mean_rating;
using candor::pairs_of_ratings;
using candor::rated_pair;
using candor::rating_ladder;
using candor_test::contains;

namespace {

using means = std::vector<std::optional<double>>;

std::vector<aspect_rating> rated(std::optional<double> helpful, std::optional<double> faithful) {
  return {{"Helpfulness", helpful}, {"Visual Faithfulness", faithful}};
}

}  // namespace

TEST_CASE("an answer's rating is the mean of its aspects, or nothing", "[data][ratings]") {
  CHECK(mean_rating(rated(4, 5)) == 4.5);
  CHECK(!mean_rating(rated(4, std::nullopt)));
  CHECK(!mean_rating({}));
  const rating_ladder faithful{.weights = {{"Visual Faithfulness", 2.0}}};
  CHECK(mean_rating(rated(std::nullopt, 3), faithful) == 3);
  CHECK(!mean_rating(rated(3, std::nullopt), faithful));
  CHECK(mean_rating(rated(1, 5), {.weights = {{"Helpfulness", 1.0}, {"Visual Faithfulness", 3.0}}}) == 4);
  CHECK(!mean_rating(rated(1, 5), {.weights = {{"Ethics", 1.0}}}));
}

TEST_CASE("every two answers with unequal ratings are a pair", "[data][ratings]") {
  CHECK(pairs_of_ratings(means{3, 5, 3, std::nullopt}) == std::vector<rated_pair>{{1, 0, 2}, {1, 2, 2}});
  CHECK(pairs_of_ratings(means{2, 2, 2}).empty());
  CHECK(pairs_of_ratings(means{}).empty());
  CHECK(pairs_of_ratings(means{1, 2, 3, 4}).size() == 6);
}

TEST_CASE("a ladder leaves out narrow gaps, and what passes the maximum", "[data][ratings]") {
  const means all{1, 2, 4, 4.5};
  CHECK(pairs_of_ratings(all, {.min_gap = 2.5}) ==
        std::vector<rated_pair>{{2, 0, 3}, {3, 0, 3.5}, {3, 1, 2.5}});
  CHECK(pairs_of_ratings(all, {.max_pairs = 2}) == std::vector<rated_pair>{{2, 0, 3}, {3, 0, 3.5}});
  CHECK(pairs_of_ratings(means{1, 2, 1, 2}, {.max_pairs = 2}) ==
        std::vector<rated_pair>{{1, 0, 1}, {3, 0, 1}});
  CHECK_THROWS_WITH(pairs_of_ratings(all, {.min_gap = -1}), contains("the least gap of a pair is -1"));
  CHECK_THROWS_WITH(mean_rating({}, {.weights = {{"a", 0.0}}}), contains("\"a\" weighs 0"));
}
