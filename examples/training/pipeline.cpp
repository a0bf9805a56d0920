// SPDX-License-Identifier: Apache-2.0
#include "training/pipeline.hpp"

namespace training {
namespace {

/// A new folder for a run that was given none: runs/NAME, runs/NAME-2, ...
std::filesystem::path fresh_folder(const std::string& name) {
  std::filesystem::path folder = "runs/" + name;
  for (int i = 2; std::filesystem::exists(folder); ++i) folder = candor::text("runs/", name, "-", i);
  return folder;
}

void run(const pipeline& p, options& o) {
  using candor::require;
  using candor::usage_error;
  const bool files = !o.model.empty() || !o.data.empty();
  require<usage_error>(files || !o.dry_run, "--dry-run needs --model and --data");
  require<usage_error>(!files || (!o.model.empty() && !o.data.empty()),
                       "--model and --data belong together; without both the embedded world is used");
  require<usage_error>(!p.resumes_by_stages || o.fit.resume.empty() || o.fit.resume == "auto",
                       "--resume takes auto here: each stage finds what it has done");
  if (o.output.empty() && !files && o.fit.resume.empty()) o.output = fresh_folder(p.name);
  resolve(o);
  files ? p.on_files() : p.on_world();
}

}  // namespace

void add_preset(CLI::App& group, pipeline_options& o) {
  group
      .add_option(
          "--preset", o.preset,
          "fills in what is not given (README.md has its numbers); auto: paper with --model, else scenes")
      ->type_name("{auto,paper,released,scenes}");
}

CLI::App& world_group(CLI::App& app, pipeline_options& o) {
  CLI::App& world = *group(app, "Embedded world, without --model and --data");
  world.add_option("--seeds", o.seeds, "one run each, in one table (default: --seed, or 1)");
  return world;
}

options options_of_seed(const pipeline_options& o, std::uint64_t seed) {
  options out = o.training;
  out.fit.seed = seed;
  if (o.seeds.size() > 1) out.output /= candor::text("seed-", seed);
  return out;
}

int run_pipeline(const pipeline& p, pipeline_options& o, int argc, char** argv) {
  return run_program(
      p.name, p.description, argc, argv,
      [&](CLI::App& app) {
        app.footer(std::string(p.lessons) + app.get_footer());
        add_options(app, o.training);
        p.add(app);
      },
      [&](CLI::App& app) {
        if (app.count("--seed") > 0 && app.count("--seeds") == 0) o.seeds = {o.training.fit.seed};
        p.apply_preset(o.preset != "auto" ? o.preset : o.training.model.empty() ? "scenes" : "paper");
      },
      [&] { run(p, o.training); });
}

}  // namespace training
