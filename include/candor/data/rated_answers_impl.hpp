// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// VLFeedback's records: a prompt with several answers, each rated on some aspects. Files have the
/// completions as a list of objects, or, as `datasets` stores them, as one object of lists.

#include <candor/data/preference_data.hpp>
#include <candor/data/record_fields_impl.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace CANDOR_NS::detail {

struct rated_answer {
  std::string words;
  std::optional<double> mean;
};

/// A rating as a number, or as the text of one; "N/A" and its like are none.
inline std::optional<double> rating_of(const json_field& rating) {
  constexpr double most = 1e9;
  if (rating.value().is_number()) return rating.number(-most, most);
  const std::string& s = rating.string();
  double value = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error != std::errc() || end != s.data() + s.size() || !(std::abs(value) <= most)) return std::nullopt;
  return value;
}

/// {"Helpfulness": {"Rating": "4", "Rationale": "..."}, ...}, or {"Helpfulness": 4, ...}.
inline std::optional<double> mean_of(const json_field& annotations, const rating_ladder& ladder) {
  std::vector<aspect_rating> ratings;
  for (const auto& item : annotations.object().value().items()) {
    const json_field aspect = annotations[item.key()];
    ratings.push_back({item.key(), rating_of(aspect.value().is_object() ? aspect["Rating"] : aspect)});
  }
  return mean_rating(ratings, ladder);
}

inline std::vector<rated_answer> rated_answers(const json_field& completions, const rating_ladder& ladder) {
  std::vector<rated_answer> out;
  const auto add = [&](const json_field& response, const json_field& annotations) {
    const std::string& words = response.string();
    const bool blank = words.find_first_not_of(" \t\r\n") == std::string::npos;
    out.push_back({words, blank ? std::nullopt : mean_of(annotations, ladder)});
  };
  if (completions.value().is_array()) {
    for (const auto& item : completions.items()) add(item["response"], item["annotations"]);
    return out;
  }
  const auto responses = completions["response"].items(), annotations = completions["annotations"].items();
  if (responses.size() != annotations.size())
    completions.refuse("there are ", responses.size(), " responses, but ", annotations.size(),
                       " annotations; expected one for each response");
  for (std::size_t i = 0; i < responses.size(); ++i) add(responses[i], annotations[i]);
  return out;
}

/// One record for each pair of the ladder, which all share what `r` holds. An answer that is blank or not
/// rated is in no pair, and neither are two that say the same.
inline std::vector<preference_record> parse_rated(const record_fields& record, const preference_record& r,
                                                  const rating_ladder& ladder) {
  const auto answers = rated_answers(record.field()["completions"], ladder);
  std::vector<std::optional<double>> means;
  for (const auto& answer : answers) means.push_back(answer.mean);
  std::vector<preference_record> out;
  for (const auto& pair : pairs_of_ratings(means, ladder)) {
    const auto &chosen = answers[pair.chosen].words, &rejected = answers[pair.rejected].words;
    if (chosen == rejected) continue;
    auto& made = out.emplace_back(r);
    made.id += text("-", pair.chosen, "-", pair.rejected);
    made.source += text(": completions ", pair.chosen, " and ", pair.rejected);
    made.question = filled_text(needed(record, {"prompt", "question"}, "img_path, prompt and completions"));
    made.chosen = chosen;
    made.rejected = rejected;
    made.margin = pair.gap;
  }
  return out;
}

/// For fine-tuning: the chosen answer of the widest gap alone, the first of equals.
inline void keep_best(std::vector<preference_record>& pairs) {
  if (pairs.empty()) return;
  const auto best = std::max_element(pairs.begin(), pairs.end(),
                                     [](const auto& a, const auto& b) { return a.margin < b.margin; });
  preference_record kept = std::move(*best);
  kept.rejected.clear();
  pairs.assign(1, std::move(kept));
}

}  // namespace CANDOR_NS::detail
