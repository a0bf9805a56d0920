// SPDX-License-Identifier: Apache-2.0
// The trainer from C++, with an objective of one's own that keeps a running mean.
#include <candor/backend/host/host.hpp>
#include <candor/core/error.hpp>
#include <candor/train/trainer.hpp>

#include "train/train_world.hpp"

#include <csignal>

using namespace candor_test;

namespace {

/// Margins beyond their running mean; counts the calls of `update` and asks to stop in one of them.
struct beyond_mean {
  struct statistics {
    double mean = 0;
    std::int64_t updates = 0;
  };
  double beta = 0.1;
  int* calls = nullptr;
  int stop_at = 0;
  int smallest = 1;

  constexpr int smallest_batch() const { return smallest; }
  void update(statistics& s, std::span<candor::pair<double, 2>> items) const {
    for (const auto& item : items) s.mean = 0.9 * s.mean + 0.1 * (item.chosen - item.rejected);
    ++s.updates;
    if (++*calls == stop_at) std::raise(SIGTERM);
  }
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S, 2>& y, const statistics& s) const {
    return softplus(-beta * (y.chosen - y.rejected - s.mean));
  }
};

candor::fit_options options_of(const std::filesystem::path& run) {
  return {.run_folder = run,
          .max_steps = 6,
          .batch_size = 2,
          .max_tokens = 64,  // several passes a step
          .eval_fraction = 0.2,
          .eval_steps = 2,
          .logging_steps = 4,
          .save_steps = 3,
          .quiet = true};
}

/// Trains in `run`; the calls of `update`, in all, or nothing where a signal stopped it.
std::optional<int> fit(const train_world& world, const candor::fit_options& options, int stop_at = 0) {
  candor::host cpu({.threads = 1});
  auto policy = candor::load_llava<float>(cpu, world.model);
  int calls = 0;
  candor::trainer trainer(policy, beyond_mean{.calls = &calls, .stop_at = stop_at}, {.learning_rate = 1e-3});
  const candor::preference_data pairs(world.data, {.images = world.images});
  try {
    trainer.fit(pairs, options);
  } catch (const candor::interrupted&) {
    return std::nullopt;
  }
  return calls;
}

/// The last checkpoint, with the objective's statistics in trainer_state.json, and the metrics.
std::map<std::string, std::string> end_of(const std::filesystem::path& run) {
  auto files = files_of(run / "checkpoint-6");
  files["metrics.jsonl"] = candor::read_file(run / "metrics.jsonl");
  return files;
}

}  // namespace

TEST_CASE("the statistics of an objective are those of whole steps, wherever a run is stopped",
          "[train][trainer][statistics]") {
  const train_world world;
  const auto calls = fit(world, options_of(world.run("whole")));
  REQUIRE(calls.has_value());
  REQUIRE(*calls == 10);  // what tells runs apart, six steps, three evaluations of one group
  const auto wanted = end_of(world.run("whole"));
  const auto statistics =
      candor::read_trainer_state(world.run("whole") / "checkpoint-6/trainer_state.json").statistics;
  CHECK(statistics.substr(statistics.size() - 16) == "0600000000000000");  // evaluations leave them alone
  for (int stop_at = 1; stop_at <= *calls; ++stop_at) {
    INFO("stopped in update " << stop_at);
    auto options = options_of(world.run("stopped"));
    CHECK_FALSE(fit(world, options, stop_at).has_value());
    options.resume = "auto";
    CHECK(fit(world, options).has_value());
    check_same(wanted, end_of(world.run("stopped")));
    std::filesystem::remove_all(world.run("stopped"));
  }
}

TEST_CASE("an evaluation leaves no group of a single record at its end", "[train][trainer][statistics]") {
  const train_world world;
  auto options = options_of(world.run("run"));
  options.eval_fraction = 0.3;  // three of ten records, batches of two
  CHECK(fit(world, options) == 10);
}

TEST_CASE("a trainer refuses batches that are too small for the objective, before it takes a step",
          "[train][trainer][statistics]") {
  const train_world world;
  candor::host cpu({.threads = 1});
  auto policy = candor::load_llava<float>(cpu, world.model);
  int calls = 0;
  candor::trainer trainer(policy, beyond_mean{.calls = &calls, .smallest = 2}, {});
  const candor::preference_data pairs(world.data, {.images = world.images});
  auto options = options_of(world.run("run"));
  options.batch_size = 1;
  CHECK_THROWS_WITH(trainer.fit(pairs, options), contains("a batch of 1") && contains("at least 2"));
  options.batch_size = 2;
  options.eval_fraction = 0.1;  // one of ten records
  CHECK_THROWS_WITH(trainer.fit(pairs, options), contains("an evaluation on 1 record"));
  CHECK_THROWS_AS(trainer.fit(pairs, options), candor::usage_error);
  CHECK(calls == 0);
  CHECK(!std::filesystem::exists(world.run("run") / "reference.safetensors"));
}

TEST_CASE("a trainer refuses options that cannot go together", "[train][trainer]") {
  const train_world world;
  candor::host cpu({.threads = 1});
  auto policy = candor::load_llava<float>(cpu, world.model);
  auto second = candor::load_llava<float>(cpu, world.model);
  int calls = 0;
  candor::trainer trainer(policy, beyond_mean{.calls = &calls}, {});
  const candor::preference_data pairs(world.data, {.images = world.images});
  const auto check = [&](auto change, const char* part) {
    auto options = options_of(world.run("run"));
    change(options);
    CHECK_THROWS_WITH(trainer.fit(pairs, options), contains(part));
    CHECK_THROWS_AS(trainer.fit(pairs, options), candor::usage_error);
  };
  check([](auto& o) { o.reference = candor::reference_source::adapters_off; }, "it has none");
  check([](auto& o) { o.batch_size = 0; }, "must be positive");
  check([](auto& o) { o.save_steps = -1; }, "must not be negative");
  check([](auto& o) { o.eval_fraction = 1.0; }, "below 1");
  check([](auto& o) { o.layout = candor::layout_kind::single; }, "layout single");
  trainer.set_reference(second);
  policy.add_lora({.rank = 2});
  check([](auto& o) { o.reference = candor::reference_source::adapters_off; }, "a second model");
  CHECK(calls == 0);
}
