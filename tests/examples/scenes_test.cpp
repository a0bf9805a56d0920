// SPDX-License-Identifier: Apache-2.0
/// RLHF-V on the embedded world, as a user runs it: what it prints, what it writes, and how much it helps.

#include "rlhf_v/scene_run.hpp"
#include "support/program.hpp"
#include "tools/tool_world.hpp"

#include <candor/io/atomic_file.hpp>

#include <signal.h>

#include <chrono>
#include <cmath>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace candor_test;

namespace {

const std::filesystem::path base = candor_test::examples_folder() / "scenes/base";

/// What follows `name` on a line of its own.
std::filesystem::path named_path(const std::string& printed, const std::string& name) {
  const auto at = printed.find("\n" + name + " ");
  REQUIRE(at != printed.npos);
  const auto begin = printed.find_first_not_of(' ', at + 1 + name.size());
  return printed.substr(begin, printed.find('\n', begin) - begin);
}

std::filesystem::file_time_type time_of_first_image(const std::filesystem::path& run) {
  const auto pairs = read_json_lines(run / "data/pairs.jsonl");
  return std::filesystem::last_write_time(run / "data/images" / pairs.front()["image"].get<std::string>());
}

}  // namespace

TEST_CASE("the base of the embedded world sees well and hallucinates", "[examples][scenes]") {
  const auto e = scenes::evaluate_folder(base).figures;
  CHECK(e.yes_no >= 95);
  CHECK(e.absent_companions >= 97);
  CHECK(e.brief.mention_hallucination() > 15);
}

TEST_CASE("RLHF-V takes most hallucinations out of the embedded world and costs nothing else",
          "[examples][scenes]") {
  const scratch_folder scratch;
  const auto end = run_program("rlhf_v", {"--output", scratch / "run"});
  INFO(end.out << end.err << end.seconds << " seconds of the processor");
  REQUIRE(end.code == 0);

  const auto before = table_row(end.out, "base"), after = table_row(end.out, "RLHF-V, seed 1");
  REQUIRE(before.size() == 5);
  REQUIRE(after.size() == 7);  // pairs and seconds too
  CHECK(after[0] < 0.4 * before[0]);
  CHECK(after[1] < 0.5 * before[1]);
  CHECK(after[2] >= before[2]);
  CHECK(std::abs(after[3] - before[3]) < 0.15 * before[3]);
  CHECK(after[4] > before[4] - 2);
  CHECK(after[5] > 300);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(end.seconds < 120);  // of two cores
#endif

  std::size_t shown = 0;
  for (auto at = end.out.find("\nbefore "); at != end.out.npos; at = end.out.find("\nbefore ", at + 1))
    ++shown;
  CHECK(shown == 3);
  CHECK_THAT(end.err, contains("100 %"));

  CHECK(named_path(end.out, "run folder") == scratch / "run");
  const auto model = named_path(end.out, "aligned checkpoint");
  for (const char* name :
       {"config.json", "model.safetensors", "tokenizer.model", "tokenizer.json", "processor_config.json"})
    CHECK(std::filesystem::exists(model / name));
  const auto lines = read_json_lines(named_path(end.out, "metrics"));
  CHECK(lines.back().at("loss").get<double>() < 0.5 * lines.front().at("loss").get<double>());
  CHECK(lines.back().at("rewards/accuracies").get<double>() > 0.9);
  CHECK_THAT(candor::read_file(named_path(end.out, "pictures")), contains("<svg"));
  CHECK(read_json_lines(scratch / "run/data/pairs.jsonl").size() == static_cast<std::size_t>(after[5]));

  // The table is what the folder does.
  const auto again = scenes::evaluate_folder(model).figures;
  CHECK(again.brief.mention_hallucination() == Approx(after[0]).margin(0.051));
  CHECK(again.yes_no == Approx(after[4]).margin(0.051));
}

TEST_CASE("RLHF-V on the embedded world goes on where SIGTERM stopped it, with the data it began with",
          "[examples][scenes]") {
  const scratch_folder scratch;
  const auto options = [&](const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"--pictures", "80",           "--epochs", "40",
                                 "--output",   scratch / name, "--quiet",  "true"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  REQUIRE(run_program("rlhf_v", options("whole")).code == 0);

  const scratch_folder said;
  const pid_t child = start_program("rlhf_v", options("stopped"), said.path());
  const auto metrics = scratch / "stopped/run/metrics.jsonl";
  for (int i = 0;
       i < 60'000 && !(std::filesystem::exists(metrics) && std::filesystem::file_size(metrics) > 1000); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ::kill(child, SIGTERM);
  const auto stopped = end_program(child, said.path());
  INFO(stopped.err);
  REQUIRE(stopped.code == 75);
  CHECK_THAT(stopped.err, contains("--resume auto"));
  CHECK(!std::filesystem::exists(scratch / "stopped/run/model"));
  const auto drawn = time_of_first_image(scratch / "stopped");

  const auto anew = run_program("rlhf_v", options("stopped"));
  CHECK(anew.code == 2);
  CHECK_THAT(anew.err, contains("--resume auto"));
  const auto other =
      run_program("rlhf_v", {"--pictures", "90", "--output", scratch / "stopped", "--resume", "auto"});
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains("--pictures"));

  const auto resumed = run_program("rlhf_v", options("stopped", {"--resume", "auto"}));
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(time_of_first_image(scratch / "stopped") == drawn);
  for (const char* file : {"run/model/model.safetensors", "run/metrics.jsonl"})
    CHECK(candor::read_file(scratch / "stopped" / file) == candor::read_file(scratch / "whole" / file));
}
