// SPDX-License-Identifier: Apache-2.0
/// The command line of the trainer: its help, completion in shells, options from a file, and names from TRL.

#include "examples/trainer_world.hpp"
#include "tools/tool_world.hpp"

#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

/// The replies of bash's completion for a line whose last word is being typed.
std::vector<std::string> completed(const std::filesystem::path& script, const std::string& words,
                                   const std::string& program = "rlhf_v") {
  const auto end = run_program(
      "/bin/bash", {"-c", "source '" + script.string() + "'; COMP_WORDS=(" + words +
                              "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); $(complete -p " + program +
                              " | sed 's/.*-F \\([^ ]*\\) .*/\\1/'); printf '%s\\n' \"${COMPREPLY[@]}\""});
  INFO(end.err);
  REQUIRE(end.code == 0);
  std::vector<std::string> out;
  std::istringstream lines(end.out);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) out.push_back(line);
  return out;
}

std::map<std::string, std::string> metrics_of(const trainer_world& w) {
  return {{"metrics", candor::read_file(w.output / "metrics.jsonl")},
          {"weights", candor::read_file(w.output / "model/model.safetensors")}};
}

}  // namespace

TEST_CASE("the help teaches: what to try first, groups, units, defaults, exit codes", "[examples][help]") {
  const auto end = run_program("rlhf_v", {"--help"});
  REQUIRE(end.code == 0);
  for (const char* part :
       {"Try first:", "--dry-run", "tensorboard --logdir", "--resume auto", "Files:", "Training:", "LoRA",
        "Watching", "Dense DPO:", "Embedded world", "nats", "GiB", "{f32,bf16}", "Exit codes"})
    CHECK_THAT(end.out, contains(part));
}

TEST_CASE("bash completes options, their words and files", "[examples][completion]") {
  const scratch_folder folder;
  const auto script = folder / "rlhf_v.bash";
  const auto end = run_program("rlhf_v", {"--completion", "bash"});
  REQUIRE(end.code == 0);
  candor::write_atomically(script, end.out);
  CHECK(completed(script, "rlhf_v --learning-r") == std::vector<std::string>{"--learning-rate"});
  CHECK(completed(script, "rlhf_v --epochs 3 --lora_r") == std::vector<std::string>{"--lora_r"});
  CHECK(completed(script, "rlhf_v --dtype b") == std::vector<std::string>{"bf16"});
  CHECK(completed(script, "rlhf_v --preset ''").size() == 4);
  CHECK(completed(script, "rlhf_v --recompute ''") == std::vector<std::string>{"true", "false"});
  CHECK(completed(script, "rlhf_v --seed ''").empty());
  CHECK(completed(script, "rlhf_v --dry-run --qui") == std::vector<std::string>{"--quiet"});
  const std::string start = folder.path().string() + "/";
  candor::write_atomically(folder / "pairs.jsonl", "");
  std::filesystem::create_directories(folder / "model");
  CHECK(completed(script, "rlhf_v --data " + start + "p") == std::vector<std::string>{start + "pairs.jsonl"});
  CHECK(completed(script, "rlhf_v --model " + start) == std::vector<std::string>{start + "model"});
}

TEST_CASE("an installed program's completion is for the name that it has", "[examples][completion]") {
  const scratch_folder folder;
  for (const std::string name : {"rlhf_v", "export"}) {
    const auto installed = folder / ("candor-" + name), script = folder / (name + ".bash");
    std::filesystem::create_symlink(programs_folder() / name, installed);
    const auto end = run_program(installed, {"--completion", "bash"});
    REQUIRE(end.code == 0);
    candor::write_atomically(script, end.out);
    const auto parsed = run_program("/bin/bash", {"--posix", "-n", script});
    INFO(parsed.err);
    CHECK(parsed.code == 0);
    CHECK(completed(script, "candor-" + name + " --qui", "candor-" + name) ==
          std::vector<std::string>{"--quiet"});
    CHECK_THAT(run_program(installed, {"--completion", "fish"}).out, contains("complete -c candor-" + name));
    CHECK_THAT(run_program(installed, {"--completion", "zsh"}).out, contains("#compdef candor-" + name));
    CHECK_THAT(run_program(installed, {"--help"}).out, contains("candor-" + name));
  }
  std::filesystem::create_symlink(programs_folder() / "export", folder / "a $(b)");
  CHECK_THAT(run_program(folder / "a $(b)", {"--completion", "bash"}).out,
             contains("complete -F _export_complete export"));
}

TEST_CASE("zsh and fish have scripts with every option", "[examples][completion]") {
  for (const auto& [shell, option] : {std::pair{"zsh", "--learning-rate[peak rate of AdamW]:value:"},
                                      std::pair{"fish", "complete -c rlhf_v -l dtype -x -a 'f32 bf16'"}}) {
    const auto end = run_program("rlhf_v", {"--completion", shell});
    CHECK(end.code == 0);
    CHECK_THAT(end.out, contains(option));
    if (std::filesystem::exists(std::string("/usr/bin/") + shell)) {
      const scratch_folder folder;
      candor::write_atomically(folder / "script", end.out);
      CHECK(run_program(std::string("/usr/bin/") + shell, {"-n", folder / "script"}).code == 0);
    }
  }
  CHECK_THAT(run_program("export", {"--completion", "bash"}).out,
             contains("complete -F _export_complete export"));
  const auto end = run_program("rlhf_v", {"--completion", "csh"});
  CHECK(end.code == 2);
  CHECK_THAT(end.err, contains("bash, zsh or fish"));
}

TEST_CASE("a run folder's options.toml gives the same run again, and the command line goes before it",
          "[examples][config]") {
  const trainer_world w;
  w.accepted({"--learning-rate", "1e-3", "--gamma", "3", "--lr-scheduler", "linear", "--lora-target-modules",
              "q_proj", "v_proj", "--warmup-steps", "1", "--preset", "released"});
  const auto first = metrics_of(w);
  const auto file = w.scratch / "mine.toml";
  std::filesystem::rename(w.output / "options.toml", file);
  const std::string written = candor::read_file(file);
  for (const char* part : {"learning-rate=1e-3", "batch-size=2", "warmup-ratio=0.03", "beta=0.1"})
    CHECK_THAT(written, contains(part));
  CHECK(written.find("\nresume=") == written.npos);
  const auto from_file = [&](const std::vector<std::string>& more) {
    std::filesystem::remove_all(w.output);
    std::vector<std::string> all{"--config", file};
    all.insert(all.end(), more.begin(), more.end());
    return run_program("rlhf_v", all);
  };
  const auto same = from_file({});
  INFO(same.err);
  REQUIRE(same.code == 0);
  CHECK((metrics_of(w) == first));
  CHECK_THAT(candor::read_file(w.output / "options.toml"), contains("lora-target-modules=[\"q_proj\""));
  REQUIRE(from_file({"--learning_rate", "2e-3"}).code == 0);
  CHECK((metrics_of(w) != first));

  candor::write_atomically(file, written + "beta_test=3\n");
  const auto unknown = from_file({});
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, contains("beta_test"));
  CHECK(run_program("rlhf_v", {"--config", w.scratch / "absent.toml"}).code == 2);
}

TEST_CASE("TRL's names mean the same, or are refused with the way to it", "[examples][trl]") {
  const trainer_world w;
  w.accepted({"--batch-size", "2", "--learning-rate", "1e-3", "--epochs", "4", "--warmup-ratio", "0.5"});
  const auto own = metrics_of(w);
  std::filesystem::remove_all(w.output);
  const auto end = run_program("rlhf_v", {"--model_name_or_path",
                                          w.model,
                                          "--dataset_name",
                                          w.pairs,
                                          "--images",
                                          w.images,
                                          "--output_dir",
                                          w.output,
                                          "--per_device_train_batch_size",
                                          "1",
                                          "--gradient_accumulation_steps",
                                          "2",
                                          "--learning_rate",
                                          "1e-3",
                                          "--num_train_epochs",
                                          "4",
                                          "--warmup_steps",
                                          "3",
                                          "--warmup_ratio",
                                          "0",
                                          "--lr_scheduler_type",
                                          "cosine",
                                          "--report_to",
                                          "none",
                                          "--quiet",
                                          "true"});
  INFO(end.err);
  REQUIRE(end.code == 0);
  CHECK((metrics_of(w) == own));
  for (const auto& [option, advice] :
       {std::pair{"--precompute_ref_log_probs", "--reference cache"}, std::pair{"--fp16", "--dtype bf16"},
        std::pair{"--eval-strategy=steps", "--eval-steps N"}, std::pair{"--optim", "AdamW"}}) {
    const auto refused = run_program("rlhf_v", {option, "true"});
    CHECK(refused.code == 2);
    CHECK_THAT(refused.err, contains(advice));
  }
}
