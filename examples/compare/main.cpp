// SPDX-License-Identifier: Apache-2.0
/// @file
/// Recipes beside each other: each begins with the embedded world's base, and one table says what came out.
///   compare --recipes rlhf_v rlaif_v --seeds 1 2 3

#include <candor/core/fingerprint.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/train/run_folder.hpp>
#include <candor/train/table.hpp>

#include "compare/table.hpp"
#include "program/completion.hpp"
#include "report/run_report.hpp"
#include "scenes/claims.hpp"
#include "scenes/metrics.hpp"
#include "scenes/report_files.hpp"
#include "scenes/sheet.hpp"
#include "scenes/world.hpp"
#include "training/made_with.hpp"
#include "training/program.hpp"

#include <chrono>
#include <cstdio>

namespace {

using candor::detail::json;

struct program_options {
  std::vector<std::string> recipes{"all"};
  std::vector<std::uint64_t> seeds{1};
  std::filesystem::path output = "runs/compare";
  int held_out = 500;
  double fraction = 1;
  int threads = 0;
  bool quiet = false, list = false;
};

constexpr const char* lessons = R"(Try first:
  compare --list
  compare --recipes rlhf_v rlaif_v --seeds 1 2 3        in some two minutes
  compare --recipes all --fraction 0.2 --output runs/quick      a fifth of each recipe's pictures

The run folder keeps what is done: the same command goes on after Ctrl-C or a kill, and a recipe or a seed more
only runs what is not there yet. To run a recipe again, remove its folder.

)";

void add_options(CLI::App& app, program_options& o) {
  app.footer(lessons + app.get_footer());
  app.option_defaults()->always_capture_default();
  program::add_completion(app);
  std::string names;
  for (const auto& r : compare::recipes()) names += std::string(r.name) + ",";
  app.add_option("--recipes", o.recipes, "lines of the table, in this order")
      ->type_name("{" + names + "all}");
  app.add_option("--seeds", o.seeds, "of pictures, samples and training: each recipe runs with each");
  app.add_option("--output", o.output, "run folder")->type_name("FOLDER");
  app.add_option("--held-out", o.held_out, "pictures that models are evaluated on")
      ->check(CLI::PositiveNumber);
  app.add_option("--fraction", o.fraction, "of each recipe's pictures")->check(CLI::Range(0.001, 10.0));
  app.add_option("--threads", o.threads, "of the CPU; 0: one for each core")->check(CLI::NonNegativeNumber);
  app.add_option("--quiet", o.quiet, "no progress: true or false");
  app.add_flag("--list", o.list, "name the recipes and what each does");
}

/// What a folder's results are comparable by: usage_error where it holds those of other settings.
void claim(const program_options& o, const std::filesystem::path& base) {
  candor::run_config now;
  now.add("held-out", o.held_out);
  now.add("fraction", o.fraction);
  now.add("base", candor::hash_file(base / "model.safetensors"));
  training::claim(o.output / "made_with.json", now, o.output.string(), "choose another --output");
}

compare::row row_of_base(const program_options& o, const std::filesystem::path& base) {
  const auto file = o.output / "base.json";
  if (std::filesystem::exists(file)) return compare::read_row(file);
  const compare::row out{.after = compare::evaluate(base, o.held_out, o.threads), .model = base};
  compare::write_row(file, out);
  return out;
}

/// Runs a recipe with a seed, or reads what it has left.
compare::row row_of(const compare::recipe& recipe, std::uint64_t seed, const program_options& o,
                    const std::filesystem::path& base) {
  const auto folder = o.output / recipe.name / candor::text("seed-", seed), file = folder / "result.json";
  if (std::filesystem::exists(file)) return compare::read_row(file);
  const bool resumed = std::filesystem::exists(folder);
  std::filesystem::create_directories(folder);
  std::printf("%s, seed %llu%s\n", std::string(recipe.title).c_str(), static_cast<unsigned long long>(seed),
              resumed ? ": goes on" : "");
  std::fflush(stdout);
  const auto begin = std::chrono::steady_clock::now();
  const auto made = recipe.run({.base = base,
                                .folder = folder,
                                .seed = seed,
                                .fraction = o.fraction,
                                .held_out = o.held_out,
                                .threads = o.threads,
                                .quiet = o.quiet});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  compare::row out{.after = compare::evaluate(made.model, o.held_out, o.threads, made.captions),
                   .model = made.model,
                   .records = made.records};
  if (!resumed) out.seconds = took.count();
  compare::write_row(file, out);
  return out;
}

/// Held-out pictures about which the base says something that is not so, and what the lines' first seeds say.
std::vector<scenes::told_scene> pick(const std::vector<compare::line>& lines) {
  const auto captions = [](const compare::line& l) -> auto& { return l.rows.front().second.after.captions; };
  const auto& before = captions(lines.front());
  const auto test = scenes::make_test_set(static_cast<int>(before.size()));
  std::vector<scenes::told_scene> shown;
  for (std::size_t i = 0; i < test.scenes.size() && shown.size() < 4; ++i) {
    if (!scenes::annotate(test.scenes[i], before[i])) continue;
    auto& scene = shown.emplace_back(test.scenes[i]);
    for (const auto& l : lines) scene.captions.emplace_back(l.title, captions(l)[i]);
  }
  return shown;
}

/// The base's captions over a recipe's.
std::string sheet_of(const std::vector<scenes::told_scene>& shown, std::size_t line) {
  std::vector<scenes::captioned_scene> two;
  for (const auto& s : shown) two.push_back({s.what, s.captions.front().second, s.captions[line].second});
  return scenes::svg_sheet(two, {.before = "base", .after = shown.front().captions[line].first});
}

/// Tables, pictures and the report.
void write_results(const program_options& o, const std::vector<compare::line>& lines) {
  candor::write_atomically(o.output / "table.md", compare::markdown_table(lines));
  candor::write_atomically(o.output / "table.csv", compare::csv_table(lines));
  std::vector<std::pair<std::string, scenes::evaluation>> figures;
  for (const auto& l : lines)
    for (const auto& [seed, row] : l.rows)
      figures.emplace_back(l.rows.size() == 1 ? l.title : candor::text(l.title, ", seed ", seed),
                           row.after.figures);
  const auto shown = pick(lines);
  for (std::size_t l = 1; l < lines.size() && !shown.empty(); ++l)
    candor::write_atomically(o.output / lines[l].name / "captions.svg", sheet_of(shown, l));
  scenes::write_report_files(o.output, figures, shown, true);
  report::write_report(o.output);
}

void run(const program_options& o) {
  if (o.list) {
    candor::table names({"recipe", "", "what it does"});
    for (const auto& r : compare::recipes())
      names.add({std::string(r.name), std::string(r.title), std::string(r.description)});
    std::printf("%s", names.str().c_str());
    return;
  }
  std::vector<const compare::recipe*> chosen;
  for (const auto& name : o.recipes)
    if (name == "all")
      for (const auto& r : compare::recipes()) chosen.push_back(&r);
    else
      chosen.push_back(&compare::recipe_named(name));

  const auto base = scenes::base_folder();
  const candor::run_folder folder(o.output, true);
  claim(o, base);
  std::vector<compare::line> lines{{"base", "base", {{0, row_of_base(o, base)}}}};
  for (const auto* recipe : chosen) {
    auto& line = lines.emplace_back(std::string(recipe->name), std::string(recipe->title));
    for (const auto seed : o.seeds) line.rows.emplace_back(seed, row_of(*recipe, seed, o, base));
  }
  write_results(o, lines);
  std::printf("\n%s\nrun folder  %s\ntables      %s, table.csv\nreport      %s\n",
              compare::plain_table(lines).c_str(), o.output.c_str(), (o.output / "table.md").c_str(),
              (o.output / "report.html").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  program_options o;
  return training::run_program(
      "compare", "Preference learning recipes on the embedded world, in one table.", argc, argv,
      [&](CLI::App& app) { add_options(app, o); }, [](CLI::App&) {}, [&] { run(o); });
}
