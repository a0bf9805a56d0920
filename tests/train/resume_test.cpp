// SPDX-License-Identifier: Apache-2.0
#include <candor/core/fault.hpp>
#include <candor/core/random.hpp>

#include "train/train_world.hpp"

#include <csignal>
#include <cstdio>
#include <random>

using namespace candor_test;

namespace {

struct variant {
  std::string name;
  words options;
};
const std::vector<variant> variants{{"lora", lora},
                                    {"full", {}},
                                    {"bf16", {"--dtype", "bf16"}},
                                    {"rounded", {"--dtype", "bf16", "--stochastic-rounding", "true"}}};

/// How often each fault point is passed in a run.
std::map<std::string, int> passes_of(const std::filesystem::path& log) {
  std::map<std::string, int> out;
  std::istringstream lines(candor::read_file(log));
  for (std::string line; std::getline(lines, line);) ++out[line];
  return out;
}

struct reference_run {
  std::map<std::string, std::string> results;
  std::vector<std::pair<std::string, int>> passes;
};

reference_run uninterrupted(const train_world& world, const variant& v) {
  const auto log = world.scratch / (v.name + ".log");
  {
    const environment counted("CANDOR_FAULT_LOG", log);
    world.trained(v.name, joined(often, v.options));
  }
  const auto counts = passes_of(log);
  return {world.results(v.name), {counts.begin(), counts.end()}};
}

}  // namespace

TEST_CASE("a trainer that is killed at any moment resumes to the same bytes", "[train][resume][fault]") {
#if CANDOR_FAULT_POINTS
  const char* given = std::getenv("CANDOR_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  const int moments = std::getenv("CANDOR_LONG") != nullptr ? 500 : 20;
  std::printf("%d moments drawn from seed %llu; CANDOR_SEED repeats them\n", moments,
              static_cast<unsigned long long>(seed));
  const train_world world;
  std::vector<reference_run> wanted;
  for (const auto& v : variants) wanted.push_back(uninterrupted(world, v));
  for (const auto& run : wanted) CHECK(run.passes.size() >= 15);

  candor::random_stream random(seed, 1);
  int kills = 0;
  for (int i = 0; i < moments; ++i) {
    const std::size_t which = static_cast<std::size_t>(i) % variants.size();
    const auto options = joined(often, variants[which].options);
    std::string story = variants[which].name;
    for (int attempt = 0;; ++attempt) {
      REQUIRE(attempt < 4);
      std::string moment;
      if (attempt == 0 || (attempt < 3 && random.below(3) == 0)) {  // some are killed again after resuming
        const auto& [point, passes] = wanted[which].passes[random.below(wanted[which].passes.size())];
        moment = candor::text(point, ":", 1 + random.below(static_cast<std::uint64_t>(passes)), ":kill");
      }
      const environment fault("CANDOR_FAULT", moment);
      const auto end = world.start("killed", attempt == 0 ? options : joined(options, {"--resume", "auto"}));
      story += ", " + (moment.empty() ? "to the end" : moment);
      INFO("seed " << seed << ", moment " << i << ": " << story << ": " << end.err);
      REQUIRE((end.signal == SIGKILL || end.code == 0));
      if (attempt == 0) REQUIRE(end.signal == SIGKILL);
      if (end.code == 0) break;
      ++kills;
    }
    INFO("seed " << seed << ", moment " << i << ": " << story);
    check_same(wanted[which].results, world.results("killed"));
    for (const auto& [name, bytes] : files_of(world.run("killed"))) CHECK(name.find(".tmp.") == name.npos);
    std::filesystem::remove_all(world.run("killed"));
  }
  CHECK(kills >= moments);
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}

TEST_CASE("a run that ended is resumed without doing anything again", "[train][resume]") {
  const train_world world;
  world.trained("run", often);
  const auto before = world.results("run");
  world.trained("run", joined(often, {"--resume", "auto"}));
  check_same(before, world.results("run"));
}

TEST_CASE("a named checkpoint is resumed, and what came after it is done again", "[train][resume]") {
  const train_world world;
  world.trained("run", joined(often, {"--save-total-limit", "0"}));
  const auto before = world.results("run");
  world.trained("run",
                joined(often, {"--save-total-limit", "0", "--resume", world.run("run") / "checkpoint-4"}));
  check_same(before, world.results("run"));
}

TEST_CASE("resuming passes over a checkpoint that is damaged", "[train][resume]") {
  const train_world world;
  world.trained("run", often);
  const auto before = world.results("run");
  const auto weights = world.run("run") / "checkpoint-8" / "optimizer.safetensors";
  std::string bytes = candor::read_file(weights);
  bytes[bytes.size() / 2] ^= 1;
  candor::write_atomically(weights, bytes);
  const auto end = world.start("run", joined(often, {"--resume", "auto", "--quiet", "false"}));
  CHECK(end.code == 0);
  CHECK_THAT(end.err, contains("checkpoint-8 is passed over"));
  check_same(before, world.results("run"));
}
