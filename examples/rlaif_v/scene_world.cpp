// SPDX-License-Identifier: Apache-2.0
#include "rlaif_v/scene_world.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/data/record_file.hpp>
#include <candor/feedback/implicit_reward.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/signals.hpp>

#include "rlaif_v/rows.hpp"
#include "scenes/claims.hpp"
#include "scenes/evaluate.hpp"
#include "scenes/instructions.hpp"
#include "scenes/metrics_json.hpp"

#include <algorithm>
#include <span>

namespace rlaif_v {
namespace {

using candor::detail::json;

/// Seeds of pictures lie above those of the base's training and of its test.
constexpr std::uint64_t picture_seeds = 20'000;

/// Whether a question about a scene is to be answered with yes: of the kind that it names, in its colour and
/// place where it says them.
bool truth_of(const scenes::scene& scene, const std::string& question) {
  const auto asked = scenes::read_caption(question).mentions;
  return !asked.empty() && std::all_of(asked.begin(), asked.end(), [&](const scenes::object& a) {
    const auto* there = scene.find(a.kind);
    return there != nullptr && (a.colour < 0 || a.colour == there->colour) &&
           (a.cell < 0 || a.cell == there->cell);
  });
}

/// Verdicts of the round that agree with the truth, %. Instructions of the world are named by their pictures'
/// numbers.
double labels_right(const round_context& r) {
  const candor::record_file file(r.file("judge"));
  std::int64_t right = 0, all = 0;
  for (const auto& row : read_rows(file, 0, file.size())) {
    const auto scene = scenes::draw_scene(picture_seeds + r.s.seed, std::stoull(row.ds_question_id));
    for (std::size_t q = 0; q < row.questions.size(); ++q) {
      right += row.verdicts[q].confirmed() == truth_of(scene, row.questions[q]);
      ++all;
    }
  }
  return all == 0 ? 0.0 : 100.0 * static_cast<double>(right) / static_cast<double>(all);
}

using model_type = candor::llava<candor::host, float>;

/// Samples captions of the held-out scenes; gives the figures of the first sample and of the best by implicit
/// reward.
round_result::samples take_best(model_type& speaker, model_type& model, model_type& base,
                                const round_context& r) {
  const auto test = scenes::make_test_set(r.s.held_out);
  const auto& p = model.processor();
  const auto question = scenes::prompt(scenes::caption_style::brief);
  constexpr std::size_t together = 50;
  std::vector<std::string> first, best;
  for (std::size_t from = 0; from < test.scenes.size(); from += together) {
    candor::throw_if_stopped("evaluate");
    std::vector<candor::encoded_record> prompts, answers;
    for (std::size_t i = from; i < std::min(from + together, test.scenes.size()); ++i) {
      prompts.push_back({p.tree(p.encode(question, {}, 1)), p.transform()(test.scenes[i].picture)});
      prompts.back().tree.key = i;
    }
    const auto pointers = [](const std::vector<candor::encoded_record>& records) {
      std::vector<const candor::encoded_record*> out;
      for (const auto& record : records) out.push_back(&record);
      return out;
    };
    const auto texts =
        candor::generate(speaker.network(), std::span<const candor::encoded_record* const>(pointers(prompts)),
                         {.max_new_tokens = r.s.max_new_tokens,
                          .temperature = r.s.temperature,
                          .samples = r.s.best_of,
                          .seed = r.s.seed,
                          .stop_token = p.stop_token()});
    std::vector<std::vector<std::string>> captions;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      auto& mine = captions.emplace_back();
      for (const auto& ids : texts[i]) mine.push_back(p.words().decode(ids, true));
      answers.push_back({p.tree(p.encode(question, mine, 1)), std::move(prompts[i].pixels)});
    }
    const auto rewards = candor::implicit_rewards(
        model.network(), base.network(), std::span<const candor::encoded_record* const>(pointers(answers)),
        {.beta = r.s.loss.beta});
    for (std::size_t i = 0; i < captions.size(); ++i) {
      first.push_back(captions[i].front());
      best.push_back(captions[i][candor::best_of(rewards[i])]);
    }
  }
  return {scenes::score_captions(test.scenes, first), scenes::score_captions(test.scenes, best)};
}

json to_json(const round_result::samples& s) {
  return {{"first", scenes::to_json(s.first)}, {"best", scenes::to_json(s.best)}};
}

round_result read_result(const std::filesystem::path& path) {
  const json document = candor::detail::read_json_file(path);
  const candor::detail::json_field f(document, path.string());
  round_result out;
  out.after.figures = {.brief = scenes::metrics_of(f["greedy"]),
                       .yes_no = f["yes_no"].number(),
                       .absent_companions = f["absent_companions"].number()};
  for (const auto& caption : f["captions"].items()) out.after.captions.push_back(caption.string());
  out.labels_right = f["labels_right"].number();
  out.of_base = {scenes::metrics_of(f["of_base"]["first"]), scenes::metrics_of(f["of_base"]["best"])};
  out.of_policy = {scenes::metrics_of(f["of_policy"]["first"]), scenes::metrics_of(f["of_policy"]["best"])};
  return out;
}

}  // namespace

void prepare_world(const std::filesystem::path& output, const settings& s) {
  scenes::prepare_instructions(
      output, {.count = s.instructions * s.rounds, .seed = s.seed, .picture_seeds = picture_seeds});
}

round_result evaluate_round(const round_context& r, const std::filesystem::path& base) {
  if (std::filesystem::exists(r.file("evaluate"))) return read_result(r.file("evaluate"));
  round_result out;
  {
    const candor::stop_signals signals;
    out.after = scenes::evaluate_folder(r.file("train"), {}, r.o.threads, r.s.held_out);
    out.labels_right = labels_right(r);
    candor::host cpu({.threads = r.o.threads});
    auto model = candor::load_llava<float>(cpu, r.file("train")),
         before = candor::load_llava<float>(cpu, base);
    out.of_base = take_best(before, model, before, r);
    out.of_policy = take_best(model, model, before, r);
  }
  candor::detail::write_json_file(r.file("evaluate"),
                                  json{{"greedy", scenes::to_json(out.after.figures.brief)},
                                       {"yes_no", out.after.figures.yes_no},
                                       {"absent_companions", out.after.figures.absent_companions},
                                       {"labels_right", out.labels_right},
                                       {"of_base", to_json(out.of_base)},
                                       {"of_policy", to_json(out.of_policy)},
                                       {"captions", out.after.captions}});
  return out;
}

}  // namespace rlaif_v
