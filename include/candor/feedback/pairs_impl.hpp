// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/pairs.hpp.

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>
#include <candor/feedback/pairs.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// Words between spaces.
CANDOR_INLINE std::size_t count_words(std::string_view s) {
  std::size_t count = 0;
  bool in_word = false;
  for (const char c : s) {
    const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
    count += !space && !in_word;
    in_word = !space;
  }
  return count;
}

CANDOR_INLINE std::string_view stripped(std::string_view s) {
  const auto space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!s.empty() && space(s.front())) s.remove_prefix(1);
  while (!s.empty() && space(s.back())) s.remove_suffix(1);
  return s;
}

CANDOR_INLINE bool repeats_a_claim(const judged_answer& a) {
  return std::set<std::string>(a.questions.begin(), a.questions.end()).size() < a.questions.size();
}

/// All pairs of a group with the gap.
CANDOR_INLINE std::vector<answer_pair> ordered_pairs(const answer_group& group, std::size_t place,
                                                     const pair_options& o, pair_selection& counts) {
  std::vector<std::optional<double>> scores;
  for (const auto& a : group.answers) {
    require<usage_error>(a.questions.size() == a.verdicts.size(), "[select_pairs] an answer of ", group.id,
                         " has ", a.questions.size(), " questions and ", a.verdicts.size(),
                         " verdicts; give one verdict for each question");
    counts.without_claims += a.questions.empty();
    scores.push_back(a.questions.empty() ? std::nullopt : std::optional(response_score(a.verdicts, o.rule)));
  }
  std::vector<answer_pair> pairs;
  for (std::size_t i = 0; i < scores.size(); ++i)
    for (std::size_t j = i + 1; j < scores.size(); ++j) {
      if (!scores[i] || !scores[j]) continue;
      const double gap = std::abs(*scores[i] - *scores[j]);
      if (gap < o.min_gap || gap == 0) continue;
      const bool first = *scores[i] > *scores[j];
      pairs.push_back({place, first ? i : j, first ? j : i, gap});
    }
  return pairs;
}

/// At most o.max_per_id pairs of each id; their order stays.
CANDOR_INLINE void draw_pairs(std::vector<answer_pair>& pairs, std::span<const answer_group> groups,
                              const pair_options& o) {
  std::map<std::string_view, std::vector<std::size_t>> of_id;  // places in `pairs`
  for (std::size_t p = 0; p < pairs.size(); ++p) of_id[groups[pairs[p].group].id].push_back(p);
  std::vector<bool> kept(pairs.size(), false);
  for (auto& [id, places] : of_id) {
    random_stream dice(o.seed, pairs[places.front()].group);
    if (places.size() > o.max_per_id) {
      dice.shuffle(std::span(places));
      places.resize(o.max_per_id);
    }
    for (const auto p : places) kept[p] = true;
  }
  std::size_t to = 0;
  for (std::size_t p = 0; p < pairs.size(); ++p)
    if (kept[p]) pairs[to++] = pairs[p];
  pairs.resize(to);
}

}  // namespace detail

CANDOR_INLINE double response_score(std::span<const yes_no_answer> verdicts, score_rule rule) {
  const auto confirmed =
      std::count_if(verdicts.begin(), verdicts.end(), [](const yes_no_answer& v) { return v.confirmed(); });
  const auto claims = static_cast<double>(verdicts.size());
  require<usage_error>(!verdicts.empty(), "[response_score] an answer without claims has no score");
  return rule == score_rule::fraction ? static_cast<double>(confirmed) / claims
                                      : static_cast<double>(confirmed) - claims;
}

CANDOR_INLINE pair_selection select_pairs(std::span<const answer_group> groups, const pair_options& o) {
  pair_selection out;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const auto pairs = detail::ordered_pairs(groups[g], g, o, out);
    out.groups_without_pair += pairs.empty();
    out.ordered += pairs.size();
    for (const auto& p : pairs) {
      const auto& answers = groups[g].answers;
      const bool repeated = o.drop_repeated && (detail::repeats_a_claim(answers[p.chosen]) ||
                                                detail::repeats_a_claim(answers[p.rejected]));
      out.repeated += repeated;
      if (!repeated) out.pairs.push_back(p);
    }
  }
  if (o.max_per_id > 0) {
    const std::size_t before = out.pairs.size();
    detail::draw_pairs(out.pairs, groups, o);
    out.beyond_maximum = before - out.pairs.size();
  }
  if (o.balance_lengths) {
    const std::size_t before = out.pairs.size();
    out.longest_shortening = balance_lengths(out.pairs, groups);
    out.unbalanced = before - out.pairs.size();
  }
  return out;
}

CANDOR_INLINE double balance_lengths(std::vector<answer_pair>& pairs, std::span<const answer_group> groups) {
  struct lengths {
    double chosen, rejected;
    bool equal;
  };
  std::vector<lengths> of;
  for (const auto& p : pairs) {
    const std::string_view chosen = groups[p.group].answers[p.chosen].answer,
                           rejected = groups[p.group].answers[p.rejected].answer;
    of.push_back({static_cast<double>(detail::count_words(chosen)),
                  static_cast<double>(detail::count_words(rejected)),
                  detail::stripped(chosen) == detail::stripped(rejected)});
  }
  const auto stays = [&](const lengths& l, double r) {
    return !l.equal && l.rejected > 0 && (l.rejected - l.chosen) / l.rejected <= r;
  };
  double best = 0, least = std::numeric_limits<double>::infinity();
  for (int step = 0; step < 50; ++step) {
    const double r = step * 0.02;
    double chosen = 0, rejected = 0;
    for (const auto& l : of)
      if (stays(l, r)) {
        chosen += l.chosen;
        rejected += l.rejected;
      }
    if (rejected == 0) continue;
    const double cost = std::abs(chosen - rejected) / rejected;  // the number of pairs cancels
    if (cost < least) {
      least = cost;
      best = r;
    }
  }
  std::size_t to = 0;
  for (std::size_t p = 0; p < pairs.size(); ++p)
    if (stays(of[p], best)) pairs[to++] = pairs[p];
  pairs.resize(to);
  return best;
}

}  // namespace CANDOR_NS
