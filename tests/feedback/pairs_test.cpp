// SPDX-License-Identifier: Apache-2.0
/// Pairs against those of RLAIF-V's own scripts, and what each option does.

#include "support/catch.hpp"

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>
#include <candor/feedback/pairs.hpp>
#include <candor/io/atomic_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace candor_test;
using nlohmann::json;

namespace {

const candor::yes_no_answer confirmed{0.8, 0.1}, denied{0.1, 0.8};

/// An answer of `words` words with so many true and false claims.
candor::judged_answer with_claims(int words, int right, int wrong) {
  candor::judged_answer a;
  for (int w = 0; w < words; ++w) a.answer += "word ";
  a.answer += std::to_string(right) + std::to_string(wrong);
  for (int c = 0; c < right + wrong; ++c) {
    a.questions.push_back("claim " + std::to_string(c) + "?");
    a.verdicts.push_back(c < right ? confirmed : denied);
  }
  return a;
}

std::vector<candor::answer_group> many_groups(std::uint64_t seed) {
  candor::random_stream dice(seed, 1);
  std::vector<candor::answer_group> groups;
  for (int g = 0; g < 30; ++g) {
    auto& group = groups.emplace_back();
    group.id = "image " + std::to_string(g / 2);
    for (int a = 0; a < 8; ++a)
      group.answers.push_back(with_claims(3 + static_cast<int>(dice.below(20)),
                                          static_cast<int>(dice.below(4)), static_cast<int>(dice.below(4))));
  }
  return groups;
}

using names = std::set<std::vector<std::size_t>>;
names names_of(const std::vector<candor::answer_pair>& pairs) {
  names out;
  for (const auto& p : pairs) out.insert({p.group, p.chosen, p.rejected});
  return out;
}

}  // namespace

TEST_CASE("pairs and length balance equal those of RLAIF-V's scripts", "[pairs][golden]") {
  const auto made = json::parse(candor::read_file(golden("feedback/pairs.json")));
  std::vector<candor::answer_group> groups;
  for (const auto& g : made["groups"]) {
    auto& group = groups.emplace_back();
    group.id = g["id"];
    for (const auto& a : g["answers"]) {
      auto& one = group.answers.emplace_back();
      one.answer = a["answer"];
      one.questions = a["questions"].get<std::vector<std::string>>();
      for (const auto& s : a["scores"])
        one.verdicts.push_back(
            {s["yes"].get<double>() + s["Yes"].get<double>(), s["no"].get<double>() + s["No"].get<double>()});
    }
  }
  const auto all = candor::select_pairs(groups, {.max_per_id = 0, .balance_lengths = false});
  CHECK(names_of(all.pairs) == made["pairs"].get<names>());
  CHECK(all.pairs.size() == made["pairs"].size());
  CHECK(all.repeated > 0);
  CHECK(all.without_claims > 0);
  const auto balanced = candor::select_pairs(groups, {.max_per_id = 0});
  CHECK(names_of(balanced.pairs) == made["balanced"].get<names>());
  CHECK(balanced.longest_shortening == Approx(made["ratio"].get<double>()).margin(1e-12));
}

TEST_CASE("scores count what is not confirmed, or are the share that is", "[pairs]") {
  const std::vector<candor::yes_no_answer> verdicts{
      confirmed, denied, denied, {0.3, 0.3}};  // a tie is not confirmed
  CHECK(candor::response_score(verdicts, candor::score_rule::unconfirmed) == -3);
  CHECK(candor::response_score(verdicts, candor::score_rule::fraction) == 0.25);
  CHECK_THROWS_AS(candor::response_score({}, candor::score_rule::fraction), candor::usage_error);
}

TEST_CASE("in every pair the chosen answer has the higher score, by the least gap", "[pairs]") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto groups = many_groups(seed);
    for (const auto rule : {candor::score_rule::unconfirmed, candor::score_rule::fraction})
      for (const double gap : {0.3, 1.0, 2.0}) {
        const auto made = candor::select_pairs(groups, {.rule = rule, .min_gap = gap, .seed = seed});
        std::map<std::string, std::size_t> of_id;
        for (const auto& p : made.pairs) {
          const auto& answers = groups[p.group].answers;
          const double difference = candor::response_score(answers[p.chosen].verdicts, rule) -
                                    candor::response_score(answers[p.rejected].verdicts, rule);
          CHECK(difference == Approx(p.gap));
          CHECK(difference >= gap);
          CHECK(++of_id[groups[p.group].id] <= 2);
        }
        CHECK(made.pairs.size() + made.repeated + made.beyond_maximum + made.unbalanced == made.ordered);
      }
  }
}

TEST_CASE("the draw depends on its seed, and each picture's on nothing else", "[pairs]") {
  auto groups = many_groups(9);
  const candor::pair_options options{.balance_lengths = false, .seed = 4};
  const auto first = candor::select_pairs(groups, options).pairs;
  CHECK(candor::select_pairs(groups, options).pairs == first);
  CHECK(candor::select_pairs(groups, {.balance_lengths = false, .seed = 5}).pairs != first);
  groups.resize(20);
  auto part = first;
  std::erase_if(part, [](const auto& p) { return p.group >= 20; });
  CHECK(candor::select_pairs(groups, options).pairs == part);
}

TEST_CASE("answers without claims or all alike make no pair and are counted", "[pairs]") {
  const std::vector<candor::answer_group> groups{
      {"alike", {with_claims(5, 2, 1), with_claims(9, 3, 1), with_claims(4, 1, 1)}},
      {"silent", {with_claims(5, 0, 0), with_claims(5, 0, 0)}},
      {"one", {with_claims(5, 1, 0)}},
      {"none", {}}};
  const auto made = candor::select_pairs(groups);
  CHECK(made.pairs.empty());
  CHECK(made.without_claims == 2);
  CHECK(made.groups_without_pair == 4);
  CHECK(candor::select_pairs({}).pairs.empty());
}

TEST_CASE("repeated claims leave pairs out unless they may stay", "[pairs]") {
  std::vector<candor::answer_group> groups{{"g", {with_claims(5, 2, 0), with_claims(5, 0, 2)}}};
  CHECK(candor::select_pairs(groups).pairs.size() == 1);
  groups[0].answers[0].questions[1] = groups[0].answers[0].questions[0];
  CHECK(candor::select_pairs(groups).pairs.empty());
  CHECK(candor::select_pairs(groups).repeated == 1);
  CHECK(candor::select_pairs(groups, {.drop_repeated = false}).pairs.size() == 1);
  groups[0].answers[0].verdicts.pop_back();
  CHECK_THROWS_AS(candor::select_pairs(groups), candor::usage_error);
}

TEST_CASE("balance drops winners that are much shorter", "[pairs]") {
  // Two pairs of equal lengths, and two whose winner is half as long.
  std::vector<candor::answer_group> groups;
  for (const int chosen : {20, 20, 10, 10})
    groups.push_back({std::to_string(groups.size()), {with_claims(chosen, 2, 0), with_claims(20, 1, 1)}});
  const auto made = candor::select_pairs(groups);
  REQUIRE(made.pairs.size() == 2);
  CHECK(made.pairs[1].group == 1);
  CHECK(made.unbalanced == 2);
  CHECK(made.longest_shortening == 0);
  CHECK(candor::select_pairs(groups, {.balance_lengths = false}).pairs.size() == 4);
}
