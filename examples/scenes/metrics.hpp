// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Exact metrics of the embedded world, where the truth of every scene is known: object hallucination of
/// captions (mention level: CHAIRi, response level: CHAIRs, Rohrbach et al. 2018), recall, colours, length,
/// and the accuracy of yes/no answers. Pure functions over texts; how the texts are generated is the caller's
/// business.

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>

#include <scenes/claims.hpp>
#include <scenes/questions.hpp>
#include <scenes/scene.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scenes {

/// Counts over a set of captions. A kind named twice in a caption counts once, with its last colour.
struct caption_metrics {
  std::size_t captions = 0;
  std::size_t mentions = 0;         ///< kinds named
  std::size_t hallucinated = 0;     ///< kinds named that are not there
  std::size_t faulty_captions = 0;  ///< captions with at least one of those
  std::size_t objects = 0;          ///< things that are there
  std::size_t right_colours = 0;    ///< true mentions in their true colour
  std::size_t total_words = 0;      ///< words and punctuation marks

  std::size_t found() const { return mentions - hallucinated; }
  double mention_hallucination() const { return percent(hallucinated, mentions); }      ///< CHAIRi, %
  double response_hallucination() const { return percent(faulty_captions, captions); }  ///< CHAIRs, %
  double recall() const { return percent(found(), objects); }                           ///< %
  double colour_accuracy() const { return percent(right_colours, found()); }  ///< % of true mentions
  double mean_words() const { return percent(total_words, captions) / 100; }

 private:
  static double percent(std::size_t part, std::size_t whole) {
    return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  }
};

/// Scores caption i against scene i.
inline caption_metrics score_captions(std::span<const scene> scenes, std::span<const std::string> captions) {
  candor::require<candor::usage_error>(scenes.size() == captions.size(), "there are ", captions.size(),
                                       " captions for ", scenes.size(), " scenes; give one caption a scene");
  caption_metrics out;
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    std::array<std::optional<int>, kind_count> colour_of{};
    for (const object& m : read_caption(captions[i]).mentions)
      colour_of[static_cast<std::size_t>(m.kind)] = m.colour;
    std::size_t lies = 0;
    for (int kind = 0; kind < kind_count; ++kind) {
      const auto& colour = colour_of[static_cast<std::size_t>(kind)];
      if (!colour) continue;
      ++out.mentions;
      const object* truth = scenes[i].find(kind);
      if (truth == nullptr)
        ++lies;
      else if (truth->colour == *colour)
        ++out.right_colours;
    }
    ++out.captions;
    out.hallucinated += lies;
    out.faulty_captions += lies > 0 ? 1 : 0;
    out.objects += scenes[i].objects.size();
    out.total_words += words(captions[i]).size();
  }
  return out;
}

/// The share of yes/no questions answered rightly, %. An answer counts by its first word; anything but yes
/// and no is wrong.
inline double score_answers(std::span<const yes_no_question> questions,
                            std::span<const std::string> answers) {
  candor::require<candor::usage_error>(questions.size() == answers.size(), "there are ", answers.size(),
                                       " answers for ", questions.size(),
                                       " questions; give one answer a question");
  std::size_t right = 0;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto said = words(answers[i]);
    if (!said.empty() && said[0] == (questions[i].truth ? "yes" : "no")) ++right;
  }
  return questions.empty() ? 0.0 : 100.0 * static_cast<double>(right) / static_cast<double>(questions.size());
}

/// Held-out scenes with their questions; entry i of each list belongs to scene i.
struct test_set {
  std::vector<scene> scenes;
  std::vector<std::vector<yes_no_question>> questions;
  std::vector<std::vector<yes_no_question>> absent_companions;
};

/// Seeds of training data must differ from this one.
inline constexpr std::uint64_t held_out_seed = 9999;

/// The fixed test set: 500 scenes, six yes/no questions each, and one question for each absent companion.
inline test_set make_test_set(int count = 500, int questions_each = 6, std::uint64_t seed = held_out_seed) {
  test_set out;
  for (int i = 0; i < count; ++i) {
    candor::random_stream dice(seed, static_cast<std::uint64_t>(i));
    const scene& s = out.scenes.emplace_back(draw_scene(dice));
    auto& asked = out.questions.emplace_back();
    for (int q = 0; q < questions_each; ++q) asked.push_back(ask_yes_no(s, dice));
    out.absent_companions.push_back(ask_absent_companions(s));
  }
  return out;
}

}  // namespace scenes
