// SPDX-License-Identifier: Apache-2.0
/// @file
/// evaluate: the figures of the hallucination benchmarks from files of answers, one subcommand a benchmark.

#include <candor/eval/pope.hpp>

#include "program/backend.hpp"
#include "program/tool.hpp"
#include "tools/evaluate_amber.hpp"
#include "tools/evaluate_contests.hpp"
#include "tools/evaluate_judged.hpp"
#include "tools/evaluate_objects.hpp"
#include "tools/evaluation.hpp"

namespace {

using tools::evaluate_options;
using tools::evaluation;
using tools::evaluation_work;

struct file_options {
  std::vector<std::filesystem::path> questions, answers;
};

void add_pope(CLI::App& app, evaluate_options& o, evaluation_work& work, file_options& files) {
  auto* sub = tools::benchmark(
      app, "pope", "yes/no questions about objects: accuracy, precision, recall, F1 (yes is positive)",
      "--questions coco_pope_random.json coco_pope_popular.json --answers random.jsonl popular.jsonl", o);
  sub->add_option("--questions", files.questions,
                  "POPE's question files: question_id, text, label; one a setting")
      ->required();
  sub->add_option("--answers", files.answers,
                  "the model's answers, a file for each question file in the same order: question_id and "
                  "text, answer or response; or `generate`'s output, line by line")
      ->required();
  sub->callback([&] {
    work = [&] {
      candor::require<candor::usage_error>(
          files.questions.size() == files.answers.size(), "--questions has ", files.questions.size(),
          " files and --answers ", files.answers.size(), "; give one file of answers for each of questions");
      evaluation out;
      std::vector<candor::pope_setting> settings;
      for (std::size_t i = 0; i < files.questions.size(); ++i) {
        settings.push_back(candor::score_pope(files.questions[i], files.answers[i], o.join));
        tools::add_remarks(out, settings.back().join, settings.back().name);
      }
      out.figures.push_back(candor::pope_figures(settings));
      return out;
    };
  });
}

}  // namespace

int main(int argc, char** argv) {
  evaluate_options o;
  evaluation_work work;
  file_options pope;
  tools::object_options objects;
  tools::amber_files amber;
  tools::judged_files judged;
  tools::pairwise_options pairwise;
  return program::run_tool(
      "evaluate",
      "Computes the figures of hallucination benchmarks from files of answers. `evaluate BENCHMARK --help` "
      "has the options of each.",
      "evaluate pope --questions coco_pope_random.json --answers answers.jsonl", argc, argv,
      [&](CLI::App& app) {
        app.require_subcommand(1);
        add_pope(app, o, work, pope);
        tools::add_objects(app, o, work, objects, false);
        tools::add_objects(app, o, work, objects, true);
        tools::add_amber(app, o, work, amber);
        tools::add_judged(app, o, work, judged);
        tools::add_pairwise(app, o, work, pairwise);
      },
      [&] { tools::publish(work(), o); });
}
