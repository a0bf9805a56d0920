// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of amber.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/amber.hpp>
#include <candor/eval/records_impl.hpp>
#include <candor/text/characters_impl.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE amber_kind amber_kind_of(const json_field& type) {
  for (const auto& [name, kind] : {std::pair{"generative", amber_kind::description},
                                   std::pair{"discriminative-hallucination", amber_kind::existence},
                                   std::pair{"discriminative-attribute-state", amber_kind::state},
                                   std::pair{"discriminative-attribute-number", amber_kind::number},
                                   std::pair{"discriminative-attribute-action", amber_kind::action},
                                   std::pair{"discriminative-relation", amber_kind::relation},
                                   std::pair{"relation", amber_kind::relation}})
    if (type.string() == name) return kind;
  type.refuse("AMBER has no type ", in_quotes(type.string()));
}

/// A value in % with one digit after the point, as Python rounds it.
CANDOR_INLINE double to_tenths(double value) {
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, 1).ptr;
  double out = 0;
  std::from_chars(digits, end, out);
  return out;
}

/// AMBER's denominators begin at a thousandth.
CANDOR_INLINE double amber_percent(std::int64_t part, double whole) {
  return to_tenths(static_cast<double>(part) / (whole + 0.001) * 100);
}

/// Words that mean one of these objects, in the order in which AMBER looks for them: the related words of
/// each, then the objects themselves.
struct amber_words {
  std::vector<std::pair<std::string_view, std::size_t>> words;  // with the object's place
  std::vector<bool> marked;

  amber_words(const amber_benchmark& benchmark, const std::vector<std::string>& objects)
      : marked(objects.size(), false) {
    for (std::size_t o = 0; o < objects.size(); ++o)
      for (const auto& word : benchmark.related.at(objects[o])) words.emplace_back(word, o);
    for (std::size_t o = 0; o < objects.size(); ++o) words.emplace_back(objects[o], o);
  }
  /// Marks the object of the first word for which this holds.
  template <class Holds>
  bool mark(Holds holds) {
    const auto at = std::find_if(words.begin(), words.end(), [&](const auto& w) { return holds(w.first); });
    if (at == words.end()) return false;
    marked[at->second] = true;
    return true;
  }
  std::int64_t count() const { return std::count(marked.begin(), marked.end(), true); }
};

}  // namespace detail

CANDOR_INLINE amber_benchmark read_amber(const std::filesystem::path& folder) {
  amber_benchmark out;
  const auto relations_file = folder / "relation.json";
  const auto relations = detail::read_json_file(relations_file);
  detail::json_field(relations, relations_file.string()).object();
  for (const auto& [word, others] : relations.items()) {
    auto& related = out.related[word] =
        detail::texts_of(detail::json_field(others, relations_file.string(), word));
    out.vocabulary.insert(word);
    out.vocabulary.insert(related.begin(), related.end());
  }
  const std::string safe = read_file(folder / "safe_words.txt");
  for (auto& word : detail::split_at_spaces(safe)) out.safe_words.insert(std::move(word));

  detail::for_records(folder / "annotations.json", [&](const detail::json_field& record) {
    amber_item item{detail::id_text(record["id"]), detail::amber_kind_of(record["type"]), false, {}, {}};
    const auto truth = record["truth"];
    if (item.kind == amber_kind::description) {
      item.shown = detail::texts_of(truth);
      item.likely = detail::texts_of(record["hallu"]);
      for (const auto* list : {&item.shown, &item.likely})
        for (const auto& word : *list)
          if (!out.related.contains(word))
            record.refuse("the object ", detail::in_quotes(word), " is not in ", relations_file.string());
    } else {
      item.truth = truth.string() == "yes";
      if (truth.string() != "yes" && truth.string() != "no")
        truth.refuse("expected \"yes\" or \"no\", found ", detail::in_quotes(truth.string()));
    }
    out.items.push_back(std::move(item));
  });
  return out;
}

CANDOR_INLINE void amber_description_counts::add(const amber_benchmark& benchmark, const amber_item& item,
                                                 const std::vector<std::string>& nouns_said,
                                                 const word_vectors& vectors, float least_similarity) {
  detail::amber_words shown_words(benchmark, item.shown), likely_words(benchmark, item.likely);
  std::int64_t wrong = 0;
  for (const auto& noun : nouns_said) {
    if (!benchmark.vocabulary.contains(noun)) continue;
    ++nouns;
    if (benchmark.safe_words.contains(noun)) continue;
    const auto same = [&](std::string_view word) { return word == noun; };
    const auto alike = [&](std::string_view word) {
      return vectors.similarity(noun, word) > least_similarity;
    };
    if (shown_words.mark(same)) continue;
    likely_words.mark(same);
    likely_words.mark(alike);
    if (!shown_words.mark(alike)) ++wrong;
  }
  ++responses;
  faulty_responses += wrong > 0 ? 1 : 0;
  hallucinated += wrong;
  shown += std::ssize(item.shown);
  covered += shown_words.count();
  likely += std::ssize(item.likely);
  fallen_for += likely_words.count();
}

CANDOR_INLINE void amber_question_counts::add(bool truth, std::string_view answer) {
  const bool yes = answer == "Yes", no = answer == "No";
  ++questions;
  right += (truth ? yes : no) ? 1 : 0;
  truly_no += truth ? 0 : 1;
  said_no += no ? 1 : 0;
  rightly_no += no && !truth ? 1 : 0;
  neither += yes || no ? 0 : 1;
}

CANDOR_INLINE void amber_question_counts::add(const amber_question_counts& o) {
  questions += o.questions;
  right += o.right;
  truly_no += o.truly_no;
  said_no += o.said_no;
  rightly_no += o.rightly_no;
  neither += o.neither;
}

CANDOR_INLINE amber_result score_amber(const amber_benchmark& benchmark,
                                       const std::vector<model_answer>& answers,
                                       const std::filesystem::path& answers_file, const text_tools& tools,
                                       const word_vectors& vectors, const amber_options& options) {
  // A part that nobody answered is left out; answers without ids tell by their number which part they are.
  bool described = false, asked = false;
  if (!answers.empty() && answers.front().id.empty()) {
    const auto descriptions = static_cast<std::size_t>(
        std::count_if(benchmark.items.begin(), benchmark.items.end(),
                      [](const amber_item& item) { return item.kind == amber_kind::description; }));
    described = answers.size() != benchmark.items.size() - descriptions;
    asked = answers.size() != descriptions;
  } else {
    std::unordered_map<std::string, amber_kind> kind_of;
    for (const auto& item : benchmark.items) kind_of[item.id] = item.kind;
    for (const auto& a : answers)
      if (const auto at = kind_of.find(a.id); at != kind_of.end())
        (at->second == amber_kind::description ? described : asked) = true;
  }
  std::vector<const amber_item*> items;
  std::vector<std::string> ids;
  for (const auto& item : benchmark.items)
    if (item.kind == amber_kind::description ? described : asked) {
      items.push_back(&item);
      ids.push_back(item.id);
    }
  amber_result out;
  out.asked = asked;
  out.join = join_answers(ids, answers, "AMBER", answers_file, options.join);
  if (described) out.descriptions.emplace();
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (out.join.answer_of[i] < 0) continue;
    const auto& said = answers[static_cast<std::size_t>(out.join.answer_of[i])].text;
    if (items[i]->kind == amber_kind::description)
      out.descriptions->add(benchmark, *items[i], tools.nouns(said), vectors, options.least_similarity);
    else
      out.questions[static_cast<std::size_t>(items[i]->kind)].add(items[i]->truth, said);
  }
  return out;
}

CANDOR_INLINE std::vector<figure_table> amber_figures(const amber_result& result) {
  using detail::amber_percent;
  std::vector<figure_table> out;
  double chair = 0, f1_of_all = 0;
  if (result.descriptions) {
    const auto& c = *result.descriptions;
    chair = amber_percent(c.hallucinated, static_cast<double>(c.nouns));
    const double clean = static_cast<double>(c.responses - c.faulty_responses);
    out.push_back({"AMBER descriptions, %",
                   {{"CHAIR", 1}, {"Cover", 1}, {"Hal", 1}, {"Cog", 1}},
                   {{"all",
                     c.responses,
                     {chair, amber_percent(c.covered, static_cast<double>(c.shown)),
                      detail::to_tenths(100 - clean / (static_cast<double>(c.responses) + 0.001) * 100),
                      amber_percent(c.fallen_for, static_cast<double>(c.likely))}}}});
  }
  if (result.asked) {
    figure_table table{
        "AMBER questions, %", {{"accuracy", 1}, {"precision", 1}, {"recall", 1}, {"F1", 1}}, {}};
    // `groups` are added up, and each brings a thousandth to the denominators.
    const auto row = [&](const std::string& name, std::initializer_list<amber_kind> kinds, double thousandths,
                         double f1_floor) {
      amber_question_counts c;
      for (const auto kind : kinds) c.add(result.questions[static_cast<std::size_t>(kind)]);
      const auto rate = [&](std::int64_t part, std::int64_t whole) {
        return amber_percent(part, static_cast<double>(whole) + (thousandths - 1) * 0.001);
      };
      const double precision = rate(c.rightly_no, c.said_no), recall = rate(c.rightly_no, c.truly_no);
      const double p = precision / 100, r = recall / 100;
      table.rows.push_back({name,
                            c.questions,
                            {rate(c.right, c.questions), precision, recall,
                             detail::to_tenths(2 * p * r / (p + r + f1_floor) * 100)}});
      return table.rows.back().values.back();
    };
    using enum amber_kind;
    f1_of_all = row("all", {existence, state, number, action, relation}, 1, 1e-4);
    row("existence", {existence}, 1, 1e-3);
    row("attribute", {state, number, action}, 3, 1e-4);
    row("  state", {state}, 1, 1e-4);
    row("  number", {number}, 1, 1e-4);
    row("  action", {action}, 1, 1e-4);
    row("relation", {relation}, 1, 1e-4);
    out.push_back(std::move(table));
  }
  if (result.descriptions && result.asked)
    out.push_back(
        {"AMBER score", {{"(100 - CHAIR + F1) / 2", 2}}, {{"all", 0, {(100 - chair + f1_of_all) / 2}}}});
  return out;
}

}  // namespace CANDOR_NS
