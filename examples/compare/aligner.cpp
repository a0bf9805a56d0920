// SPDX-License-Identifier: Apache-2.0
/// Aligner (arXiv 2402.02416): a correction model learns from the annotator's corrections of what the base
/// says, first to leave answers as they are, then to correct them. Behind the base it answers in two stages
/// ("aligner"); what it changes in the base's answers to fresh pictures makes pairs for the base, without an
/// annotator ("aligner_pairs").
#include <candor/feedback/corrections.hpp>
#include <candor/io/json_impl.hpp>

#include "compare/judged.hpp"
#include "compare/recipes.hpp"
#include "compare/speaker.hpp"
#include "compare/training.hpp"
#include "scenes/claims.hpp"
#include "scenes/metrics.hpp"
#include "scenes/records.hpp"
#include "sft/train.hpp"

namespace compare {
namespace {

const std::string question = scenes::prompt(scenes::caption_style::brief);

std::vector<scene_question> ask_all(const std::vector<scenes::scene>& shown) {
  std::vector<scene_question> out;
  for (const auto& scene : shown) out.push_back({&scene, question});
  return out;
}

std::string dialog_line(std::size_t scene, const std::string& asked, const std::string& chosen,
                        const std::string& rejected = {}) {
  rlaif_v::answer_row row;
  row.image_path = scenes::image_name(scene);
  row.question = asked;
  return compare::record_line(row, chosen, rejected);
}

/// The second stage: what the correction model makes of answers.
std::vector<candor::correction> correct_all(const std::filesystem::path& corrector,
                                            const recipe_context& context,
                                            const std::vector<scenes::scene>& shown,
                                            const std::vector<std::string>& answers) {
  std::vector<scene_question> asked;
  for (std::size_t i = 0; i < shown.size(); ++i)
    asked.push_back({&shown[i], candor::correction_prompt(question, answers[i])});
  const auto corrected = speaker(corrector, context.threads).answer(asked);
  std::vector<candor::correction> out;
  for (std::size_t i = 0; i < answers.size(); ++i) out.push_back({answers[i], corrected[i]});
  return out;
}

struct corrector {
  std::filesystem::path model;
  std::int64_t records = 0;
};

corrector train_corrector(const recipe_context& context) {
  auto warm_up = training_options(context, context.base, "warm-up");
  warm_up.data = context.folder / "data" / "unchanged.jsonl";
  warm_up.optimizer.learning_rate = 3e-4;
  auto correct = warm_up;
  correct.data = context.folder / "data" / "corrected.jsonl";
  correct.fit.epochs = 4;
  correct.output = correct.fit.run_folder = context.folder / "corrector";
  if (!std::filesystem::exists(correct.data)) {
    const auto shown = fresh_scenes(context, context.scaled(800));
    scenes::write_images(context.folder / "data", shown);
    const auto answers = speaker(context.base, context.threads).answer(ask_all(shown), 1.0, context.seed);
    std::string same, better;
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const auto prompt = candor::correction_prompt(question, answers[i]);
      const auto corrected = scenes::correct(shown[i], answers[i]);
      if (corrected.empty()) continue;
      same += dialog_line(i, prompt, answers[i]);
      better += dialog_line(i, prompt, corrected);
    }
    keep_records(warm_up, same);
    keep_records(correct, better);
  }
  const auto sft = [](const training::options& run) {
    sft::train({.average = candor::sft_average::record}, run);
  };
  correct.model = train_once(warm_up, sft);
  return {train_once(correct, sft), records_in(correct, false)};
}

}  // namespace

recipe_result run_aligner(const recipe_context& context) {
  const auto trained = train_corrector(context);
  const auto test = scenes::make_test_set(context.held_out);
  const auto answers = speaker(context.base, context.threads).answer(ask_all(test.scenes));
  recipe_result result{.model = context.base, .records = trained.records};
  for (const auto& c : correct_all(trained.model, context, test.scenes, answers))
    result.captions.push_back(c.corrected);
  return result;
}

recipe_result run_aligner_pairs(const recipe_context& context) {
  const auto trained = train_corrector(context);
  auto o = training_options(context, context.base);
  o.images = context.folder / "pairs" / "images";
  o.data = context.folder / "pairs" / "pairs.jsonl";
  if (!std::filesystem::exists(o.data)) {
    const auto shown = fresh_scenes(context, context.scaled(800), 100'000);
    scenes::write_images(context.folder / "pairs", shown);
    const auto answers = speaker(context.base, context.threads).answer(ask_all(shown), 1.0, context.seed + 1);
    const auto corrections = correct_all(trained.model, context, shown, answers);
    std::string lines;
    for (const auto i : candor::changed_answers(corrections))
      lines += dialog_line(i, question, corrections[i].corrected, corrections[i].answer);
    keep_records(o, lines);
  }
  return {.model = train_once(o, train_dpo), .records = records_in(o)};
}

}  // namespace compare
