// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of chair.hpp.

#include <candor/eval/chair.hpp>
#include <candor/eval/singular.hpp>
#include <candor/text/characters_impl.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE bool may_name_objects(std::string_view answer) {
  return detail::split_at_spaces(answer).size() > 3;
}

CANDOR_INLINE std::vector<std::string> object_finder::lemmas(std::string_view text) const {
  std::vector<std::string> out = tools_.words(detail::lower(text));
  for (auto& word : out) word = rules_ == coco_rules::classic ? singular(word) : tools_.lemma(word);
  return out;
}

CANDOR_INLINE std::vector<object_mention> object_finder::in_caption(std::string_view caption) const {
  return vocabulary_.mentions(lemmas(caption));
}

CANDOR_INLINE std::vector<object_mention> object_finder::once(std::vector<object_mention> mentions) const {
  std::unordered_set<std::string> seen;
  std::erase_if(mentions, [&](const object_mention& m) { return !seen.insert(m.word).second; });
  return mentions;
}

CANDOR_INLINE std::vector<object_mention> object_finder::in_answer(std::string_view answer) const {
  if (!may_name_objects(answer)) return {};
  return once(in_caption(answer));
}

CANDOR_INLINE std::vector<object_mention> object_finder::in_list(std::span<const std::string> objects) const {
  std::vector<std::string> found;
  for (const auto& object : objects) {
    const auto words = tools_.words("a " + object);
    std::vector<std::string> base;
    for (const auto& word : words) base.push_back(tools_.lemma(word));
    const std::size_t before = found.size();
    for (std::size_t i = 0; i + 1 < base.size(); ++i)
      if (const auto meaning = vocabulary_.pair_meaning(base[i], base[i + 1]); !meaning.empty()) {
        found.emplace_back(meaning);
        ++i;
      }
    if (found.size() > before) continue;
    if (!tools_.tagger()) {
      if (base.size() > 1) found.push_back(base.back());
      continue;
    }
    const auto tags = tools_.tagger()->tags(words);
    std::string run;
    for (std::size_t i = 0; i <= words.size(); ++i) {
      if (i < words.size() && tags[i].starts_with("NN")) {
        run += (run.empty() ? "" : " ") + base[i];
      } else if (!run.empty()) {
        found.push_back(std::exchange(run, {}));
      }
    }
  }
  return once(vocabulary_.known(found));
}

CANDOR_INLINE caption_verdict chair_counts::add(std::string image, std::string caption,
                                                std::vector<object_mention> said,
                                                const std::set<std::string>& truth) {
  caption_verdict out{std::move(image), std::move(caption), std::move(said), {}};
  std::set<std::string> right;
  for (const auto& mention : out.mentions)
    if (truth.contains(mention.object))
      right.insert(mention.object);
    else
      out.hallucinated.push_back(mention);
  ++captions;
  with_mentions += out.mentions.empty() ? 0 : 1;
  hallucinated_captions += out.hallucinated.empty() ? 0 : 1;
  mentions += std::ssize(out.mentions);
  hallucinated += std::ssize(out.hallucinated);
  found += std::ssize(right);
  objects += std::ssize(truth);
  // As the original counts them: the blanks inside of the trimmed text, and one.
  std::string_view text = out.caption;
  while (!text.empty() && detail::is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && detail::is_space(text.back())) text.remove_suffix(1);
  words += std::count(text.begin(), text.end(), ' ') + 1;
  return out;
}

CANDOR_INLINE std::string verdict_json(const caption_verdict& verdict) {
  using nlohmann::ordered_json;
  const auto pairs = [](const std::vector<object_mention>& mentions) {
    auto out = ordered_json::array();
    for (const auto& m : mentions) out.push_back({m.word, m.object});
    return out;
  };
  const double share = share_of(static_cast<double>(verdict.hallucinated.size()),
                                static_cast<double>(verdict.mentions.size()));
  return ordered_json{{"image_id", verdict.image},
                      {"caption", verdict.caption},
                      {"mscoco_hallucinated_words", pairs(verdict.hallucinated)},
                      {"mscoco_generated_words", pairs(verdict.mentions)},
                      {"CHAIRs", verdict.hallucinated.empty() ? 0 : 1},
                      {"CHAIRi", share}}
      .dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

CANDOR_INLINE figure_table chair_figures(const chair_counts& c, const std::string& name,
                                         const std::string& title) {
  return {title,
          {{"CHAIRs", 1}, {"CHAIRi", 1}, {"recall", 1}, {"F1", 1}, {"words", 1}},
          {{name,
            c.captions,
            {100 * c.chair_s(), 100 * c.chair_i(), 100 * c.recall(), 100 * c.f1(), c.mean_words()}}}};
}

CANDOR_INLINE figure_table object_halbench_figures(const chair_counts& c, const std::string& name) {
  return {"Object HalBench, %",
          {{"response hall.", 2},
           {"mention hall.", 2},
           {"recall", 2},
           {"F1", 2},
           {"words", 1},
           {"with objects", 0}},
          {{name,
            c.captions,
            {100 * c.chair_s_refined(), 100 * c.chair_i(), 100 * c.recall(), 100 * c.f1(), c.mean_words(),
             static_cast<double>(c.with_mentions)}}}};
}

}  // namespace CANDOR_NS
