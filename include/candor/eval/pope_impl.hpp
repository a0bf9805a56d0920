// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of pope.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/pope.hpp>
#include <candor/eval/records_impl.hpp>

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE std::string pope_setting_name(const std::filesystem::path& questions) {
  const std::string stem = questions.stem().string();
  for (const char* known : {"random", "popular", "adversarial"})
    if (stem.find(known) != stem.npos) return known;
  return stem;
}

}  // namespace detail

CANDOR_INLINE bool pope_says_no(std::string_view answer) {
  std::string word;
  for (const char c : answer.substr(0, answer.find('.'))) {
    if (c == ',') continue;
    if (c != ' ') {
      word += c;
      continue;
    }
    if (word == "No" || word == "not" || word == "no") return true;
    word.clear();
  }
  return word == "No" || word == "not" || word == "no";
}

CANDOR_INLINE pope_setting score_pope(const std::filesystem::path& questions,
                                      const std::filesystem::path& answers, const join_options& options) {
  pope_setting out{detail::pope_setting_name(questions), {}, {}};
  std::vector<std::string> ids;
  std::vector<bool> labels;
  detail::for_records(questions, [&](const detail::json_field& record) {
    ids.push_back(detail::id_text(record["question_id"]));
    const auto label = record["label"];
    if (label.string() != "yes" && label.string() != "no")
      label.refuse("expected \"yes\" or \"no\", found ", detail::in_quotes(label.string()));
    labels.push_back(label.string() == "yes");
  });
  const auto said = read_answers(answers, {"question_id", "id"});
  out.join = join_answers(ids, said, questions.string(), answers, options);
  for (std::size_t q = 0; q < ids.size(); ++q)
    if (const auto a = out.join.answer_of[q]; a >= 0)
      out.counts.add(!pope_says_no(said[static_cast<std::size_t>(a)].text), labels[q]);
  return out;
}

CANDOR_INLINE figure_table pope_figures(const std::vector<pope_setting>& settings) {
  figure_table out{"POPE, %", {{"accuracy", 2}, {"precision", 2}, {"recall", 2}, {"F1", 2}, {"yes", 2}}, {}};
  figure_row mean{"mean", 0, std::vector<double>(out.columns.size(), 0.0)};
  for (const auto& s : settings) {
    const auto& c = s.counts;
    out.rows.push_back(
        {s.name,
         c.count(),
         {100 * c.accuracy(), 100 * c.precision(), 100 * c.recall(), 100 * c.f1(), 100 * c.yes_ratio()}});
    mean.count += c.count();
    for (std::size_t v = 0; v < mean.values.size(); ++v)
      mean.values[v] += out.rows.back().values[v] / static_cast<double>(settings.size());
  }
  if (settings.size() > 1) out.rows.push_back(std::move(mean));
  return out;
}

}  // namespace CANDOR_NS
