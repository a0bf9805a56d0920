// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A model on held-out scenes: greedy captions, and yes/no questions by the likelier of the two answers.

#include <candor/model/compiled.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/processor.hpp>

#include "scenes/evaluation.hpp"
#include "scenes/trees.hpp"

#include <array>
#include <span>
#include <string>
#include <vector>

namespace scenes {

struct sampling {
  double temperature = 0;    ///< 0: greedy
  std::uint64_t seed = 0;
  std::int64_t max_new_tokens = 48;
};

/// One caption for each scene.
template <class B, class T>
std::vector<std::string> describe(candor::llava_network<B, T>& network, const candor::processor& p, std::span<const scene> scenes,
                                  caption_style style = caption_style::brief, const sampling& how = {}) {
  constexpr std::size_t together = 100;
  std::vector<std::string> captions;
  const auto encoded = p.encode(prompt(style), {}, 1);
  for (std::size_t first = 0; first < scenes.size(); first += together) {
    const std::size_t count = std::min(together, scenes.size() - first);
    std::vector<candor::encoded_record> records(count);
    std::vector<const candor::encoded_record*> pointers;
    for (std::size_t i = 0; i < count; ++i) {
      records[i] = {p.tree(encoded), p.transform()(scenes[first + i].picture)};
      records[i].tree.key = first + i;
      pointers.push_back(&records[i]);
    }
    const auto texts = candor::generate(network, std::span<const candor::encoded_record* const>(pointers),
                                        {.max_new_tokens = how.max_new_tokens, .temperature = how.temperature, .seed = how.seed,
                                         .stop_token = p.stop_token()});
    for (const auto& text : texts) captions.push_back(p.words().decode(text.front(), true));
  }
  return captions;
}

/// Whether the model finds "Yes" likelier than "No", [scene][question].
template <class B, class T>
std::vector<std::vector<bool>> answer(candor::llava_network<B, T>& network, const candor::processor& p, std::span<const scene> scenes,
                                      std::span<const std::vector<yes_no_question>> questions) {
  constexpr std::size_t together = 50;
  std::vector<std::vector<bool>> answers(scenes.size());
  for (std::size_t first = 0; first < scenes.size(); first += together) {
    const std::size_t count = std::min(together, scenes.size() - first);
    std::vector<candor::encoded_record> records;
    for (std::size_t i = first; i < first + count; ++i) {
      std::vector<dialog> dialogs;
      for (const auto& q : questions[i]) dialogs.push_back({q.text, {"Yes", "No"}});
      records.push_back({dialogs.empty() ? candor::forest() : picture_tree(p, dialogs), {}});
      if (!dialogs.empty()) records.back().pixels = p.transform()(scenes[i].picture);
    }
    std::vector<const candor::encoded_record*> pointers;
    std::vector<std::size_t> of_scene;
    for (std::size_t i = 0; i < count; ++i)
      if (!records[i].tree.segments.empty()) {
        pointers.push_back(&records[i]);
        of_scene.push_back(first + i);
      }
    const auto scores = candor::score(network, std::span<const candor::encoded_record* const>(pointers));
    for (std::size_t r = 0; r < scores.size(); ++r)
      for (std::size_t q = 0; q + 1 < scores[r].size(); q += 2)
        answers[of_scene[r]].push_back(scores[r][q].front() > scores[r][q + 1].front());
  }
  return answers;
}

/// Share of right answers, percent.
inline double accuracy(std::span<const std::vector<yes_no_question>> questions, const std::vector<std::vector<bool>>& answers) {
  std::vector<yes_no_question> asked;
  std::vector<std::string> said;
  for (std::size_t s = 0; s < questions.size(); ++s)
    for (std::size_t q = 0; q < questions[s].size(); ++q) {
      asked.push_back(questions[s][q]);
      said.emplace_back(answers[s][q] ? "Yes" : "No");
    }
  return score_answers(asked, said);
}

template <class B, class T>
evaluation evaluate(candor::llava_network<B, T>& network, const candor::processor& p, const test_set& test) {
  evaluation e;
  e.brief = score_captions(test.scenes, describe(network, p, test.scenes));
  e.yes_no = accuracy(test.questions, answer(network, p, test.scenes, test.questions));
  e.absent_companions = accuracy(test.absent_companions, answer(network, p, test.scenes, test.absent_companions));
  return e;
}

}  // namespace scenes
