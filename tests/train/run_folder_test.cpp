// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/train/checkpoint_folder.hpp>
#include <candor/train/run_folder.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <csignal>
#include <optional>

using namespace candor;
using candor_test::contains;
namespace fs = std::filesystem;

namespace {

template <class Work>
std::string refusal_of(Work work) {
  try {
    work();
  } catch (const usage_error& problem) {
    return problem.what();
  }
  return "(nothing was thrown)";
}

}  // namespace

TEST_CASE("a run makes its folder and writes its configuration", "[train][run_folder]") {
  const candor_test::scratch_folder scratch;
  const run_folder run(scratch / "runs/first");
  CHECK(run.locked());
  CHECK(run.path() == scratch / "runs/first");
  CHECK(run.metrics_path() == scratch / "runs/first/metrics.jsonl");
  run.write_config("{\"beta\": 0.1}\n");
  CHECK(read_file(run.config_path()) == "{\"beta\": 0.1}\n");
}

TEST_CASE("a folder that holds files is refused unless its run is resumed", "[train][run_folder]") {
  const candor_test::scratch_folder scratch;
  { run_folder(scratch / "run").write_config("{}"); }
  const auto message = refusal_of([&] { run_folder(scratch / "run"); });
  CHECK_THAT(message, contains("already holds config.json"));
  CHECK_THAT(message, contains("--resume auto"));
  CHECK_NOTHROW(run_folder(scratch / "run", true));
  CHECK_NOTHROW(run_folder(scratch / "new", true));
  // A run that ended before it wrote anything left only its lock.
  CHECK_NOTHROW(run_folder(scratch / "new"));
  CHECK_THROWS_AS(run_folder(""), usage_error);
  write_atomically(scratch / "file", "x");
  CHECK_THROWS_AS(run_folder(scratch / "file"), io_error);
}

TEST_CASE("a foreign folder is refused for resuming too and stays as it is", "[train][run_folder]") {
  const candor_test::scratch_folder scratch;
  write_atomically(scratch / "config.json", "{\"model_type\": \"llava\"}");
  for (const bool resuming : {false, true}) {
    CHECK_THAT(refusal_of([&] { run_folder(scratch.path(), resuming); }),
               contains("already holds config.json"));
    CHECK(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()) == 1);
  }
  // Copied without its lock, but with a checkpoint: a run.
  save_checkpoint(scratch.path(), {.step = 1}, [](const fs::path&) {});
  CHECK_NOTHROW(run_folder(scratch.path(), true));
}

TEST_CASE("two trainers cannot work in one folder", "[train][run_folder]") {
  const candor_test::scratch_folder scratch;
  std::optional<run_folder> first(scratch / "run");
  for (const bool resuming : {false, true}) {
    const auto message = refusal_of([&] { run_folder(scratch / "run", resuming); });
    CHECK_THAT(message, contains(text("another trainer (process ", ::getpid(), ") works in")));
  }
  run_folder moved = std::move(*first);
  first.reset();
  CHECK(candor_test::in_child([&] { run_folder(scratch / "run", true); }).code == 2);
  moved = run_folder(scratch / "other");
  CHECK_NOTHROW(run_folder(scratch / "run", true));
}

TEST_CASE("a killed trainer leaves no lock, and its half-written checkpoint goes", "[train][run_folder]") {
  const candor_test::scratch_folder scratch;
  const auto end = candor_test::in_child([&] {
    const run_folder run(scratch / "run");
    save_checkpoint(run.path(), {.step = 1}, [](const fs::path&) {});
    save_checkpoint(run.path(), {.step = 2}, [](const fs::path& folder) {
      write_atomically(folder / "weights", "half");
      ::raise(SIGKILL);
    });
  });
  CHECK(end.signal == SIGKILL);
  const auto entries = [&] {
    return std::distance(fs::directory_iterator(scratch / "run"), fs::directory_iterator());
  };
  CHECK(entries() == 3);  // the lock, checkpoint-1, checkpoint-2.tmp.<pid>
  // A process that has got the number of a dead one keeps nothing: the lock says that nobody works here.
  fs::create_directories(scratch / text("run/checkpoint-3.tmp.", ::getppid()));
  // Files below: of a dead process, of a live one, and one that only looks like it.
  const pid_t dead = candor_test::start_child([] {});
  candor_test::wait_for(dead);
  const auto round = scratch / "run/round-1";
  fs::create_directories(round / text(".model.tmp.", dead));
  const auto of_live = round / text(".pairs.jsonl.tmp.", ::getppid(), ".0");
  for (const auto& file : {round / text(".model.tmp.", dead) / "weights", of_live,
                           round / text(".pairs.jsonl.tmp.", dead, ".0"), round / "notes.tmp.1"})
    write_atomically(file, "half");
  const run_folder resumed(scratch / "run", true);
  CHECK(entries() == 3);  // the lock, checkpoint-1, round-1
  CHECK(std::distance(fs::directory_iterator(round), fs::directory_iterator()) == 2);
  CHECK(fs::exists(of_live));
  CHECK(fs::exists(round / "notes.tmp.1"));
  CHECK(find_checkpoint(resumed.path()).found->manifest.step == 1);
}
