// SPDX-License-Identifier: Apache-2.0
/// The stages that run a model, here or on a server: candidates and verdicts.
#include <candor/core/random.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/data/record_file.hpp>
#include <candor/feedback/cached_judge.hpp>
#include <candor/feedback/judge.hpp>
#include <candor/feedback/prompted_model.hpp>
#include <candor/feedback/remote_judge.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/line_log.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/signals.hpp>

#include "program/backend.hpp"
#include "rlaif_v/rows.hpp"
#include "rlaif_v/stages.hpp"
#include "tools/contrast.hpp"
#include "tools/inference.hpp"
#include "training/instructions.hpp"
#include "training/made_with.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace rlaif_v {
namespace {

/// Instructions that are worked on at once; files grow by so many.
constexpr std::int64_t together = 16;

using candor::remote_answer;  // a text, and whether it ended by itself
using records = std::vector<candor::question_record>;

bool is_url(const std::string& name) { return name.starts_with("http://") || name.starts_with("https://"); }

/// Loads a model on the backend and in the element type of the options, and works with it.
template <class Work>
void with_model(const std::filesystem::path& folder, const training::options& o, Work work) {
  tools::with_element_type(o.dtype, [&](auto zero) {
    program::with_backend(o.device, o.threads, [&](auto& backend) {
      auto model = candor::load_llava<decltype(zero)>(
          backend, {.model = folder, .vision_tower = o.vision_tower}, o.processor);
      work(model);
    });
  });
}

std::uint64_t sampling_seed(const round_context& r) {
  return candor::random_stream(r.s.seed, static_cast<std::uint64_t>(r.number)).next_double_word();
}

/// Answers of a model to the instructions from place `first` on.
template <class Model>
std::vector<std::vector<remote_answer>> sample(Model& model, const round_context& r, std::int64_t first,
                                               const records& instructions) {
  const auto& processor = model.processor();
  const auto how = tools::distortion_of(r.s.contrast);
  std::vector<candor::encoded_record> encoded, distorted;
  for (const auto& record : instructions) {
    encoded.push_back(processor.prompt(record.question, record.images, record.source));
    encoded.back().tree.key =
        static_cast<std::uint64_t>(first) + encoded.size() - 1;  // so that samples do not depend on the batch
    if (r.s.contrast.alpha > 0)
      distorted.push_back(tools::distorted(processor, encoded.back(), record.images, how, sampling_seed(r)));
  }
  const auto pointers = [](const std::vector<candor::encoded_record>& some) {
    std::vector<const candor::encoded_record*> out;
    for (const auto& e : some) out.push_back(&e);
    return out;
  };
  const auto prompts = pointers(encoded), contrasts = pointers(distorted);
  const bool draws = r.s.temperature > 0;
  const auto texts =
      candor::generate_texts(model.network(), std::span<const candor::encoded_record* const>(prompts),
                             {.max_new_tokens = r.s.max_new_tokens,
                              .temperature = r.s.temperature,
                              .samples = r.s.samples,
                              .seed = sampling_seed(r),
                              .stop_token = processor.stop_token(),
                              .top_k = draws ? r.s.top_k : 0,
                              .top_p = draws ? r.s.top_p : 1.0,
                              .repetition_penalty = r.s.repetition_penalty,
                              .contrast_alpha = r.s.contrast.alpha,
                              .contrast_beta = r.s.contrast.beta},
                             true, std::span<const candor::encoded_record* const>(contrasts));
  std::vector<std::vector<remote_answer>> answers;
  for (const auto& of_prompt : texts) {
    auto& mine = answers.emplace_back();
    for (const auto& text : of_prompt)
      mine.push_back({processor.words().decode(text.tokens, true), text.end == candor::text_end::stop_token});
  }
  return answers;
}

/// The same from a server.
std::vector<std::vector<remote_answer>> sample_from_server(const round_context& r, std::int64_t first,
                                                           const records& instructions) {
  std::vector<candor::picture_questions> prompts;
  for (const auto& record : instructions)
    prompts.push_back({record.images, {record.question}, record.source});
  return candor::sample_remotely(endpoint(r.s.sampler, r.s.sampler_model, r.s), prompts,
                                 {.samples = r.s.samples,
                                  .temperature = r.s.temperature,
                                  .max_new_tokens = r.s.max_new_tokens,
                                  .seed = sampling_seed(r),
                                  .top_k = r.s.top_k,
                                  .top_p = r.s.top_p,
                                  .repetition_penalty = r.s.repetition_penalty},
                                 static_cast<std::uint64_t>(first));
}

/// Writes the candidates; `answer(first, instructions)` gives them.
template <class Answer>
void write_candidates(const round_context& r, const candor::questions_data& data, Answer answer) {
  const std::int64_t first = r.first_instruction(),
                     count = r.s.instructions > 0 ? r.s.instructions : data.size();
  candor::line_log output(r.file("generate"), together * r.s.samples);
  std::int64_t done = output.lines() / r.s.samples;
  candor::progress bar({.title = candor::text(r.folder.filename().string(), ": generate"),
                        .unit = "instructions",
                        .total = count,
                        .done = done,
                        .quiet = r.o.fit.quiet});
  for (; done < count; bar.update(done)) {
    candor::throw_if_stopped("generate");
    records instructions;
    for (std::int64_t i = done; i < std::min(done + together, count); ++i)
      instructions.push_back(data.record(first + i));
    const auto answers = answer(first + done, instructions);
    std::string lines;
    for (std::size_t p = 0; p < instructions.size(); ++p)
      for (std::size_t n = 0; n < answers[p].size(); ++n) {
        answer_row row;
        row.question_id =
            (first + done + static_cast<std::int64_t>(p)) * r.s.samples + static_cast<std::int64_t>(n);
        row.ds_question_id = instructions[p].id;
        row.image_path = training::image_name(instructions[p], r.o.images);
        row.question = instructions[p].question;
        row.answer = answers[p][n].text;
        row.finished = answers[p][n].finished;
        lines += line_of(row);
      }
    output.append(lines);
    done += static_cast<std::int64_t>(instructions.size());
  }
  bar.finish();
  output.commit();
}

/// The rows of an instruction follow each other and share a picture: each different question about it is
/// asked once.
template <candor::claim_judge Judge>
void judge_rows(Judge& judge, const round_context& r, std::vector<answer_row>& rows,
                const std::string& source) {
  std::vector<candor::picture_questions> pictures;
  std::vector<std::map<std::string, std::size_t>> places;  // of each picture's questions
  std::vector<std::size_t> picture_of;                     // each row
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || !same_instruction(rows[i - 1], rows[i])) {
      pictures.push_back({{r.o.images / rows[i].image_path}, {}, source});
      places.emplace_back();
    }
    picture_of.push_back(pictures.size() - 1);
    for (const auto& question : rows[i].questions)
      if (places.back().try_emplace(question, pictures.back().questions.size()).second)
        pictures.back().questions.push_back(question);
  }
  const auto verdicts = judge.judge(pictures);
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const auto& question : rows[i].questions)
      rows[i].verdicts.push_back(verdicts[picture_of[i]][places[picture_of[i]].at(question)]);
}

template <candor::claim_judge Judge>
void write_verdicts(const round_context& r, Judge& judge) {
  const candor::record_file input(r.file("ask"));
  const std::int64_t rows_together = together * r.s.samples;
  candor::line_log output(r.file("judge"), rows_together);
  candor::progress bar({.title = candor::text(r.folder.filename().string(), ": judge"),
                        .unit = "answers",
                        .total = input.size(),
                        .done = output.lines(),
                        .quiet = r.o.fit.quiet});
  while (output.lines() < input.size()) {
    candor::throw_if_stopped("judge");
    auto rows = read_rows(input, output.lines(), std::min(rows_together, input.size() - output.lines()));
    judge_rows(judge, r, rows, input.source(output.lines()));
    std::string lines;
    for (const auto& row : rows) lines += line_of(row);
    output.append(lines);
    bar.update(output.lines());
  }
  bar.finish();
  output.commit();
}

/// Files before the model: what is wrong is told at once.
candor::questions_data open_instructions(const round_context& r) {
  candor::questions_data data(r.o.data, {.images = r.o.images});
  const std::int64_t last = r.s.instructions > 0 ? r.first_instruction() + r.s.instructions : data.size();
  candor::require<candor::input_error>(
      last <= data.size(), data.path().string(), " has ", data.size(), " instructions; round ", r.number,
      " needs those from ", r.first_instruction(), " to ", last,
      ". Give more, or a smaller --instructions (0: all of them in every round)");
  for (std::int64_t i = r.first_instruction(); i < last; ++i)
    training::image_name(data.record(i), r.o.images);
  return data;
}

}  // namespace

void generate(const round_context& r) {
  const auto data = open_instructions(r);
  const bool remote = is_url(r.s.sampler);
  const std::filesystem::path folder = r.s.sampler.empty() ? r.policy : std::filesystem::path(r.s.sampler);
  candor::run_config made_with;
  made_with.add("samples", r.s.samples);
  made_with.add("temperature", r.s.temperature);
  made_with.add("top-k", r.s.top_k);
  made_with.add("top-p", r.s.top_p);
  made_with.add("repetition-penalty", r.s.repetition_penalty);
  if (r.s.contrast.alpha > 0) {
    made_with.add("contrast-alpha", r.s.contrast.alpha);
    made_with.add("contrast-beta", r.s.contrast.beta);
    made_with.add("distortion", tools::distortion_of(r.s.contrast).describe());
  }
  made_with.add("max-new-tokens", r.s.max_new_tokens);
  made_with.add("instructions", r.s.instructions);
  made_with.add("seed", r.s.seed);
  remote ? made_with.add("model", r.s.sampler_model) : training::add_model(made_with, folder, r.o);
  claim_stage(r, "generate", made_with, r.o.data);
  const candor::stop_signals signals;
  if (remote)
    return write_candidates(
        r, data, [&](std::int64_t first, const records& some) { return sample_from_server(r, first, some); });
  with_model(folder, r.o, [&](auto& model) {
    write_candidates(r, data,
                     [&](std::int64_t first, const records& some) { return sample(model, r, first, some); });
  });
}

void with_language_model(const round_context& r, const std::function<void(const completer&)>& work) {
  const auto& s = r.s;
  if (is_url(s.splitter))
    return work([&](std::span<const std::string> prompts) {
      return candor::complete_remotely(endpoint(s.splitter, s.splitter_model, s), prompts);
    });
  with_model(s.splitter == "policy" ? r.policy : std::filesystem::path(s.splitter), r.o,
             [&](auto& model) { work(candor::model_completer(model)); });
}

void judge(const round_context& r) {
  const bool remote = is_url(r.s.judge);
  const std::filesystem::path folder = r.s.judge.empty() ? r.policy : std::filesystem::path(r.s.judge);
  candor::run_config samples, by;
  samples.add("samples", r.s.samples);
  if (std::filesystem::exists(r.note("generate")))  // not where the candidates are the user's own
    training::require_made_with(r.note("generate"), samples, r.file("generate").string(),
                                "give as many --samples as were drawn");
  remote ? by.add("model", r.s.judge_model) : training::add_model(by, folder, r.o);
  by.add("question-suffix", r.s.suffix);
  claim_stage(r, "judge", by, r.file("ask"));
  const candor::stop_signals signals;
  const auto kept = r.folder / "verdict_cache.jsonl";
  if (!remote) {
    return with_model(folder, r.o, [&](auto& model) {
      candor::model_judge judge(
          model, {.suffix = r.s.suffix, .scoring = {.packing = {.max_tokens = r.o.fit.max_tokens}}});
      candor::verdict_cache cache(kept);
      candor::cached_judge cached(judge, cache, {.judge = by.hash()});
      write_verdicts(r, cached);
    });
  }
  candor::remote_judge judge(endpoint(r.s.judge, r.s.judge_model, r.s), kept, r.s.suffix);
  write_verdicts(r, judge);
  const auto& counts = judge.counts();
  if (counts.without_log_probs > 0)
    std::fprintf(stderr,
                 "warning: %lld of %lld verdicts came without log-probs and were read from the word, %lld of "
                 "them neither yes nor no\n",
                 static_cast<long long>(counts.without_log_probs), static_cast<long long>(counts.asked),
                 static_cast<long long>(counts.unreadable));
}

}  // namespace rlaif_v
