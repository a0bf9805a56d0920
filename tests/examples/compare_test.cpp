// SPDX-License-Identifier: Apache-2.0
/// The table of recipes, as a user makes it: small, and in several goes.

#include "support/program.hpp"

#include <candor/io/atomic_file.hpp>

#include <nlohmann/json.hpp>

#include <signal.h>

#include <chrono>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace candor_test;
using arguments = std::vector<std::string>;

namespace {

/// A tenth of the pictures, or another part.
arguments small(const std::filesystem::path& output, arguments more, const std::string& fraction = "0.1") {
  arguments all{"--output", output, "--fraction", fraction, "--held-out", "40", "--quiet", "true"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Rows of table.csv by "recipe,seed", each by the names of the columns.
std::map<std::string, std::map<std::string, std::string>> csv_rows(const std::filesystem::path& run) {
  const auto cells = [](const std::string& line) {
    std::vector<std::string> out{""};
    for (const char c : line)
      if (c == ',')
        out.emplace_back();
      else
        out.back() += c;
    return out;
  };
  std::istringstream lines(candor::read_file(run / "table.csv"));
  std::string line;
  std::getline(lines, line);
  const auto names = cells(line);
  std::map<std::string, std::map<std::string, std::string>> rows;
  while (std::getline(lines, line)) {
    const auto row = cells(line);
    REQUIRE(row.size() == names.size());
    for (std::size_t i = 2; i < row.size(); ++i) rows[row[0] + "," + row[1]][names[i]] = row[i];
  }
  return rows;
}

}  // namespace

TEST_CASE("compare names its recipes, and refuses others", "[examples][compare]") {
  const scratch_folder scratch;
  const auto list = run_program("compare", {"--list"});
  REQUIRE(list.code == 0);
  for (const char* name : {"rlhf_v", "mdpo", "povid_text", "rlaif_v", "csr", "silkie", "illume"})
    CHECK_THAT(list.out, contains(name));
  const auto other = run_program("compare", {"--recipes", "magic", "--output", scratch / "run"});
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains("--recipes magic is unknown: use rlhf_v, "));
}

TEST_CASE("compare keeps what is done, and adds what is not", "[examples][compare]") {
  const scratch_folder scratch;
  const auto run = scratch / "run";
  const auto first = run_program("compare", small(run, {"--recipes", "rlhf_v", "--seeds", "1"}));
  INFO(first.out << first.err);
  REQUIRE(first.code == 0);
  CHECK_THAT(first.out, contains("RLHF-V, seed 1"));
  const auto one = csv_rows(run);
  REQUIRE(one.size() == 2);
  CHECK(one.at("base,").at("seconds").empty());
  CHECK(!one.at("rlhf_v,1").at("seconds").empty());
  CHECK(std::stod(one.at("rlhf_v,1").at("records")) > 5);
  CHECK(std::stod(one.at("rlhf_v,1").at("mention_hallucination")) <
        std::stod(one.at("base,").at("mention_hallucination")));
  CHECK(std::stod(one.at("base,").at("imageless")) > 50);

  const auto second =
      run_program("compare", small(run, {"--recipes", "rlhf_v", "rlaif_v", "--seeds", "1", "2"}));
  INFO(second.out << second.err);
  REQUIRE(second.code == 0);
  CHECK(second.out.find("RLHF-V, seed 1") == std::string::npos);
  for (const char* made : {"RLHF-V, seed 2", "RLAIF-V, seed 1", "RLAIF-V, seed 2", " to "})
    CHECK_THAT(second.out, contains(made));
  const auto all = csv_rows(run);
  CHECK(all.size() == 5);
  CHECK(all.at("rlhf_v,1") == one.at("rlhf_v,1"));
  CHECK(all.at("rlhf_v,2") != one.at("rlhf_v,1"));
  CHECK_THAT(candor::read_file(run / "table.md"), contains("| RLAIF-V | "));
  for (const char* file : {"report.html", "rlaif_v/captions.svg", "rlhf_v/seed-2/run/model/config.json"})
    CHECK(std::filesystem::exists(run / file));

  const auto other = run_program("compare", {"--output", run, "--fraction", "0.1", "--held-out", "50",
                                             "--recipes", "rlhf_v", "--quiet", "true"});
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains("(held-out: 50, was 40)"));
}

TEST_CASE("a recipe that was killed goes on, and says no time", "[examples][compare]") {
  const scratch_folder scratch;
  const auto asked = small(scratch / "killed", {"--recipes", "rlaif_v"});
  const auto child = start_program("compare", asked, scratch.path());
  const auto verdicts = scratch / "killed/rlaif_v/seed-1/round-1/claims.jsonl";
  while (!std::filesystem::exists(verdicts)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ::kill(child, SIGKILL);
  end_program(child, scratch.path());
  const auto again = run_program("compare", asked);
  INFO(again.out << again.err);
  REQUIRE(again.code == 0);
  CHECK_THAT(again.out, contains("RLAIF-V, seed 1: goes on"));
  REQUIRE(run_program("compare", small(scratch / "whole", {"--recipes", "rlaif_v"})).code == 0);
  auto killed = csv_rows(scratch / "killed"), whole = csv_rows(scratch / "whole");
  CHECK(killed["rlaif_v,1"]["seconds"].empty());
  killed["rlaif_v,1"].erase("seconds");
  whole["rlaif_v,1"].erase("seconds");
  CHECK(killed == whole);
}

TEST_CASE("every recipe leaves a model and its row", "[examples][compare]") {
  const scratch_folder scratch;
  const auto end = run_program("compare", small(scratch / "run", {"--recipes", "all"}, "0.05"));
  INFO(end.out << end.err);
  REQUIRE(end.code == 0);
  const auto rows = csv_rows(scratch / "run");
  for (const char* name : {"mdpo,1", "v_dpo,1", "chip,1"})  // on the same pairs
    CHECK(rows.at(name).at("records") == rows.at("rlhf_v,1").at("records"));
  CHECK(std::stod(rows.at("mdpo,1").at("image_nats")) > std::stod(rows.at("rlhf_v,1").at("image_nats")));
  for (const auto& [name, row] : rows) {
    INFO(name);
    if (name == "base,") continue;
    CHECK(std::stod(row.at("records")) > 0);
    CHECK(std::stod(row.at("recall")) > 40);
    CHECK(std::stod(row.at("seconds")) > 0);
  }
}
