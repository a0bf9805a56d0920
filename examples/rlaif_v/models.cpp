// SPDX-License-Identifier: Apache-2.0
/// The stages that run a model: candidates and verdicts.
#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/data/record_file.hpp>
#include <candor/feedback/judge.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/line_log.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/signals.hpp>

#include "rlaif_v/rows.hpp"
#include "rlaif_v/stages.hpp"
#include "tools/inference.hpp"

#include <algorithm>
#include <map>

namespace rlaif_v {
namespace {

/// Instructions that are worked on at once; files grow by so many.
constexpr std::int64_t together = 16;

template <class T>
candor::llava<candor::host, T> load(candor::host& cpu, const std::filesystem::path& folder,
                                    const training::options& o) {
  const bool original = !o.vision_tower.empty();
  return candor::load_llava<T>(
      cpu, {.model = folder, .vision_tower = original ? o.vision_tower : std::filesystem::path()},
      o.processor);
}

/// The name of an instruction's picture as its file has it: relative to the folder of images.
std::string image_name(const candor::question_record& record, const std::filesystem::path& images) {
  candor::require<candor::input_error>(record.images.size() == 1 && !record.images[0].file().empty(),
                                       record.source, ": an instruction needs one image, as a file; found ",
                                       record.images.size());
  return record.images[0].file().lexically_relative(images).string();
}

template <class T>
std::string sample_batch(candor::llava<candor::host, T>& model, const candor::questions_data& data,
                         const round_context& r, std::int64_t first, std::int64_t count) {
  const auto& processor = model.processor();
  std::vector<candor::question_record> records;
  std::vector<candor::encoded_record> encoded;
  std::vector<const candor::encoded_record*> prompts;
  for (std::int64_t i = first; i < first + count; ++i) {
    const auto& record = records.emplace_back(data.record(i));
    encoded.push_back(processor.prompt(record.question, record.images, record.source));
    encoded.back().tree.key = static_cast<std::uint64_t>(i);  // so that samples do not depend on the batch
  }
  for (const auto& e : encoded) prompts.push_back(&e);
  candor::random_stream seeds(r.s.seed, static_cast<std::uint64_t>(r.number));
  const auto texts =
      candor::generate(model.network(), std::span<const candor::encoded_record* const>(prompts),
                       {.max_new_tokens = r.s.max_new_tokens,
                        .temperature = r.s.temperature,
                        .samples = r.s.samples,
                        .seed = seeds.next_double_word(),
                        .stop_token = processor.stop_token()});
  std::string lines;
  for (std::size_t p = 0; p < texts.size(); ++p)
    for (std::size_t n = 0; n < texts[p].size(); ++n) {
      const auto& ids = texts[p][n];
      lines += line_of(
          {.question_id = (first + static_cast<std::int64_t>(p)) * r.s.samples + static_cast<std::int64_t>(n),
           .ds_question_id = records[p].id,
           .image_path = image_name(records[p], r.o.images),
           .question = records[p].question,
           .answer = processor.words().decode(ids, true),
           .finished = !ids.empty() && ids.back() == processor.stop_token(),
           .claims = {},
           .questions = {},
           .verdicts = {}});
    }
  return lines;
}

template <class T>
void generate_as(const round_context& r) {
  const candor::questions_data data(r.o.data, {.images = r.o.images});
  const std::int64_t first = r.first_instruction();
  const std::int64_t count = r.s.instructions > 0 ? r.s.instructions : data.size();
  candor::require<candor::input_error>(
      first + count <= data.size(), data.path().string(), " has ", data.size(), " instructions; round ",
      r.number, " needs those from ", first, " to ", first + count,
      ". Give more, or a smaller --instructions (0: all of them in every round)");
  candor::line_log output(r.file("generate"), together * r.s.samples);
  candor::host cpu({.threads = r.o.threads});
  auto model = load<T>(cpu, r.policy, r.o);
  std::int64_t done = output.lines() / r.s.samples;
  candor::progress bar({.title = candor::text("round ", r.number, ": generate"),
                        .unit = "instructions",
                        .total = count,
                        .done = done,
                        .quiet = r.o.fit.quiet});
  for (; done < count; bar.update(done)) {
    candor::throw_if_stopped("generate");
    const auto batch = std::min(together, count - done);
    output.append(sample_batch(model, data, r, first + done, batch));
    done += batch;
  }
  bar.finish();
  output.commit();
}

/// The rows of an instruction share a picture: each different question about it is asked once.
template <class T>
void judge_batch(candor::model_judge<candor::host, T>& judge, const round_context& r,
                 std::vector<answer_row>& rows, const std::string& source) {
  std::vector<candor::picture_questions> pictures;
  std::vector<std::map<std::string, std::size_t>> places;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i % static_cast<std::size_t>(r.s.samples) == 0) {
      pictures.push_back({{r.o.images / rows[i].image_path}, {}, source});
      places.emplace_back();
    }
    for (const auto& question : rows[i].questions)
      if (places.back().try_emplace(question, pictures.back().questions.size()).second)
        pictures.back().questions.push_back(question);
  }
  const auto verdicts = judge.judge(pictures);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto picture = i / static_cast<std::size_t>(r.s.samples);
    for (const auto& question : rows[i].questions)
      rows[i].verdicts.push_back(verdicts[picture][places[picture].at(question)]);
  }
}

template <class T>
void judge_as(const round_context& r) {
  const candor::record_file input(r.file("ask"));
  const std::int64_t rows_together = together * r.s.samples;
  candor::line_log output(r.file("judge"), rows_together);
  candor::host cpu({.threads = r.o.threads});
  auto model = load<T>(cpu, r.s.judge.empty() ? r.policy : r.s.judge, r.o);
  candor::model_judge judge(
      model, {.suffix = r.s.suffix, .scoring = {.packing = {.max_tokens = r.o.fit.max_tokens}}});
  candor::progress bar({.title = candor::text("round ", r.number, ": judge"),
                        .unit = "answers",
                        .total = input.size(),
                        .done = output.lines(),
                        .quiet = r.o.fit.quiet});
  while (output.lines() < input.size()) {
    candor::throw_if_stopped("judge");
    auto rows = read_rows(input, output.lines(), std::min(rows_together, input.size() - output.lines()));
    judge_batch(judge, r, rows, input.source(output.lines()));
    std::string lines;
    for (const auto& row : rows) lines += line_of(row);
    output.append(lines);
    bar.update(output.lines());
  }
  bar.finish();
  output.commit();
}

}  // namespace

void generate(const round_context& r) {
  claim_stage(r, "generate",
              nlohmann::ordered_json{{"samples", r.s.samples},
                                     {"temperature", r.s.temperature},
                                     {"max-new-tokens", r.s.max_new_tokens},
                                     {"instructions", r.s.instructions},
                                     {"seed", r.s.seed},
                                     {"dtype", r.o.dtype},
                                     {"model", candor::hash_file(r.policy / "config.json")}}
                  .dump(),
              r.o.data);
  const candor::stop_signals signals;
  tools::with_element_type(r.o.dtype, [&](auto zero) { generate_as<decltype(zero)>(r); });
}

void judge(const round_context& r) {
  claim_stage(r, "judge",
              nlohmann::ordered_json{{"judge", r.s.judge.empty() ? "policy" : r.s.judge.string()},
                                     {"question-suffix", r.s.suffix},
                                     {"dtype", r.o.dtype}}
                  .dump(),
              r.file("ask"));
  const candor::stop_signals signals;
  tools::with_element_type(r.o.dtype, [&](auto zero) { judge_as<decltype(zero)>(r); });
}

}  // namespace rlaif_v
