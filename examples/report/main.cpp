// SPDX-License-Identifier: Apache-2.0
/// @file
/// report: one HTML file about a run, for a browser without network.

#include "program/tool.hpp"
#include "report/run_report.hpp"

#include <CLI/CLI.hpp>

#include <candor/io/atomic_file.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  std::filesystem::path folder, output;
  report::run_options o;
  return program::run_tool(
      "report",
      "Makes one HTML file of a run folder: curves, hallucination before and after, pictures with answers "
      "and their claims coloured, pairs, options. It needs no network and runs no script.",
      "report runs/rlhf_v && xdg-open runs/rlhf_v/report.html", argc, argv,
      [&](CLI::App& app) {
        app.add_option("run_folder", folder, "--output of rlhf_v, sft or rlaif_v")->required();
        app.add_option("--output", output, "file to write (default: report.html in the run folder)");
        app.add_option("--images", o.images, "folder that pictures' names start from (default: the run's)");
        app.add_option("--data", o.data, "preference records to show (default: the run's)");
        app.add_option("--pictures", o.pictures, "pictures with answers")
            ->capture_default_str()
            ->check(CLI::Range(0, 1000));
        app.add_option("--pairs", o.pairs, "preference pairs")
            ->capture_default_str()
            ->check(CLI::Range(0, 1000));
      },
      [&] {
        const auto page = candor::report_html(report::read_run(folder, o));
        const auto file = output.empty() ? folder / "report.html" : output;
        candor::write_atomically(file, page);
        std::printf("%s\n", file.c_str());
      });
}
