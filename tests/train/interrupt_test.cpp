// SPDX-License-Identifier: Apache-2.0
#include <candor/core/fault.hpp>

#include "train/train_world.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <csignal>

using namespace candor_test;

namespace {}  // namespace

TEST_CASE("a signal saves, leaves with 75, and the run resumes to the same bytes",
          "[train][interrupt][fault]") {
#if CANDOR_FAULT_POINTS
  const train_world world;
  world.trained("whole", joined(often, lora));
  const auto wanted = world.results("whole");
  // In the reference, in the first and a middle step, right before and after an update, while a checkpoint is
  // written, published and purged, while metrics are written; passes 5 and 6 of trainer.pass are of the
  // evaluation.
  for (const char* moment : {"reference.group:1", "reference.group:3", "trainer.pass:1", "trainer.pass:3",
                             "trainer.pass:5", "trainer.before_update:2", "trainer.after_update:2",
                             "checkpoint.created:1", "file.write:20", "checkpoint.before_rename:2",
                             "checkpoint.after_rename:1", "checkpoint.during_purge:1", "metrics.write:1"})
    for (const char* kind : {"term", "int"}) {
      if (std::string_view(kind) == "int" && std::string_view(moment) != "trainer.pass:3") continue;
      INFO(moment << " " << kind);
      {
        const environment fault("CANDOR_FAULT", candor::text(moment, ":", kind));
        const auto end = world.start("stopped", joined(often, lora));
        INFO(end.err);
        CHECK(end.signal == 0);
        REQUIRE(end.code == 75);
        CHECK_THAT(end.err, contains(std::string_view(kind) == "term" ? "SIGTERM" : "SIGINT"));
        CHECK_THAT(end.err, contains("--resume auto"));
      }
      const auto end = world.start("stopped", joined(joined(often, lora), {"--resume", "auto"}));
      INFO(end.err);
      REQUIRE(end.code == 0);
      check_same(wanted, world.results("stopped"));
      std::filesystem::remove_all(world.run("stopped"));
    }
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}

TEST_CASE("a signal while the result is written does not cost the result", "[train][interrupt][fault]") {
#if CANDOR_FAULT_POINTS
  const train_world world;
  const auto log = world.scratch / "log";
  {
    const environment counted("CANDOR_FAULT_LOG", log);
    world.trained("whole", lora);
  }
  const auto wanted = world.results("whole");
  int renames = 0;
  const std::string passed = candor::read_file(log);
  for (auto at = passed.find("file.before_rename"); at != passed.npos;
       at = passed.find("file.before_rename", at + 1))
    ++renames;
  REQUIRE(renames >= 4);
  for (const int last : {1, 0}) {  // the adapter's two files
    const environment fault("CANDOR_FAULT", candor::text("file.before_rename:", renames - last, ":term"));
    const auto end = world.start(candor::text("stopped", last), lora);
    INFO(end.err);
    CHECK(end.signal == 0);
    CHECK(end.code == 0);
    check_same(wanted, world.results(candor::text("stopped", last)));
  }
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}

TEST_CASE("reference log-probs that were computed before a signal are not computed again",
          "[train][interrupt][fault]") {
#if CANDOR_FAULT_POINTS
  const train_world world;
  const auto log = world.scratch / "log";
  {
    const environment fault("CANDOR_FAULT", "reference.group:3:term");
    const auto end = world.start("run");
    REQUIRE(end.code == 75);
    CHECK_THAT(end.err, contains("6 of 10 reference log-probs are saved"));
  }
  const environment counted("CANDOR_FAULT_LOG", log);
  world.trained("run", {"--resume", "auto"});
  const std::string passed = candor::read_file(log);
  int groups = 0;
  for (auto at = passed.find("reference.group"); at != passed.npos;
       at = passed.find("reference.group", at + 1))
    ++groups;
  CHECK(groups == 2);
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}

TEST_CASE("a second signal ends the trainer at once", "[train][interrupt]") {
  const train_world world;
  const scratch_folder said;
  const auto metrics = world.run("run") / "metrics.jsonl";
  const pid_t child = start_program(
      "rlhf_v", world.arguments("run", {"--max-steps", "100000", "--save-steps", "50"}), said.path());
  std::error_code absent;
  while (std::filesystem::file_size(metrics, absent) == 0 || absent) ::usleep(1000);
  // Both signals are there when it runs again.
  ::kill(child, SIGSTOP);
  int status = 0;
  REQUIRE(::waitpid(child, &status, WUNTRACED) == child);
  REQUIRE(WIFSTOPPED(status));
  ::kill(child, SIGTERM);
  ::kill(child, SIGINT);
  ::kill(child, SIGCONT);
  const auto end = end_program(child, said.path());
  CHECK(end.signal == 0);
  CHECK((end.code == 128 + SIGTERM || end.code == 128 + SIGINT));
}

TEST_CASE("one signal from outside is enough", "[train][interrupt]") {
  const train_world world;
  const scratch_folder said;
  const auto metrics = world.run("run") / "metrics.jsonl";
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) {
    const pid_t child = start_program(
        "rlhf_v", world.arguments("run", {"--max-steps", "100000", "--resume", "auto"}), said.path());
    std::error_code absent;
    const auto before = std::filesystem::exists(metrics) ? std::filesystem::file_size(metrics) : 0;
    for (int i = 0; i < 20000 && (std::filesystem::file_size(metrics, absent) <= before || absent); ++i)
      ::usleep(1000);
    ::kill(child, number);
    const auto end = end_program(child, said.path());
    INFO(end.err);
    CHECK(end.signal == 0);
    CHECK(end.code == 75);
  }
  const auto steps = values_of(world.metrics("run"), "global_step");
  for (std::size_t i = 0; i < steps.size(); ++i) REQUIRE(steps[i] == static_cast<double>(i + 1));
}
