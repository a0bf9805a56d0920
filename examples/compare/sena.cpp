// SPDX-License-Identifier: Apache-2.0
/// SENA (arXiv 2412.15650): from pictures alone. The model asks itself: it describes a picture in detail, and
/// of what it names it asks where that is; a question about a thing that it then denies is asked anew. Chosen
/// is its answer with its own description before it, rejected its answer to the same picture under diffusion
/// noise. Beside DPO stands the image-alignment term, - log pi(description | picture), here as the answer of
/// an earlier turn that is scored: it is in both cells, so that the margin does not see it and the supervised
/// term does.
#include <candor/image/distortion.hpp>
#include <candor/io/json_impl.hpp>

#include "compare/judged.hpp"
#include "compare/recipes.hpp"
#include "compare/speaker.hpp"
#include "compare/training.hpp"
#include "scenes/claims.hpp"
#include "scenes/questions.hpp"
#include "scenes/records.hpp"

#include <string>
#include <utility>
#include <vector>

namespace compare {
namespace {

using nlohmann::ordered_json;

const std::string describe = scenes::prompt(scenes::caption_style::detailed);
constexpr candor::distortion noise{.kind = candor::distortion_kind::diffusion, .step = 500};

/// A question for each picture: for a brief caption of every second one, else for the place of a thing that
/// the model has named and, asked again, confirms.
std::vector<scene_question> own_questions(speaker& model, const std::vector<scenes::scene>& shown,
                                          const std::vector<std::string>& descriptions) {
  std::vector<scene_question> checks;
  std::vector<std::vector<int>> named(shown.size());
  for (std::size_t i = 0; i < shown.size(); ++i)
    for (const auto& thing : scenes::read_caption(descriptions[i]).mentions) {
      named[i].push_back(thing.kind);
      checks.push_back({&shown[i], scenes::is_there(thing.kind)});
    }
  const auto confirmed = model.confirms(checks);
  std::vector<scene_question> questions;
  auto next = confirmed.begin();
  for (std::size_t i = 0; i < shown.size(); ++i) {
    std::string asked = scenes::prompt(scenes::caption_style::brief);
    for (const int kind : named[i])
      if (*next++ && i % 2 == 1)
        asked = "Where is the " + std::string(scenes::kind_names[static_cast<std::size_t>(kind)]) + "?";
    questions.push_back({&shown[i], asked});
  }
  return questions;
}

ordered_json turn(const char* from, const std::string& value) { return {{"from", from}, {"value", value}}; }

/// The records, in POVID's form, whose earlier answers are scored too.
std::string dialogs_of(speaker& model, const std::vector<scenes::scene>& shown, std::uint64_t seed) {
  std::vector<scene_question> all;
  for (const auto& scene : shown) all.push_back({&scene, describe});
  const auto descriptions = model.answer(all);
  const auto questions = own_questions(model, shown, descriptions);
  auto informed = questions;
  for (std::size_t i = 0; i < informed.size(); ++i)
    informed[i].text = descriptions[i] + " " + questions[i].text;
  const auto chosen = model.answer(informed), rejected = model.answer(questions, 0, seed, &noise);
  std::string lines;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (chosen[i].empty() || rejected[i].empty() || chosen[i] == rejected[i]) continue;
    const auto dialog = [&](const std::string& answer) {
      return ordered_json{turn("human", "<image>\n" + describe), turn("gpt", descriptions[i]),
                          turn("human", questions[i].text), turn("gpt", answer)};
    };
    lines += ordered_json{{"id", i},
                          {"image", scenes::image_name(i)},
                          {"conversations", dialog(chosen[i])},
                          {"rejected_conversations", dialog(rejected[i])}}
                 .dump(-1, ' ', false, ordered_json::error_handler_t::replace) +
             "\n";
  }
  return lines;
}

}  // namespace

recipe_result run_sena(const recipe_context& context) {
  const auto o = training_options(context, context.base);
  if (!std::filesystem::exists(o.data)) {
    const auto shown = fresh_scenes(context, context.scaled(800));
    scenes::write_images(context.folder / "data", shown);
    speaker model(context.base, context.threads);
    keep_records(o, dialogs_of(model, shown, context.seed));
  }
  return {.model = train_once(o, train_dpo), .records = records_in(o)};
}

}  // namespace compare
