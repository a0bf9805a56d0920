// SPDX-License-Identifier: Apache-2.0
/// CSR as a user runs it, on a small embedded world: what it writes, that it goes on where it was, and what
/// it refuses.

#include "support/program.hpp"
#include "tools/tool_world.hpp"

#include <candor/data/preference_data.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

using arguments = std::vector<std::string>;

arguments small_search(const std::filesystem::path& output) {
  return {"--output", output, "--rounds",     "1", "--instructions", "24",   "--held-out", "20",
          "--epochs", "1",    "--batch-size", "8", "--quiet",        "true", "--resume",   "auto"};
}

}  // namespace

TEST_CASE("CSR searches, pairs and trains on the embedded world", "[examples][csr]") {
  const scratch_folder scratch;
  const auto run = scratch / "run";
  const auto end = run_program("csr", small_search(run));
  INFO(end.out << end.err);
  REQUIRE(end.code == 0);
  CHECK_THAT(end.out, contains("seed 1, round 1"));

  const auto trees = read_json_lines(run / "round-1/trees.jsonl");
  REQUIRE(trees.size() == 24);
  std::int64_t paired = 0;
  for (const auto& tree : trees) {
    double before = -1;
    for (const auto& answer : tree["answers"]) {
      CHECK(answer["cost"].get<double>() >= before);  // from the cheapest
      before = answer["cost"];
      CHECK(before > 0);
      CHECK(before <= 1);  // ranks are at most 1
    }
    if (!tree.contains("chosen")) continue;
    ++paired;
    CHECK(tree["chosen"] == tree["answers"].front()["answer"]);
    CHECK(tree["rejected"] == tree["answers"].back()["answer"]);
  }
  const candor::preference_data pairs(run / "round-1/pairs.jsonl", {.images = run / "data/images"});
  CHECK(pairs.size() == paired);
  CHECK(paired > 12);
  const auto record = pairs.record(0);
  CHECK_THAT(record.question, contains("Describe the picture"));
  CHECK(record.chosen != record.rejected);

  SECTION("a run that was stopped in its search goes on") {
    const auto whole = candor::read_file(run / "round-1/trees.jsonl");
    std::string part;
    for (std::size_t line = 0, at = 0; line < 16; ++line) {
      const auto next = whole.find('\n', at) + 1;
      part += whole.substr(at, next - at);
      at = next;
    }
    std::filesystem::remove(run / "round-1/trees.jsonl");
    candor::write_atomically(run / "round-1/trees.jsonl.part", part);
    const auto again = run_program("csr", small_search(run));
    INFO(again.err);
    REQUIRE(again.code == 0);
    CHECK(candor::read_file(run / "round-1/trees.jsonl") == whole);
  }
  SECTION("other settings are refused by name") {
    auto other = small_search(run);
    other.insert(other.end(), {"--lambda", "0.5"});
    const auto refused = run_program("csr", other);
    CHECK(refused.code == 2);
    CHECK_THAT(refused.err, contains("was made with other data or options (lambda: 0.5, was 0.9)"));
  }
}

TEST_CASE("CSR runs its rounds on a checkpoint folder with a CLIP, and goes on where it was",
          "[examples][csr]") {
  const tool_world w;
  write_tiny_pictures(w.images, 6);
  std::string lines;
  for (int i = 0; i < 6; ++i)
    lines += json{{"id", "i" + std::to_string(i)},
                  {"image", std::to_string(i) + ".png"},
                  {"question", "describe the picture ."}}
                 .dump() +
             "\n";
  candor::write_atomically(w.scratch / "instructions.jsonl", lines);
  const auto run = w.scratch / "run";
  const auto csr = [&](const arguments& more) {
    return run_program("csr", joined({"--model",          w.model,
                                      "--clip",           examples_folder() / "scenes/clip",
                                      "--data",           w.scratch / "instructions.jsonl",
                                      "--images",         w.images,
                                      "--output",         run,
                                      "--rounds",         "2",
                                      "--instructions",   "3",
                                      "--max-new-tokens", "6",
                                      "--max-characters", "60",
                                      "--lora-r",         "4",
                                      "--learning-rate",  "1e-3",
                                      "--batch-size",     "2",
                                      "--epochs",         "3",
                                      "--resume",         "auto",
                                      "--quiet",          "true"},
                                     more));
  };
  const auto end = csr({});
  INFO(end.out << end.err);
  REQUIRE(end.code == 0);
  for (const int round : {1, 2}) {
    const auto folder = run / ("round-" + std::to_string(round));
    const auto trees = read_json_lines(folder / "trees.jsonl");
    REQUIRE(trees.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {  // each round has instructions of its own
      const auto number = std::to_string(3 * static_cast<std::size_t>(round - 1) + i);
      CHECK(trees[i]["id"] == "i" + number);
      CHECK(trees[i]["image"] == number + ".png");
      CHECK(trees[i]["sentences"].get<int>() >= 5);
    }
    const auto row = table_row(end.out, "round " + std::to_string(round));
    REQUIRE(row.size() == 5);
    CHECK(row[0] == 3);
    CHECK(row[3] == static_cast<double>(read_json_lines(folder / "pairs.jsonl").size()));
    CHECK(read_json_lines(folder / "run/metrics.jsonl").back()["loss"].get<double>() > 0);
    for (const char* made : {"run/adapter/adapter_model.safetensors", "run/model/model.safetensors"})
      CHECK(std::filesystem::exists(folder / made));
  }
  // The second round starts from the first one's model, and ends with another.
  const auto weights = [](const std::filesystem::path& folder) {
    return candor::read_file(folder / "model.safetensors");
  };
  const auto last = weights(run / "round-2/run/model");
  CHECK_FALSE((weights(run / "round-1/run/model") == weights(w.model)));
  CHECK_FALSE((last == weights(run / "round-1/run/model")));
  const auto page = candor::read_file(run / "report.html");
  CHECK_THAT(page, contains("<b>Loss</b>") && contains("<dt>num-beams</dt>"));
  const auto answers = w.lines("generate", {"--max-new-tokens", "4"}, run / "round-2/run/model");
  CHECK(answers.size() == 3);  // other programs read it

  std::filesystem::remove_all(run / "round-2/run");
  const auto again = csr({});
  INFO(again.err);
  REQUIRE(again.code == 0);
  CHECK((weights(run / "round-2/run/model") == last));
  const auto few = csr({"--output", w.scratch / "few", "--instructions", "4"});
  CHECK(few.code == 3);
  CHECK_THAT(few.err, contains("instructions.jsonl: has 6 instructions, round 2 needs those up to 8"));
}

TEST_CASE("CSR's dry run shows instructions and the size of a round, without weights, and writes nothing",
          "[examples][csr]") {
  const tool_world w;
  const auto model = w.scratch / "model", clip = w.scratch / "clip", output = w.scratch / "none";
  std::filesystem::copy(examples_folder() / "scenes/clip", clip);
  for (const auto& folder : {model, clip}) REQUIRE(std::filesystem::remove(folder / "model.safetensors"));
  const auto dry = [&](const std::string& lines, arguments more = {}) {
    candor::write_atomically(w.scratch / "instructions.jsonl", lines);
    arguments given{"--model",  model,    "--clip",   clip,   "--data",   w.scratch / "instructions.jsonl",
                    "--images", w.images, "--output", output, "--dry-run"};
    given.insert(given.end(), more.begin(), more.end());
    return run_program("csr", given);
  };
  const auto plan = dry(questions);
  INFO(plan.out << plan.err);
  CHECK(plan.code == 0);
  for (const char* part :
       {"instructions.jsonl:1\n", "(image, 4 tokens)", "▁the ▁picture", "sentences of a tree's level"})
    CHECK_THAT(plan.out, contains(part));
  CHECK(!std::filesystem::exists(output));

  const auto few = dry(questions, {"--instructions", "2", "--rounds", "2"});
  CHECK(few.code == 3);
  CHECK_THAT(few.err, contains("2 rounds of 2 need 4"));
  const auto two = dry(questions + R"({"images": ["0.png", "1.png"], "question": "which?"})" + "\n");
  CHECK(two.code == 3);
  CHECK_THAT(two.err, contains("instructions.jsonl:4: an instruction needs one image, as a file; found 2"));
  std::filesystem::remove(clip / "vocab.json");
  const auto blind = dry(questions);
  CHECK(blind.code == 3);
  CHECK_THAT(blind.err, contains(clip.string()));
}

TEST_CASE("CSR says what it lacks", "[examples][csr]") {
  const scratch_folder scratch;
  const auto refused = [&](arguments given, const char* why) {
    given.insert(given.end(), {"--output", scratch / "none"});
    const auto end = run_program("csr", given);
    CHECK(end.code == 2);
    CHECK_THAT(end.err, contains(why));
  };
  refused({"--reward", "stars"}, "use ranks or sums");
  refused({"--num-beams", "4"}, "groups of equal size");
  refused({"--model", "a", "--data", "b.jsonl"}, "--clip is needed");
}
