// SPDX-License-Identifier: Apache-2.0
/// The commands of "From nothing to an aligned LLaVA-1.5-7B" in examples/rlhf_v/README.md, run as they stand
/// in a folder where the downloads are replaced by a model of the same layout with small widths, and small
/// data.

#include "examples/photo_world.hpp"
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
  for (const char* start : {"sudo ", "python3 -m venv ", "hf ", "pip ", "cmake ", "sh cmake/"})
    if (command.starts_with(start)) return "it downloads or builds";
  if (command.starts_with("tensorboard "))
    return "it serves until it is stopped; tests/interop.py reads the events";
  return "";
}

/// The numbers behind the name of a row of the section's table.
std::vector<double> row_of(const std::string& name) {
  std::istringstream page(candor::read_file(candor_test::examples_folder() / "rlhf_v/README.md"));
  std::vector<double> numbers;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| " + name + " |")) continue;
    std::istringstream cells(line.substr(name.size() + 4));
    for (std::string cell; std::getline(cells, cell, '|');) numbers.push_back(std::stod(cell));
  }
  return numbers;
}

/// The last number of the line of a dry run that begins so; 0 where there is none.
double planned(const std::string& report, const std::string& name) {
  std::istringstream lines(report);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name)) return std::stod(line.substr(line.find_last_of(' ')));
  return 0;
}

/// llava-hf/llava-1.5-7b-hf's config.json: sizes without weights.
const std::string config_of_7b = R"({
  "architectures": ["LlavaForConditionalGeneration"], "image_token_index": 32000, "model_type": "llava",
  "pad_token_id": 32001, "projector_hidden_act": "gelu", "tie_word_embeddings": false,
  "text_config": {"max_position_embeddings": 4096, "model_type": "llama", "rms_norm_eps": 1e-05, "vocab_size": 32064},
  "vision_config": {"hidden_size": 1024, "image_size": 336, "intermediate_size": 4096,
    "model_type": "clip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14,
    "projection_dim": 768, "vocab_size": 32000},
  "vision_feature_layer": -2, "vision_feature_select_strategy": "default", "vocab_size": 32064})";

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

TEST_CASE("the page's figures of LLaVA-1.5-7B are those of its dry run", "[examples][readme]") {
  if (!photo_data().present()) CANDOR_SKIP("the photographs or LLaMA's tokenizer are absent");
  const photo_world photos;
  const auto& world = photos.scratch;
  std::filesystem::rename(photos.model, world / "llava-1.5-7b-hf");
  std::filesystem::remove(world / "llava-1.5-7b-hf/model.safetensors");
  candor::write_atomically(world / "llava-1.5-7b-hf/config.json", config_of_7b);
  std::filesystem::create_directories(world / "rlhf-v");
  std::filesystem::create_symlink(photos.data.pairs, world / "rlhf-v/RLHF-V-Dataset.parquet");
  std::filesystem::create_directories(world / "build/release");
  std::filesystem::create_directory_symlink(candor_test::programs_folder(), world / "build/release/bin");
  std::string as_above;
  for (const auto& command : commands())
    if (command.ends_with(" --dry-run")) as_above = command + " --images " + photos.data.images.string();
  const auto with = [&](const std::string& part, const std::string& by) {
    std::string command = as_above;
    REQUIRE(command.find(part) != command.npos);
    return command.replace(command.find(part), part.size(), by);
  };
  const std::vector<std::string> columns{as_above, with("--max-tokens 2048", "--max-tokens 8192"),
                                         with(" --dry-run", " --recompute true --dry-run"),
                                         with("--lora-r 64 --lora-alpha 128 ", "")};
  constexpr double downloads = 13.13 + 0.82, merged = 13.16,
                   shown = 0.06;  // GiB; half of the last digit, and a bit
  const auto told = [](const std::string& name, std::size_t column) {
    const auto row = row_of(name);
    REQUIRE(row.size() == 4);
    return row[column];
  };
  for (std::size_t c = 0; c < columns.size(); ++c) {
    INFO(columns[c]);
    const auto end = bash(world.path(), columns[c]);
    INFO(end.out << end.err);
    REQUIRE(end.code == 0);
    const double peak = planned(end.out, "peak ");
    const double host = planned(end.out, "the largest tensor while a checkpoint is written ") +
                        planned(end.out, "pictures decoded ahead ") +
                        planned(end.out, "program and libraries ");
    const double checkpoint = planned(end.out, "1 checkpoint kept, and one being written ") / 2;
    const double adapter = planned(end.out, "adapter "), model = planned(end.out, "model ");
    CHECK(told("memory at its peak, GiB", c) == Approx(peak).margin(shown));
    CHECK(told("of that on the device, with `--device cuda`, GiB", c) == Approx(peak - host).margin(shown));
    CHECK(told("left to the host then, GiB", c) == Approx(host).margin(shown));
    CHECK(told("a checkpoint, GiB", c) == Approx(checkpoint).margin(shown));
    CHECK(told("what comes out, GiB", c) == Approx(adapter + model).margin(shown));
    CHECK(told("disk in all, GiB", c) ==
          Approx(downloads + 3 * checkpoint + adapter + model + (model > 0 ? 0 : merged)).margin(shown));
    const auto at = end.out.find("\n  work ");
    REQUIRE(at != end.out.npos);
    CHECK(told("products of a step of 8 pairs, TFLOP", c) ==
          Approx(std::stod(end.out.substr(at + 8))).margin(0.51));
  }
}
