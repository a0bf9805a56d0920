// SPDX-License-Identifier: Apache-2.0
/// The inject stage: prompts, replies (by RLAIF-V's stage that lets a model or a server answer), and the
/// pairs that come out of them.
#include <candor/data/preference_data.hpp>
#include <candor/data/record_file.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>

#include "povid/stages.hpp"
#include "rlaif_v/rows.hpp"
#include "rlaif_v/stages.hpp"
#include "training/skipped.hpp"

#include <cstdio>
#include <system_error>

namespace povid {
namespace {

using candor::text;
using candor::detail::json;
using nlohmann::ordered_json;

/// Kinds take turns.
candor::injection_kind kind_of(std::int64_t record) {
  return candor::injection_kinds[static_cast<std::size_t>(record) % candor::injection_kinds.size()];
}

std::string line_of(const ordered_json& line) {
  return line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

/// What the stage can take: one picture as a file, one question with its answer.
constexpr auto check_answer = [](const candor::preference_record& record) {
  candor::require<candor::input_error>(
      record.images.size() == 1 && !record.images[0].file().empty(), record.source,
      ": the inject stage needs one image a record, as a file; found ", record.images.size());
  candor::require<candor::input_error>(record.earlier.empty() && record.chosen_later.empty(), record.source,
                                       ": the inject stage takes one question and its answer, no dialog");
};

/// The answers of --data. Where the options say so, those that cannot be used are left out.
candor::preference_data open_answers(const run_context& run) {
  candor::preference_data answers(
      run.o.data, {.images = run.o.images, .pairs = false, .skip_bad_records = run.o.skip_bad_records});
  if (!run.o.skip_bad_records) {
    answers.check_each(check_answer);
    return answers;
  }
  answers.skip_where([](const candor::preference_record& record, std::int64_t) {
    check_answer(record);
    candor::load_image(record.images[0]);
  });
  return answers;
}

/// An instruction for each answer.
std::string prompt_lines(const run_context& run, const candor::preference_data& answers) {
  std::string lines;
  for (std::int64_t i = 0; i < answers.size(); ++i) {
    const auto record = answers.record(i);
    const auto image = std::filesystem::absolute(record.images[0].file()).lexically_normal();
    lines += line_of({{"idx", record.id},
                      {"image", image.lexically_relative(run.o.images).string()},
                      {"question", candor::injection_prompt(record.question, record.chosen, kind_of(i))}});
  }
  return lines;
}

/// What the replies are made with, beside their prompts.
candor::run_config recipe_of(const run_context& run) {
  candor::run_config c;
  c.add("injector", run.s.injector.empty()         ? std::string("--model")
                    : run.s.injector_model.empty() ? run.s.injector
                                                   : run.s.injector_model);
  c.add("temperature", run.s.temperature);
  c.add("max-new-tokens", run.s.max_new_tokens);
  c.add("seed", run.o.fit.seed);
  return c;
}

/// The replies, a row a prompt in their order.
std::vector<rlaif_v::answer_row> replies_to(const run_context& run, const std::filesystem::path& prompts) {
  rlaif_v::settings sampling;
  sampling.samples = 1;
  sampling.temperature = run.s.temperature;
  sampling.max_new_tokens = run.s.max_new_tokens;
  sampling.sampler = run.s.injector;
  sampling.sampler_model = run.s.injector_model;
  sampling.in_flight = run.s.in_flight;
  sampling.seed = run.o.fit.seed;
  auto files = run.o;
  files.data = prompts;
  const rlaif_v::round_context round{
      .s = sampling, .o = files, .folder = run.folder("inject"), .policy = run.o.model};
  const auto path = round.file("generate");
  if (!std::filesystem::exists(path)) rlaif_v::generate(round);
  const candor::record_file file(path);
  return rlaif_v::read_rows(file, 0, file.size());
}

/// A record in POVID's form.
ordered_json povid_record(const candor::preference_record& record, const std::string& image,
                          const std::string& rejected, candor::injection_kind kind) {
  const auto dialog = [&](const std::string& answer) {
    return ordered_json::array({{{"from", "human"}, {"value", "<image>\n" + record.question}},
                                {{"from", "gpt"}, {"value", answer}}});
  };
  return {{"id", record.id},
          {"image", image},
          {"conversations", dialog(record.chosen)},
          {"rejected_conversations", dialog(rejected)},
          {"injected", candor::name_of(kind)}};
}

/// Whether the pairs are there, chosen from the replies as the settings say; replies are chosen from anew
/// without being asked for again.
bool done_with(const run_context& run) {
  if (!std::filesystem::exists(run.injected())) return false;
  const json summary = candor::detail::read_json_file(run.folder("inject") / "summary.json");
  return summary.value("min_similarity", json()) == json(run.s.limits.min_similarity);
}

}  // namespace

std::filesystem::path pairs_of(const run_context& run) {
  const auto made = run.injected(), prompts = run.folder("inject") / "prompts.jsonl";
  std::error_code absent;
  if (!std::filesystem::exists(made) || std::filesystem::equivalent(made, run.o.data, absent))
    return run.o.data;
  candor::require<candor::usage_error>(candor::read_file(prompts) == prompt_lines(run, open_answers(run)),
                                       made.string(),
                                       " was made of another --data or --images, so that either could be "
                                       "meant to be trained on: give the same "
                                       "ones, or ",
                                       made.string(), " itself, or choose another --output");
  std::fprintf(stderr, "training on what the stage inject has made of --data: %s\n", made.c_str());
  return made;
}

void inject(const run_context& run) {
  const auto folder = run.folder("inject"), prompts = folder / "prompts.jsonl";
  const auto answers = open_answers(run);
  const auto lines = prompt_lines(run, answers);
  claim_stage(run, "inject", recipe_of(run));
  candor::require<candor::usage_error>(
      !std::filesystem::exists(prompts) || candor::read_file(prompts) == lines, prompts.string(),
      " was made of another --data or --images; give the same ones, or choose another --output");
  if (done_with(run)) return;
  std::filesystem::remove(run.injected());
  std::filesystem::create_directories(folder);
  if (!answers.skipped().empty()) {
    const auto list = folder / "skipped_records.jsonl";
    candor::write_atomically(list, training::skipped_lines(answers.skipped()));
    training::report_skipped(answers.skipped(), list);
  }
  candor::write_atomically(prompts, lines);
  const auto replies = replies_to(run, prompts);
  candor::require<candor::input_error>(static_cast<std::int64_t>(replies.size()) == answers.size(),
                                       folder.string(), " holds ", replies.size(), " replies to ",
                                       answers.size(), " answers; remove the folder and run the stage again");
  injection_counts counts{.answers = answers.size()};
  auto pairs = ordered_json::array();
  std::string dropped;
  for (std::int64_t i = 0; i < answers.size(); ++i) {
    const auto record = answers.record(i);
    const auto& reply = replies[static_cast<std::size_t>(i)];
    auto made = candor::read_injection(reply.answer, record.chosen, run.s.limits);
    if (!reply.finished) made.fate = candor::injection_fate::unreadable;
    counts.kept += made.fate == candor::injection_fate::kept;
    counts.unreadable += made.fate == candor::injection_fate::unreadable;
    counts.unchanged += made.fate == candor::injection_fate::unchanged;
    counts.rewritten += made.fate == candor::injection_fate::rewritten;
    if (made.fate == candor::injection_fate::kept)
      pairs.push_back(povid_record(record, reply.image_path, made.text, kind_of(i)));
    else
      dropped += line_of({{"id", record.id},
                          {"why", candor::name_of(made.fate)},
                          {"similarity", made.similarity},
                          {"kind", candor::name_of(kind_of(i))},
                          {"chosen", record.chosen},
                          {"reply", reply.answer}});
  }
  candor::write_atomically(folder / "dropped.jsonl", dropped);
  candor::detail::write_json_file(folder / "summary.json",
                                  json{{"answers", counts.answers},
                                       {"kept", counts.kept},
                                       {"unreadable", counts.unreadable},
                                       {"unchanged", counts.unchanged},
                                       {"rewritten", counts.rewritten},
                                       {"min_similarity", run.s.limits.min_similarity}});
  candor::require<candor::input_error>(
      counts.kept > 0, folder.string(), ": none of ", counts.answers,
      " replies is a hallucinated answer: ", counts.unreadable, " are not in the form asked for, ",
      counts.unchanged, " unchanged, ", counts.rewritten,
      " share too little with the answer. dropped.jsonl holds them; another --injector, a "
      "higher --temperature or a lower --min-similarity gives more");
  candor::write_atomically(run.injected(), pairs.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

injection_counts read_injection_counts(const run_context& run) {
  const auto path = run.folder("inject") / "summary.json";
  const json document = candor::detail::read_json_file(path);
  const candor::detail::json_field f(document, path.string());
  return {f["answers"].integer(0), f["kept"].integer(0), f["unreadable"].integer(0),
          f["unchanged"].integer(0), f["rewritten"].integer(0)};
}

}  // namespace povid
