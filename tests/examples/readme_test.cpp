// SPDX-License-Identifier: Apache-2.0
/// The commands of "From nothing to an aligned LLaVA-1.5-7B" in examples/rlhf_v/README.md, run as they stand
/// in a folder where the downloads are replaced by a model of the same layout with small widths, and small
/// data.

#include "support/program.hpp"
#include "support/tiny_llava.hpp"

#include <candor/core/fault.hpp>
#include <candor/data/parquet.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

const std::string heading = "## From nothing to an aligned LLaVA-1.5-7B";

/// The section's code blocks of one language.
std::vector<std::string> blocks_of(const std::string& language) {
  std::istringstream page(candor::read_file(candor_test::examples_folder() / "rlhf_v/README.md"));
  std::vector<std::string> blocks;
  bool there = false, inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) there = line == heading;
    if (!there) continue;
    if (line == "```" + language) {
      inside = true;
      blocks.emplace_back();
    } else if (line.starts_with("```")) {
      inside = false;
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

/// Commands, each with the lines that it is continued on and without comments behind it.
std::vector<std::string> commands() {
  std::vector<std::string> out;
  for (const auto& block : blocks_of("sh")) {
    std::istringstream lines(block);
    std::string command;
    for (std::string line; std::getline(lines, line);) {
      if (const auto comment = line.find(" # "); comment != line.npos) line.erase(comment);
      if (line.starts_with('#')) continue;
      line.erase(line.find_last_not_of(' ') + 1);
      const bool goes_on = line.ends_with('\\');
      if (goes_on) line.pop_back();
      command += line;
      if (goes_on) continue;
      if (!command.empty()) out.push_back(command);
      command.clear();
    }
  }
  return out;
}

program_end bash(const std::filesystem::path& folder, const std::string& command) {
  return run_program("/bin/bash", {"-c", "cd '" + folder.string() + "' && " + command});
}

/// Records in RLHF-V's parquet columns; where candor was built without parquet, JSON lines under the same
/// name.
void write_records(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
#if CANDOR_HAS_PARQUET
  std::filesystem::copy_file(golden("examples/rlhf_v.parquet"), folder / "RLHF-V-Dataset.parquet");
#else
  write_tiny_pictures(folder, 6);
  std::string lines;
  for (int i = 0; i < 60; ++i)
    lines += nlohmann::json{{"image", candor::text(i % 6, ".png")},
                            {"question", "describe the picture ."},
                            {"chosen", candor::text("there is a red circle and ", i, " stars .")},
                            {"rejected", candor::text("there is a blue square and ", i, " stars .")}}
                 .dump() +
             "\n";
  candor::write_atomically(folder / "RLHF-V-Dataset.parquet", lines);
#endif
}

/// What the downloads would give, and the programs where the page has them.
void prepare(const std::filesystem::path& folder) {
  write_tiny_llava(folder / "llava-1.5-7b-hf", {.weights = candor::dtype::f16, .max_shard_bytes = 20'000});
  const auto base = candor_test::examples_folder() / "scenes/base";
  for (const char* name : {"processor_config.json", "tokenizer.json"})
    std::filesystem::copy_file(base / name, folder / "llava-1.5-7b-hf" / name);
  write_records(folder / "rlhf-v");
  std::filesystem::create_directories(folder / "build/release");
  std::filesystem::create_directory_symlink(candor_test::programs_folder(), folder / "build/release/bin");
}

/// Why a command is not run; empty where it is.
std::string left_out(const std::string& command) {
  for (const char* start : {"hf ", "pip ", "cmake ", "sh cmake/"})
    if (command.starts_with(start)) return "it downloads or builds";
  if (command.starts_with("tensorboard "))
    return "it serves until it is stopped; tests/interop.py reads the events";
  return "";
}

bool has(const program_end& end, const std::string& part) { return end.out.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the way from nothing to an aligned model works as it is written", "[examples][readme]") {
  const scratch_folder world;
  prepare(world.path());
  int dry = 0, trained = 0, resumed = 0, exported = 0;
  for (const auto& command : commands()) {
    if (const auto why = left_out(command); !why.empty()) {
      std::printf("not run: %s (%s)\n", command.c_str(), why.c_str());
      continue;
    }
    INFO(command);
    const bool training = command.find("/rlhf_v ") != command.npos,
               dry_run = command.find("--dry-run") != command.npos,
               goes_on = command.find("--resume auto") != command.npos;
#if CANDOR_FAULT_POINTS
    const bool stopped = training && !dry_run && !goes_on;  // as by Ctrl-C, so that the next command resumes
    if (stopped) ::setenv("CANDOR_FAULT", "trainer.before_update:5:int", 1);
#else
    const bool stopped = false;
#endif
    const auto end = bash(world.path(), command);
    ::unsetenv("CANDOR_FAULT");
    INFO(end.out << end.err);
    REQUIRE(end.code == (stopped ? 75 : 0));
    if (dry_run) {
      ++dry;
      CHECK(has(end, "Nothing was trained or written"));
      CHECK(has(end, "GiB available"));
      CHECK(!std::filesystem::exists(world / "runs"));
    } else if (training) {
      ++(goes_on ? resumed : trained);
      CHECK(std::filesystem::exists(world / "runs/aligned/options.toml"));
      CHECK(std::filesystem::exists(world / "runs/aligned/metrics.jsonl"));
      CHECK(std::filesystem::exists(world / "runs/aligned/adapter/adapter_model.safetensors") == !stopped);
    } else if (command.find("/export ") != command.npos) {
      ++exported;
    }
  }
  CHECK(dry == 1);
  CHECK(trained == 1);
  CHECK(resumed == 1);
  CHECK(exported == 1);
  // What came out is a model folder whose weights are others than before.
  const auto aligned = world / "llava-1.5-7b-aligned";
  for (const char* name : {"config.json", "tokenizer.model", "preprocessor_config.json"})
    CHECK(std::filesystem::exists(aligned / name));
  const candor::model_folder before(world / "llava-1.5-7b-hf"), after(aligned);
  std::size_t changed = 0;
  for (const auto& name : after.names()) {
    const auto* was = before.find(name);
    REQUIRE(was != nullptr);
    changed += after.read_as<float>(name) != before.read_as<float>(name);
  }
  CHECK(changed > 0);

  SECTION("and transformers runs it") {
    const char* given = std::getenv("CANDOR_PYTHON");
#ifdef CANDOR_PYTHON
    if (given == nullptr) given = CANDOR_PYTHON;
#endif
    if (given == nullptr ||
        run_program(given, {"-c", "import torch, transformers, PIL, sentencepiece"}).code != 0)
      CANDOR_SKIP("no Python with torch and transformers is found; set CANDOR_PYTHON");
    const auto snippets = blocks_of("python");
    REQUIRE(snippets.size() == 1);
    candor::write_png(world / "photo.jpg", tiny_picture(1));
    candor::write_atomically(world / "snippet.py", snippets[0]);
    const auto end = bash(world.path(), std::string(given) + " snippet.py");
    INFO(end.out << end.err);
    CHECK(end.code == 0);
    CHECK(!end.out.empty());
    std::printf("the model says: %s", end.out.c_str());
  }
}
