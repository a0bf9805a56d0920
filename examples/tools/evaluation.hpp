// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the subcommands of `evaluate` have in common: where answers come from, and where figures go.

#include <candor/eval/answers.hpp>
#include <candor/eval/figures.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/train/table.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tools {

/// What a benchmark came to.
struct evaluation {
  std::vector<candor::figure_table> figures;
  std::vector<std::string> remarks;  ///< what was skipped, and what a reader of the figures must know
  std::vector<std::string> details;  ///< a JSON object an answer
};

struct evaluate_options {
  std::filesystem::path output, details;
  candor::join_options join;
};

/// Subcommands leave here what is to be done.
using evaluation_work = std::function<evaluation()>;

inline CLI::App* benchmark(CLI::App& app, const std::string& name, const std::string& about,
                           const std::string& example, evaluate_options& o) {
  CLI::App* sub = app.add_subcommand(name, about);
  sub->footer("Example:\n  evaluate " + name + " " + example);
  sub->add_option("--output", o.output, "JSON file for the figures, with all digits");
  sub->add_flag(
      "--partial", o.join.partial,
      "score what is there: count missing, doubled and superfluous answers instead of refusing them");
  return sub;
}

/// Where the verdicts on single answers go, for benchmarks that have them.
inline void add_details(CLI::App& sub, evaluate_options& o) {
  sub.add_option("--details", o.details, "JSON lines file for the verdict on each answer");
}

inline void add_remarks(evaluation& e, const candor::answer_join& join, const std::string& where) {
  if (const auto said = join.remarks(); !said.empty()) e.remarks.push_back(where + ": " + said);
}

inline void show(const candor::figure_table& figures) {
  std::vector<std::string> header{figures.title, "n"};
  for (const auto& column : figures.columns) header.push_back(column.name);
  candor::table out(header);
  for (const auto& row : figures.rows) {
    std::vector<std::string> cells{row.name, std::to_string(row.count)};
    for (std::size_t c = 0; c < row.values.size(); ++c)
      cells.push_back(candor::fixed(row.values[c], figures.columns[c].digits));
    out.add(std::move(cells));
  }
  std::printf("%s\n", out.str().c_str());
}

/// Prints the tables and writes the files. Both files are complete before either appears.
inline void publish(const evaluation& e, const evaluate_options& o) {
  for (const auto& figures : e.figures) show(figures);
  for (const auto& remark : e.remarks) std::fprintf(stderr, "note: %s\n", remark.c_str());
  if (!o.details.empty()) {
    std::string lines;
    for (const auto& line : e.details) lines += line + '\n';
    candor::write_atomically(o.details, lines);
  }
  if (o.output.empty()) return;
  std::string document = "[";
  for (const auto& figures : e.figures)
    document += (document.size() > 1 ? ",\n " : "") + candor::figures_json(figures);
  candor::write_atomically(o.output, document + "]\n");
}

}  // namespace tools
