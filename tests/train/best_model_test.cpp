// SPDX-License-Identifier: Apache-2.0
#include <candor/train/best_model.hpp>

#include "train/train_world.hpp"

#include <algorithm>
#include <csignal>

using namespace candor_test;

namespace {

candor::metrics_row row(double loss, double accuracy) {
  candor::metrics_row r;
  r.set("eval_loss", loss);
  r.set("eval_rewards/accuracies", accuracy);
  return r;
}

/// A rate at which the held-out loss rises again: the best model is not the last.
const words overshooting{"--learning-rate", "5e-2", "--lr-scheduler",           "constant",
                         "--epochs",        "4",    "--eval-fraction",          "0.3",
                         "--eval-steps",    "2",    "--load-best-model-at-end", "true"};

std::string adapter_of(const std::filesystem::path& folder) {
  return candor::read_file(folder / "adapter_model.safetensors");
}

/// Steps of evaluations and their values.
std::vector<std::pair<int, double>> evaluations(const std::vector<nlohmann::json>& lines, const char* name) {
  std::vector<std::pair<int, double>> out;
  for (const auto& line : lines)
    if (line.contains(name)) out.emplace_back(line.at("global_step").get<int>(), line.at(name).get<double>());
  return out;
}

}  // namespace

TEST_CASE("the best evaluation is the first with the best value, smaller for losses and larger otherwise",
          "[train][best]") {
  candor::best_model loss;
  CHECK(loss.metric() == "eval_loss");
  CHECK_FALSE(loss.greater_is_better());
  CHECK(loss.offer(row(0.7, 0.5), 10));
  CHECK_FALSE(loss.offer(row(0.7, 0.9), 20));
  CHECK(loss.offer(row(0.6, 0.1), 30));
  CHECK_FALSE(loss.offer(row(NAN, 1.0), 40));
  CHECK(loss.state().step == 30);
  CHECK(loss.state().value == 0.6);

  candor::best_model accuracy("eval_rewards/accuracies", {}, {30, 0.5});
  CHECK(accuracy.greater_is_better());
  CHECK_FALSE(accuracy.offer(row(0.1, 0.5), 40));
  CHECK(accuracy.offer(row(0.9, 0.6), 50));
  CHECK(candor::best_model("loss", true).offer(row(1, 0), 1));
  CHECK(candor::best_model("rewards/accuracies", false, {1, 0.5}).offer(row(0, 0.4), 2));
  CHECK_THROWS_AS(candor::best_model("perplexity").offer(row(1, 1), 1), candor::usage_error);
}

TEST_CASE("the best model comes out, and its checkpoint outlives the limit", "[train][best]") {
  const train_world world;
  const auto limited = joined(joined(overshooting, lora), {"--save-steps", "2", "--save-total-limit", "2"});
  const auto run = world.trained("run", limited);
  const auto seen = evaluations(world.metrics("run"), "eval_loss");
  REQUIRE(seen.size() >= 4);
  const auto best = *std::min_element(seen.begin(), seen.end(),
                                      [](const auto& a, const auto& b) { return a.second < b.second; });
  INFO("best step " << best.first << " of " << seen.back().first);
  REQUIRE(best.first < seen.back().first - 2);  // or nothing is tested
  const auto kept = run / ("checkpoint-" + std::to_string(best.first));
  REQUIRE(std::filesystem::exists(kept));
  CHECK(std::filesystem::exists(run / ("checkpoint-" + std::to_string(seen.back().first))));
  int checkpoints = 0;
  for (const auto& entry : std::filesystem::directory_iterator(run))
    checkpoints += entry.path().filename().string().starts_with("checkpoint-");
  CHECK(checkpoints == 2);
  CHECK((adapter_of(run / "adapter") == adapter_of(kept)));

  // Without the option the last one comes out.
  auto last = limited;
  last[static_cast<std::size_t>(std::find(last.begin(), last.end(), "--load-best-model-at-end") -
                                last.begin()) +
       1] = "false";
  const auto other = world.trained("last", last);
  CHECK((adapter_of(other / "adapter") != adapter_of(run / "adapter")));
  CHECK(evaluations(world.metrics("last"), "eval_loss") == seen);
}

TEST_CASE("a run that was killed after its best evaluation still gives the best model",
          "[train][best][fault]") {
#if CANDOR_FAULT_POINTS
  const train_world world;
  const auto options = joined(joined(overshooting, lora), {"--save-total-limit", "1"});  // no --save-steps
  world.trained("whole", options);
  const auto wanted = world.results("whole");
  for (const char* moment : {"trainer.before_update:9", "checkpoint.after_rename:1", "trainer.pass:20"}) {
    INFO(moment);
    {
      const environment fault("CANDOR_FAULT", candor::text(moment, ":kill"));
      REQUIRE(world.start("killed", options).signal == SIGKILL);
    }
    world.trained("killed", joined(options, {"--resume", "auto"}));
    check_same(wanted, world.results("killed"));
    world.trained("killed", joined(options, {"--resume", "auto"}));  // it ended: nothing is done again
    check_same(wanted, world.results("killed"));
    std::filesystem::remove_all(world.run("killed"));
  }
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}

TEST_CASE("records of their own are evaluated, and are part of what a run must keep", "[train][evaluation]") {
  const train_world world;
  const auto apart = world.scratch / "held_out.jsonl";
  world.write_pairs(3);
  std::filesystem::rename(world.data, apart);
  world.write_pairs(10);
  const words options{"--eval-data", apart, "--eval-steps", "3", "--save-steps", "2", "--learning-rate", "0"};
  world.trained("run", options);
  const auto losses = values_of(world.metrics("run"), "eval_loss");
  CHECK(losses.size() == 4);  // 3, 6, 9, 10
  CHECK(values_of(world.metrics("run"), "eval_rewards/accuracies").size() == 4);
  CHECK(std::filesystem::exists(world.run("run") / "reference_eval.safetensors"));
  // Nothing is learnt, and the three records are the first of the ten: their mean is that of a file with
  // them.
  const auto eval_logps = values_of(world.metrics("run"), "eval_logps/chosen");
  world.write_pairs(3);
  world.trained("three", {"--batch-size", "3", "--epochs", "1", "--learning-rate", "0"});
  const auto logps = values_of(world.metrics("three"), "logps/chosen");
  for (const double value : eval_logps) CHECK(value == Approx(logps.at(0)).margin(1e-4));
  world.write_pairs(10);

  candor::write_atomically(apart, candor::read_file(apart) + candor::read_file(apart));
  auto again = options;
  again.insert(again.end(), {"--resume", "auto"});
  const auto end = world.start("run", again);
  CHECK(end.code == 2);
  CHECK_THAT(end.err, contains("eval records"));
}

TEST_CASE("what cannot be evaluated is told before training", "[train][evaluation]") {
  const train_world world;
  const auto refused = [&](const words& options, const std::string& part) {
    const auto end = world.start("run", options);
    INFO(end.err);
    CHECK(end.code == 2);
    CHECK_THAT(end.err, contains(part));
    std::filesystem::remove_all(world.run("run"));
  };
  refused({"--load-best-model-at-end", "true"}, "nothing is evaluated");
  refused({"--load-best-model-at-end", "true", "--eval-fraction", "0.2", "--metric-for-best-model", "bleu"},
          "eval_bleu is not measured by an evaluation; there are eval_loss, eval_rewards/chosen");
  refused({"--eval-data", world.data, "--eval-fraction", "0.2"}, "give one of the two");
  refused({"--greater-is-better", "maybe"}, "use auto, true or false");
}
