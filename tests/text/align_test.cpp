// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/text/align.hpp>

#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <numeric>
#include <string>
#include <vector>

using namespace candor;
using ids = std::vector<std::int32_t>;

namespace {

ids decoded(const std::string& s) {
  ids out;
  for (const char c : s) out.push_back(c > 92 ? c - 36 : c - 35);
  return out;
}
std::vector<std::size_t> flat(const std::vector<matching_block>& blocks) {
  std::vector<std::size_t> out;
  for (const auto& m : blocks) out.insert(out.end(), {m.begin_a, m.begin_b, m.size});
  return out;
}
std::vector<std::size_t> flat(const std::vector<changed_span>& spans) {
  std::vector<std::size_t> out;
  for (const auto& s : spans) out.insert(out.end(), {s.begin_a, s.end_a, s.begin_b, s.end_b});
  return out;
}
ids counting(std::int32_t n) {
  ids out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

}  // namespace

TEST_CASE("matching blocks and changed spans equal difflib's on 500 random pairs", "[text][align]") {
  const auto golden = nlohmann::json::parse(std::ifstream(candor_test::golden("text/align.json")));
  std::size_t pairs = 0, autojunk_matters = 0;
  for (const auto& pair : golden.at("pairs")) {
    const ids a = decoded(pair.at("a")), b = decoded(pair.at("b"));
    const auto expected = pair.at("m").get<std::vector<std::size_t>>();
    INFO("pair " << pairs);
    REQUIRE(flat(matching_blocks(a, b)) == expected);
    REQUIRE(flat(changed_spans(a, b)) == pair.at("c").get<std::vector<std::size_t>>());
    REQUIRE(flat(matching_blocks(a, b, false)) ==
            (pair.contains("p") ? pair.at("p").get<std::vector<std::size_t>>() : expected));
    autojunk_matters += pair.contains("p");
    ++pairs;
  }
  CHECK(pairs == 500);
  CHECK(autojunk_matters >= 40);
}

TEST_CASE("a pure insertion is no change, a substitution is", "[text][align]") {
  ids inserted = counting(20);
  inserted.insert(inserted.begin() + 10, {99, 98});
  CHECK(changed_spans(inserted, counting(20)).empty());
  CHECK(changed_spans(counting(20), inserted).empty());
  CHECK(changed_spans(inserted, counting(20), {.weight_insertions = true}) ==
        std::vector<changed_span>{{10, 12, 10, 10}});

  ids replaced = counting(20);
  replaced[7] = 99;
  CHECK(changed_spans(counting(20), replaced) == std::vector<changed_span>{{7, 8, 7, 8}});
  CHECK(changed_spans(counting(5), ids{50, 51, 52}) == std::vector<changed_span>{{0, 5, 0, 3}});
  CHECK(changed_spans(counting(5), counting(5)).empty());
  CHECK(changed_spans({}, {}).empty());
}

TEST_CASE("a gap of two equal ids between two substitutions is swallowed, of three is not", "[text][align]") {
  ids two = counting(20), three = counting(20);
  two[7] = two[10] = 99;
  three[7] = three[11] = 99;
  CHECK(changed_spans(counting(20), two) == std::vector<changed_span>{{7, 11, 7, 11}});
  CHECK(changed_spans(counting(20), three) == std::vector<changed_span>{{7, 8, 7, 8}, {11, 12, 11, 12}});
  CHECK(changed_spans(counting(20), two, {.min_match = 1}).size() == 2);
}

TEST_CASE("dense weights are gamma on changed ids of either answer and 1 elsewhere", "[text][align]") {
  const ids rejected{1, 2, 3, 4, 5, 6, 7, 8}, chosen{1, 2, 3, 9, 9, 6, 7, 8};
  const auto w = weigh_changes(chosen, rejected, {.gamma = 5});
  CHECK(w.rejected == std::vector<float>{1, 1, 1, 5, 5, 1, 1, 1});
  CHECK(w.chosen == std::vector<float>{1, 1, 1, 5, 5, 1, 1, 1});
  const auto longer = weigh_changes(ids{1, 2, 3, 9, 6, 7, 8}, rejected, {.gamma = 2});
  CHECK(longer.chosen == std::vector<float>{1, 1, 1, 2, 1, 1, 1});
  CHECK(longer.rejected == std::vector<float>{1, 1, 1, 2, 2, 1, 1, 1});
}

TEST_CASE("the full scope compares prompt and answer and returns the answer's weights", "[text][align]") {
  // The chosen answer repeats the prompt's end: over the whole sequence the answers share nothing with each
  // other.
  const ids prompt{1, -200, 20, 21, 22, 23}, chosen{30, 31, 32, 2}, rejected{40, 31, 32, 2};
  const auto answer = weigh_changes(chosen, rejected, {.gamma = 3});
  const auto full = weigh_changes(chosen, rejected, {.gamma = 3, .scope = change_scope::full}, prompt);
  CHECK(answer.chosen == std::vector<float>{3, 1, 1, 1});
  CHECK(full.chosen == answer.chosen);
  CHECK(full.rejected == std::vector<float>{3, 1, 1, 1});

  // 190 prompt ids bring b over 200, so that its frequent id can no longer begin a match.
  ids filler{1};
  for (std::int32_t i = 0; i < 190; ++i) filler.push_back(1000 + i);
  const ids same(12, 7), other{8, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8};
  const auto short_scope = weigh_changes(other, same, {.gamma = 3});
  const auto long_scope = weigh_changes(other, same, {.gamma = 3, .scope = change_scope::full}, filler);
  CHECK(short_scope.chosen[5] == 1.0f);
  CHECK(long_scope.chosen[5] == 3.0f);
  CHECK(long_scope.chosen.size() == other.size());
}

TEST_CASE("a gamma that is no weight is refused", "[text][align]") {
  CHECK_THROWS_AS(weigh_changes(ids{1}, ids{2}, {.gamma = -1}), usage_error);
  CHECK_THROWS_AS(weigh_changes(ids{1}, ids{2}, {.gamma = 0.0 / 0.0}), usage_error);
}
