// SPDX-License-Identifier: Apache-2.0
/// RLAIF-V on the embedded world, as a user runs it.

#include "examples/photo_world.hpp"
#include "examples/rlaif_v_world.hpp"

#include <candor/core/random.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/io/atomic_file.hpp>

#include <signal.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <thread>

using namespace candor_test;

TEST_CASE("RLAIF-V mends the embedded world's base by its own verdicts", "[examples][rlaif_v]") {
  const scratch_folder scratch;
  const arguments seeds = is_long() ? arguments{"1", "2", "3"} : arguments{"1"};
  const auto end = run_program("rlaif_v", joined({"--output", scratch / "run", "--seeds"}, seeds));
  INFO(end.out << end.err << end.seconds << " seconds");
  REQUIRE(end.code == 0);

  const auto before = table_row(end.out, "base");
  REQUIRE(before.size() == 5);
  double fall = 0, labels = 0;
  for (const auto& seed : seeds) {
    const auto first = table_row(end.out, "seed " + seed + ", round 1"),
               last = table_row(end.out, "seed " + seed + ", round 2");
    REQUIRE(first.size() == 8);
    REQUIRE(last.size() == 8);
    CHECK(last[0] < 0.32 * before[0]);
    CHECK(last[1] < 0.4 * before[1]);
    CHECK(last[2] > before[2]);
    CHECK(std::abs(last[3] - before[3]) < 0.15 * before[3]);
    CHECK(last[4] > before[4] - 2);
    CHECK(last[6] > 200);
    fall += 1 - last[0] / before[0];
    labels += (first[5] + last[5]) / 2;
  }
  CHECK(fall / static_cast<double>(seeds.size()) >= 0.76);
  CHECK(labels / static_cast<double>(seeds.size()) >= 88);
  // The implicit reward finds the true ones among the base's samples.
  const auto sample = table_row(end.out, "  base sample at T 1"),
             best = table_row(end.out, "  base best of 8");
  REQUIRE(sample.size() == 4);
  REQUIRE(best.size() == 4);
  CHECK(best[0] < 0.65 * sample[0]);
  CHECK(best[2] > sample[2]);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(end.seconds <
        180 * static_cast<double>(seeds.size()));  // of the processor: under two minutes on two cores
#endif
  const auto run = is_long() ? scratch / "run/seed-1" : scratch / "run";
  const candor::preference_data pairs(run / "round-2/pairs.jsonl", {.images = run / "data/images"});
  CHECK(pairs.size() == static_cast<std::int64_t>(table_row(end.out, "seed 1, round 2")[6]));
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.model"})
    CHECK(std::filesystem::exists(run / "round-2/run/model" / name));
  CHECK_THAT(candor::read_file(scratch / "run/captions.svg"), contains("<svg"));
}

TEST_CASE("RLAIF-V's stages write what they found out, and can be run alone", "[examples][rlaif_v]") {
  const scratch_folder scratch;
  const auto all = small_world(scratch / "whole"),
             parts = joined(small_world(scratch / "parts"), {"--resume", "auto"});
  const auto whole = run_program("rlaif_v", all);
  INFO(whole.err);
  REQUIRE(whole.code == 0);

  const auto rows = read_json_lines(scratch / "whole/round-1/verdicts.jsonl");
  REQUIRE(rows.size() == 240);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i]["question_id"] == i);
    CHECK(rows[i]["ds_question_id"] == std::to_string(i / 6));
    if (!rows[i].contains("facts")) continue;
    REQUIRE(rows[i]["facts"].size() == rows[i]["changed_facts"].size());
    REQUIRE(rows[i]["facts"].size() == rows[i]["scores"].size());
  }
  for (const auto& pair : read_json_lines(scratch / "whole/round-1/pairs.jsonl"))
    CHECK(pair["org_infos"]["scores"]["chosen"]["score"].get<double>() >
          pair["org_infos"]["scores"]["rejected"]["score"].get<double>());

  const auto early = run_program("rlaif_v", joined(parts, {"--stages", "judge"}));
  CHECK(early.code == 2);
  CHECK_THAT(early.err, contains("run the stage ask first"));
  for (const char* stage : {"generate", "split", "ask", "judge", "pair", "train"}) {
    const auto end = run_program("rlaif_v", joined(parts, {"--stages", stage}));
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK_THAT(end.out, contains("the stages that were asked for are done"));
  }
  REQUIRE(run_program("rlaif_v", parts).code == 0);
  for (const auto& name : made_files())
    CHECK(candor::read_file(scratch / "parts" / name) == candor::read_file(scratch / "whole" / name));

  const auto other = run_program("rlaif_v", joined(parts, {"--min-gap", "2"}));
  CHECK(other.code == 0);  // nothing is left to be made with it
  std::filesystem::remove(scratch / "parts/round-2/pairs.jsonl");
  const auto refused = run_program("rlaif_v", joined(parts, {"--min-gap", "2"}));
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("min-gap"));
  std::filesystem::remove(scratch / "parts/round-1/pairs.jsonl");
  candor::write_atomically(scratch / "parts/round-1/verdicts.jsonl",
                           candor::read_file(scratch / "parts/round-2/verdicts.jsonl"));
  const auto changed = run_program("rlaif_v", parts);
  CHECK(changed.code == 2);
  CHECK_THAT(changed.err, contains("content of verdicts.jsonl: "));
  CHECK(run_program("rlaif_v", small_world(scratch / "whole")).code == 2);  // without --resume
}

TEST_CASE("RLAIF-V judges each answer by its own picture, also where lines are missing",
          "[examples][rlaif_v]") {
  const scratch_folder scratch;
  const auto stages = [&](const char* folder, arguments names, const char* samples = "6") {
    names.insert(names.begin(), "--stages");
    return run_program("rlaif_v", joined(joined(small_world(scratch / folder),
                                                {"--rounds", "1", "--resume", "auto", "--samples", samples}),
                                         names));
  };
  REQUIRE(stages("whole", {"generate"}).code == 0);
  std::filesystem::copy(scratch / "whole", scratch / "edited", std::filesystem::copy_options::recursive);
  REQUIRE(stages("whole", {"split", "ask"}).code == 0);
  const auto other = stages("whole", {"judge"}, "10");
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains("was made with other data or options (samples: 10, was 6)"));
  REQUIRE(stages("whole", {"judge"}).code == 0);

  const auto candidates = scratch / "edited/round-1/candidates.jsonl";
  std::string kept;
  for (const auto& row : read_json_lines(candidates))
    if (row["question_id"] != 3) kept += row.dump() + "\n";
  candor::write_atomically(candidates, kept);
  REQUIRE(stages("edited", {"split", "ask", "judge"}).code == 0);
  auto whole = read_json_lines(scratch / "whole/round-1/verdicts.jsonl");
  const auto edited = read_json_lines(scratch / "edited/round-1/verdicts.jsonl");
  whole.erase(whole.begin() + 3);
  REQUIRE(edited.size() == 239);
  REQUIRE(whole.size() == 239);
  std::size_t compared = 0;
  for (std::size_t i = 0; i < edited.size(); ++i) {
    CHECK(edited[i]["question_id"] == whole[i]["question_id"]);
    CHECK(edited[i].value("facts", json()) == whole[i].value("facts", json()));
    for (std::size_t q = 0; q < edited[i].value("scores", json::array()).size(); ++q, ++compared)
      CHECK(edited[i]["scores"][q]["yes"].get<double>() ==
            Approx(whole[i]["scores"][q]["yes"].get<double>()).margin(1e-5));
  }
  CHECK(compared > 239);
}

TEST_CASE("RLAIF-V pairs by the fraction that is confirmed, and ends where answers do not differ",
          "[examples][rlaif_v]") {
  const scratch_folder scratch;
  const auto run = [&](const char* folder, const arguments& more) {
    return run_program("rlaif_v", joined(small_world(scratch / folder), more));
  };
  const auto end = run("fraction", {"--rounds", "1", "--score", "fraction", "--stages", "generate", "split",
                                    "ask", "judge", "pair"});
  INFO(end.err);
  REQUIRE(end.code == 0);
  int small = 0;
  for (const auto& pair : read_json_lines(scratch / "fraction/round-1/pairs.jsonl")) {
    const auto& scores = pair["org_infos"]["scores"];
    const double gap = scores["chosen"]["score"].get<double>() - scores["rejected"]["score"].get<double>();
    CHECK(gap > 0);
    small += gap < 1;
  }
  CHECK(small > 5);

  // The least top-p leaves one token to draw.
  const auto alike = run("alike", {"--top-p", "1e-6"});
  INFO(alike.err);
  CHECK(alike.code == 0);
  CHECK_THAT(alike.err, contains("40 instructions have answers that all score the same"));
  CHECK_THAT(alike.err, contains("round 1 found no pair and trains nothing; the rounds end with"));
  CHECK_THAT(alike.out, contains("no pair was found and nothing trained"));
  const auto summary = json::parse(candor::read_file(scratch / "alike/round-1/pairs.summary.json"));
  CHECK(summary["pairs"] == 0);
  CHECK(summary["groups_without_pair"] == 40);
  CHECK(summary["answers"] == 240);
  CHECK_FALSE(std::filesystem::exists(scratch / "alike/round-1/run"));
  CHECK_FALSE(std::filesystem::exists(scratch / "alike/round-2"));
  const auto again = run("alike", {"--top-p", "1e-6", "--resume", "auto"});
  CHECK(again.code == 0);
  CHECK_THAT(again.err, contains("round 1 found no pair"));
}

TEST_CASE("RLAIF-V that is killed anywhere goes on and ends with the same files",
          "[examples][rlaif_v][faults]") {
  const scratch_folder scratch;
  const auto whole = run_program("rlaif_v", small_world(scratch / "whole"));
  REQUIRE(whole.code == 0);

  const char* given = std::getenv("CANDOR_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const int kills = is_long() ? 20 : 4;
  candor::random_stream dice(seed, 0);
  // Each start runs for its share of the whole time, with some luck, and is then killed. Where one comes to
  // the end before, its files are compared like the last one's, and the run begins anew.
  const auto options = joined(small_world(scratch / "killed"), {"--resume", "auto"});
  const auto compare = [&] {
    CHECK(files_below(scratch / "killed") == files_below(scratch / "whole"));
    for (const auto& name : made_files()) {
      INFO(name);
      CHECK(candor::read_file(scratch / "killed" / name) == candor::read_file(scratch / "whole" / name));
    }
  };
  int killed = 0;
  while (killed < kills) {
    const scratch_folder said;
    const pid_t child = start_program("rlaif_v", options, said.path());
    wait_until_used(child, whole.seconds * (0.1 + 1.2 * dice.uniform() / kills));
    ::kill(child, SIGKILL);
    const auto end = end_program(child, said.path());
    INFO(end.err);
    REQUIRE((end.signal == SIGKILL || end.code == 0));
    if (end.signal == SIGKILL) {
      ++killed;
      continue;
    }
    compare();
    std::filesystem::remove_all(scratch / "killed");
  }
  const auto last = run_program("rlaif_v", options);
  INFO(last.err);
  REQUIRE(last.code == 0);
  compare();
  std::printf("killed %d times, CANDOR_SEED=%llu\n", killed, static_cast<unsigned long long>(seed));
}

TEST_CASE("RLAIF-V that is asked to stop leaves with 75 and goes on", "[examples][rlaif_v]") {
  const scratch_folder scratch, said;
  const auto options = joined(small_world(scratch / "run"), {"--instructions", "200", "--resume", "auto"});
  const pid_t child = start_program("rlaif_v", options, said.path());
  const auto part = scratch / "run/round-1/candidates.jsonl.part";
  for (int i = 0; i < 60'000 && !(std::filesystem::exists(part) && std::filesystem::file_size(part) > 0); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ::kill(child, SIGTERM);
  const auto end = end_program(child, said.path());
  INFO(end.err);
  CHECK(end.code == 75);
  CHECK(std::filesystem::exists(part));
  CHECK(run_program("rlaif_v", joined(options, {"--stages", "generate"})).code == 0);
  CHECK(read_json_lines(scratch / "run/round-1/candidates.jsonl").size() == 1200);
}
