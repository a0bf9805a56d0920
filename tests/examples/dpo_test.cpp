// SPDX-License-Identifier: Apache-2.0
/// The trainer of pairwise losses as a user runs it.
#include "examples/trainer_world.hpp"
#include "tools/tool_world.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

program_end run_dpo(const trainer_world& w, const std::filesystem::path& output,
                    std::vector<std::string> more) {
  more.insert(more.end(), {"--model", w.model, "--data", w.pairs, "--images", w.images, "--output", output,
                           "--quiet", "true"});
  return run_program("dpo", more);
}

}  // namespace

TEST_CASE("dpo lowers every pairwise loss, and computes a reference only where one is read",
          "[examples][dpo]") {
  const trainer_world w;
  for (const std::string type : {"sigmoid", "aot_unpaired", "kto", "simpo", "orpo"}) {
    const auto output = w.scratch / type;
    const auto end = run_dpo(w, output,
                             {"--loss-type", type, "--epochs", "12", "--learning-rate", "3e-3",
                              "--batch-size", "3", "--logging-steps", "1"});
    INFO(type << ": " << end.err);
    REQUIRE(end.code == 0);
    CHECK(std::filesystem::exists(output / "model/model.safetensors"));
    const bool free = type == "simpo" || type == "orpo";
    CHECK(std::filesystem::exists(output / "reference.safetensors") != free);
    const auto lines = read_json_lines(output / "metrics.jsonl");
    REQUIRE(lines.size() == 12);
    const double first = lines.front().at("loss"), last = lines.back().at("loss");
    INFO(first << " -> " << last);
    CHECK(last < first);
    CHECK(lines.back().at("rewards/accuracies").get<double>() == 1.0);
  }
}

TEST_CASE("a weighted sum of losses is the sum of its losses", "[examples][dpo]") {
  const trainer_world w;
  const auto loss = [&](const std::string& name, std::vector<std::string> more) {
    more.insert(more.end(), {"--max-steps", "1", "--shuffle", "false"});
    const auto end = run_dpo(w, w.scratch / name, more);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return read_json_lines(w.scratch / name / "metrics.jsonl").front().at("loss").get<double>();
  };
  const double sum =
      loss("mpo", {"--loss-type", "sigmoid", "bco_pair", "sft", "--loss-weights", "0.8", "0.2", "1"});
  const double parts =
      0.8 * loss("a", {}) + 0.2 * loss("b", {"--loss_type", "bco_pair"}) + loss("c", {"--loss-type", "sft"});
  CHECK(sum == Approx(parts).epsilon(1e-5));
}

TEST_CASE("the weights of losses' terms are what the options say", "[examples][dpo]") {
  const trainer_world w;
  // One record, twice in a step: what the metrics say is its own. A reference with other weights, so that
  // nothing is zero.
  const std::string line = pair_lines.substr(0, pair_lines.find('\n') + 1);
  candor::write_atomically(w.pairs, line + line);
  write_tiny_llava(w.scratch / "reference", {.seed = 99});
  const auto first = [&](std::vector<std::string> more) {
    static int runs = 0;
    const auto output = w.scratch / ("run" + std::to_string(++runs));
    more.insert(more.end(),
                {"--max-steps", "1", "--batch-size", "2", "--reference-model", w.scratch / "reference"});
    const auto end = run_dpo(w, output, more);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return read_json_lines(output / "metrics.jsonl").front();
  };
  const auto number = [](const json& metrics, const char* name) { return metrics.at(name).get<double>(); };
  const auto l = [](double x) { return std::log1p(std::exp(-x)); };  // -log sigmoid
  const double mean_chosen = -number(first({"--loss-type", "sft"}), "loss");

  for (const std::string gamma : {"0.25", "1.5"}) {
    const auto m = first({"--loss-type", "simpo", "--simpo-gamma", gamma});
    CHECK(number(m, "loss") == Approx(l(number(m, "rewards/margins") - std::stod(gamma))).epsilon(1e-5));
  }
  for (const std::string alpha : {"0.5", "3"}) {
    const auto m = first({"--loss-type", "cpo", "--cpo-alpha", alpha});
    const double expected = l(number(m, "rewards/margins")) - std::stod(alpha) * mean_chosen;
    CHECK(number(m, "loss") == Approx(expected).epsilon(1e-5));
  }
  for (const std::string desirable : {"1", "2.5"}) {
    const auto m =
        first({"--loss-type", "kto_pair", "--desirable-weight", desirable, "--undesirable-weight", "0.5"});
    const double a = number(m, "rewards/chosen"), c = number(m, "rewards/rejected");
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    const double expected =
        0.5 * (std::stod(desirable) * sigmoid(std::max(0.0, c) - a) + 0.5 * sigmoid(c - std::max(0.0, a)));
    CHECK(std::abs(a) > 1e-3);
    CHECK(number(m, "loss") == Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("length discount, weights of pairs and margins change any loss", "[examples][dpo]") {
  const trainer_world w;
  const std::string line =
      R"({"image": "0.png", "question": "what is there ?", "chosen": "a red circle .", "rejected": "no",)";
  const auto write = [&](const std::string& rest) {
    candor::write_atomically(w.pairs, line + rest + "\n" + line + rest + "\n");
  };
  write(R"( "margin": 2})");
  write_tiny_llava(w.scratch / "reference", {.seed = 99});
  int runs = 0;
  const auto run = [&](std::vector<std::string> more) {
    more.insert(more.end(),
                {"--max-steps", "1", "--batch-size", "2", "--reference-model", w.scratch / "reference"});
    return run_dpo(w, w.scratch / ("run" + std::to_string(++runs)), more);
  };
  const auto number = [&](const std::vector<std::string>& more, const char* name) {
    const auto end = run(more);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return read_json_lines(w.scratch / ("run" + std::to_string(runs)) / "metrics.jsonl")
        .front()
        .at(name)
        .get<double>();
  };
  const auto loss = [&](const std::vector<std::string>& more) { return number(more, "loss"); };
  const double plain = loss({}), margin = number({}, "rewards/margins");
  CHECK(plain == Approx(std::log1p(std::exp(-margin))).epsilon(1e-5));
  CHECK(loss({"--margin-weight", "0.5"}) == Approx(std::log1p(std::exp(-2 * margin))).epsilon(1e-5));

  // The chosen answer is the longer one: half of its log-ratio's tail lies half of the way to none of it.
  const auto chosen = [&](const char* alpha) { return number({"--ld-alpha", alpha}, "rewards/chosen"); };
  CHECK(std::abs(chosen("1") - chosen("0")) > 1e-4);
  CHECK(chosen("0.5") == Approx((chosen("1") + chosen("0")) / 2).epsilon(1e-4));
  CHECK(number({"--ld-alpha", "0"}, "rewards/rejected") ==
        Approx(number({}, "rewards/rejected")).epsilon(1e-5));

  const double weight = loss({"--use-weighting", "true"}) / plain;
  CHECK(weight > 0);
  CHECK(std::abs(weight - 1) > 1e-3);
  CHECK(loss({"--use-weighting", "true", "--loss-type", "ipo"}) ==
        Approx(weight * loss({"--loss-type", "ipo"})).epsilon(1e-4));

  write("\"id\": 1}");
  const auto end = run({"--margin-weight", "0.5"});
  CHECK(end.code == 3);
  CHECK_THAT(end.err, contains("pairs.jsonl:"));
  CHECK_THAT(end.err, contains("no `margin`"));
}

TEST_CASE("dpo goes on with the loss that a run was begun with, and with no other", "[examples][dpo]") {
  const trainer_world w;
  std::string with_margins = pair_lines;
  for (auto at = with_margins.find('}'); at != with_margins.npos; at = with_margins.find('}', at + 14))
    with_margins.insert(at, ", \"margin\": 1");
  candor::write_atomically(w.pairs, with_margins);
  const auto run = [&](const std::string& type, std::vector<std::string> more) {
    more.insert(more.end(),
                {"--max-steps", "2", "--batch-size", "2", "--save-steps", "1", "--loss-type", type});
    return run_dpo(w, w.scratch / type, more);
  };
  const auto check = [&](const std::string& type, const std::vector<std::vector<std::string>>& others) {
    REQUIRE(run(type, {}).code == 0);
    for (auto other : others) {
      const std::string name = other[0];
      other.insert(other.end(), {"--resume", "auto"});
      const auto end = run(type, other);
      INFO(name << ": " << end.err);
      CHECK(end.code == 2);
      CHECK_THAT(end.err, contains("this checkpoint was made with other data or options"));
    }
    CHECK(run(type, {"--resume", "auto"}).code == 0);
  };
  check("sigmoid", {{"--ld-alpha", "0.5"}, {"--use-weighting", "true"}, {"--margin-weight", "0.1"}});
  check("bco_pair", {{"--bco-shift", "true"}});
}

TEST_CASE("records without a margin are refused when they are opened, or left out", "[examples][dpo][bad]") {
  const trainer_world w;
  std::string lines = pair_lines;
  lines.insert(lines.find('}'), ", \"margin\": 1");
  candor::write_atomically(w.pairs, lines);
  const auto refused = run_dpo(w, w.output, {"--margin-weight", "0.5", "--max-steps", "1"});
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, contains("pairs.jsonl:2: the record has no `margin`"));
  CHECK(!std::filesystem::exists(w.output));  // nothing was begun
  const auto end = run_dpo(
      w, w.output, {"--margin-weight", "0.5", "--max-steps", "3", "--batch-size", "1", "--skip-bad-records"});
  INFO(end.err);
  REQUIRE(end.code == 0);
  CHECK_THAT(end.err, contains("2 records are left out; the first is " + w.pairs.string() + ":2: "));
  const auto listed = read_json_lines(w.output / "skipped_records.jsonl");
  REQUIRE(listed.size() == 2);
  for (const auto& line : listed) CHECK_THAT(line.at("reason").get<std::string>(), contains("no `margin`"));
}

TEST_CASE("kto leaves out records whose images leave no room for another's answer", "[examples][dpo][bad]") {
  const trainer_world w;
  std::string words;
  for (int i = 0; i < 30; ++i) words += " dog";
  const auto many = [](const std::string& question) {
    return R"({"images": ["0.png", "1.png", "2.png"], "question": ")" + question +
           R"(", "chosen": "a dog", "rejected": "no"})" + "\n";
  };
  candor::write_atomically(w.pairs, pair_lines.substr(0, pair_lines.find('\n') + 1) + many("no") + many("?") +
                                        R"({"image": "2.png", "question": "?", "chosen": ")" + words +
                                        R"(", "rejected": "no"}
)");
  // Of the last record alone: what it needs is told where less is there.
  const auto alone =
      run_dpo(w, w.output, {"--max-steps", "1", "--max-length", "30", "--cut-answers", "false"});
  REQUIRE(alone.code == 3);
  const auto at = alone.err.find("the record needs ");
  INFO(alone.err);
  REQUIRE(at != alone.err.npos);
  const std::string needed = alone.err.substr(at + 17, alone.err.find(' ', at + 17) - at - 17);
  // The third record's other answer is the last one's; when it is gone, so is the second's.
  const std::vector<std::string> options{"--loss-type",   "kto",   "--batch-size",      "2",
                                         "--max-steps",   "2",     "--max-length",      needed,
                                         "--cut-answers", "false", "--skip-bad-records"};
  const auto end = run_dpo(w, w.scratch / "kto", options);
  INFO(end.err);
  REQUIRE(end.code == 0);
  const auto listed = read_json_lines(w.scratch / "kto/skipped_records.jsonl");
  REQUIRE(listed.size() == 2);
  CHECK_THAT(listed[0].at("record").get<std::string>(), contains("pairs.jsonl:3"));
  CHECK_THAT(listed[1].at("record").get<std::string>(), contains("pairs.jsonl:2"));
  for (const auto& line : listed)
    CHECK_THAT(line.at("reason").get<std::string>(), contains("the maximum is " + needed));
}

TEST_CASE("kto refuses records of one question", "[examples][dpo][bad]") {
  const trainer_world w;
  const std::string line = pair_lines.substr(0, pair_lines.find('\n') + 1);
  candor::write_atomically(w.pairs, line + line);
  const auto end = run_dpo(w, w.output, {"--loss-type", "kto", "--batch-size", "2", "--max-steps", "1"});
  CHECK(end.code == 3);
  CHECK_THAT(end.err, contains("pairs.jsonl:1: this objective scores the answer to another question"));
  CHECK(!std::filesystem::exists(w.output));
}

TEST_CASE("dpo refuses losses that cannot be meant", "[examples][dpo]") {
  const trainer_world w;
  const auto refused = [&](const std::vector<std::string>& options, const std::string& why) {
    const auto end = run_dpo(w, w.scratch / "refused", options);
    INFO(end.err);
    CHECK(end.code == 2);
    CHECK_THAT(end.err, contains(why));
  };
  refused({"--loss-type", "sigmod"}, "--loss-type sigmod is unknown");
  for (const char* loss : {"kto", "kto_pair", "aot", "aot_unpaired"})
    refused({"--loss-type", "sft", loss, "--batch-size", "1"}, "compares the pairs of a step");
  refused({"--loss-type", "sigmoid", "sft", "--loss-weights", "1"}, "--loss-weights has 1 numbers");
  refused({"--loss-type", "exo_pair", "--label-smoothing", "0"}, "infinite without label smoothing");
  refused({"--ld-alpha", "0.5", "--loss-type", "simpo"}, "simpo reads none");
  refused({"--use-weighting", "true", "--loss-type", "aot"}, "sorts the answers of a step");
  refused({"--f-divergence-type", "kl"}, "--f-divergence-type kl is unknown");
  CHECK(!std::filesystem::exists(w.scratch / "refused"));
}
