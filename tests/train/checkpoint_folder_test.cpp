// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/core/fault.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/train/checkpoint_folder.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <random>

using namespace candor;
using candor_test::contains;
using candor_test::unfinished;
namespace fs = std::filesystem;

namespace {

/// The content of a file of a step: long enough to have many bits, different in every step.
std::string content(std::int64_t step, std::string_view name) {
  std::mt19937 bits(static_cast<unsigned>(step * 1000) + static_cast<unsigned>(name.size()));
  std::string out(600, '\0');
  for (char& c : out) c = static_cast<char>(bits() & 0xffu);
  return out;
}

fs::path save(const fs::path& run, std::int64_t step, std::int64_t keep = 0, std::int64_t best = 0) {
  return save_checkpoint(
      run, {.step = step, .config_hash = "c0ffee", .keep = keep, .best = best}, [&](const fs::path& folder) {
        write_atomically(folder / "trainer_state.json", content(step, "trainer_state.json"));
        fs::create_directory(folder / "adapter");
        write_atomically(folder / "adapter/weights", content(step, "weights"));
        std::ofstream(folder / "empty");  // files may also be written without atomic_file
      });
}

/// The newest checkpoint that verifies, with its content checked; -1 for none.
std::int64_t loadable(const fs::path& run) {
  const auto search = find_checkpoint(run);
  if (!search.found) return -1;
  const auto step = search.found->manifest.step;
  REQUIRE(read_file(search.found->folder / "trainer_state.json") == content(step, "trainer_state.json"));
  REQUIRE(read_file(search.found->folder / "adapter/weights") == content(step, "weights"));
  return step;
}

void overwrite(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

template <class Error, class Work>
std::string message_of(Work work) {
  try {
    work();
  } catch (const Error& problem) {
    return problem.what();
  }
  return "(nothing was thrown)";
}

}  // namespace

TEST_CASE("a checkpoint lists its files with sizes and hashes", "[train][checkpoint]") {
  const candor_test::scratch_folder run;
  const auto folder = save(run.path(), 120);
  CHECK(folder == run / "checkpoint-120");
  const auto manifest = open_checkpoint(folder).manifest;
  CHECK(manifest.format_version == 1);
  CHECK(manifest.step == 120);
  CHECK(manifest.world_size == 1);
  CHECK(manifest.config_hash == "c0ffee");
  CHECK(manifest.bytes() == 1200);
  REQUIRE(manifest.files.size() == 3);
  CHECK(manifest.files[0].name == "adapter/weights");
  CHECK(manifest.files[0].bytes == 600);
  CHECK(manifest.files[0].digest == hash_bytes(content(120, "weights")));
  CHECK(manifest.files[1].name == "empty");
  CHECK(manifest.files[1].bytes == 0);
  CHECK(manifest.files[2].name == "trainer_state.json");
  CHECK(unfinished(run.path()) == 0);
}

TEST_CASE("resuming takes the newest checkpoint by number", "[train][checkpoint]") {
  const candor_test::scratch_folder run;
  CHECK(loadable(run.path()) == -1);
  CHECK_FALSE(find_checkpoint(run / "absent").found);
  for (const std::int64_t step : {100, 9, 20}) save(run.path(), step);
  for (const char* name : {"checkpoint-0200", "checkpoint-", "checkpoint--5", "checkpoint-300x",
                           "checkpoint-300.tmp.x", "checkpoint-99999999999999999999"})
    fs::create_directory(run / name);
  overwrite(run / "checkpoint-500", "a file");
  CHECK(list_checkpoints(run.path()) == std::vector<std::int64_t>{9, 20, 100});
  const auto search = find_checkpoint(run.path());
  CHECK(search.found->folder == run / "checkpoint-100");
  CHECK(search.warnings.empty());
}

TEST_CASE("only the newest checkpoints up to the limit stay", "[train][checkpoint]") {
  const candor_test::scratch_folder run;
  for (std::int64_t step = 1; step <= 5; ++step) save(run.path(), step, 2);
  CHECK(list_checkpoints(run.path()) == std::vector<std::int64_t>{4, 5});
  save(run.path(), 6, 1);
  CHECK(list_checkpoints(run.path()) == std::vector<std::int64_t>{6});
  // Later steps of an abandoned future stay, and do not push the new one out.
  save(run.path(), 2, 1);
  CHECK(list_checkpoints(run.path()) == std::vector<std::int64_t>{2, 6});
  CHECK(unfinished(run.path()) == 0);
}

TEST_CASE("the best checkpoint stays and counts as one of those that are kept", "[train][checkpoint]") {
  const candor_test::scratch_folder run;
  for (const std::int64_t step : {1, 2, 3, 4, 5}) save(run.path(), step, 3, step >= 2 ? 2 : 1);
  CHECK(list_checkpoints(run.path()) == std::vector<std::int64_t>{2, 4, 5});
  save(run.path(), 6, 1, 2);  // the newest stays too: it is what resuming needs
  CHECK(list_checkpoints(run.path()) == std::vector<std::int64_t>{2, 6});
  save(run.path(), 7, 1, 7);
  CHECK(list_checkpoints(run.path()) == std::vector<std::int64_t>{7});
  save(run.path(), 8, 2, 3);  // one that is gone protects nothing
  CHECK(list_checkpoints(run.path()) == std::vector<std::int64_t>{7, 8});
}

TEST_CASE("each flipped bit of a checkpoint is found and the one before is taken", "[train][checkpoint]") {
  const candor_test::scratch_folder run;
  save(run.path(), 1);
  const auto newest = save(run.path(), 2);
  std::mt19937 random(7);
  const std::array names{"trainer_state.json", "adapter/weights", "MANIFEST.json"};
  std::size_t missed = 0, unnamed = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string_view name = names[static_cast<std::size_t>(i) % names.size()];
    const auto whole = read_file(newest / name);
    auto flipped = whole;
    const auto at = random() % (whole.size() * 8);
    flipped[at / 8] = static_cast<char>(flipped[at / 8] ^ (1 << (at % 8)));
    overwrite(newest / name, flipped);
    const auto search = find_checkpoint(run.path());
    missed += search.found->manifest.step == 1 ? 0 : 1;
    unnamed +=
        search.warnings.size() == 1 && search.warnings[0].find((newest / name).string()) != std::string::npos
            ? 0
            : 1;
    overwrite(newest / name, whole);
  }
  CHECK(missed == 0);
  CHECK(unnamed == 0);
  CHECK(loadable(run.path()) == 2);
}

TEST_CASE("a damaged checkpoint is refused with its bad file", "[train][checkpoint]") {
  const candor_test::scratch_folder run;
  const auto folder = save(run.path(), 3);
  const auto weights = folder / "adapter/weights", manifest = folder / "MANIFEST.json";
  const auto whole = read_file(weights), listed = read_file(manifest);
  const auto refused = [&] { return message_of<input_error>([&] { open_checkpoint(folder); }); };

  overwrite(weights, whole.substr(1));
  CHECK_THAT(refused(), contains("weights holds 599 bytes, the manifest says 600"));
  fs::remove(weights);
  CHECK_THAT(refused(), contains("weights is missing"));
  fs::create_symlink("/dev/null", weights);
  CHECK_THAT(refused(), contains("not a regular file"));
  fs::remove(weights);
  overwrite(weights, whole);
  CHECK_NOTHROW(open_checkpoint(folder));

  const auto replaced = [&](const std::string& from, const std::string& to) {
    auto changed = listed;
    const auto at = changed.find(from);
    REQUIRE(at != std::string::npos);
    overwrite(manifest, changed.replace(at, from.size(), to));
    return refused();
  };
  CHECK_THAT(replaced("\"step\": 3", "\"step\": 4"), contains("changed after it was written"));
  CHECK_THAT(replaced("\"step\": 3", "\"step\": -3"), contains("step"));
  CHECK_THAT(replaced("\"step\": 3", "\"step\": 3e0"), contains("step"));
  CHECK_THAT(replaced("\"format_version\": 1", "\"format_version\": 2"), contains("use a newer candor"));
  CHECK_THAT(replaced("adapter/weights", "../checkpoint-3/empty"), contains("not a plain name"));
  CHECK_THAT(replaced("adapter/weights", "/etc/passwd"), contains("not a plain name"));
  CHECK_THAT(replaced("adapter/weights", "MANIFEST.json"), contains("not a plain name"));
  CHECK_THAT(replaced("c0ffee", "c0ffef"), contains("changed after it was written"));
  CHECK_THAT(replaced("\"files\"", "\"filez\""), contains("\"files\" is missing"));
  CHECK_THAT(replaced("[", "[[[[[[[[[["), contains("MANIFEST.json"));
  overwrite(manifest, "");
  CHECK_THAT(refused(), contains("MANIFEST.json"));
  overwrite(manifest, listed + " ");
  CHECK_THAT(refused(), contains("changed after it was written"));
  fs::remove(manifest);
  CHECK_THAT(message_of<io_error>([&] { open_checkpoint(folder); }), contains("MANIFEST.json"));
  overwrite(manifest, listed);
  fs::rename(folder, run / "checkpoint-4");
  CHECK_THAT(message_of<input_error>([&] { open_checkpoint(run / "checkpoint-4"); }),
             contains("manifest is of step 3"));
  CHECK_THAT(message_of<input_error>([&] { open_checkpoint(run / "checkpoint-3"); }),
             contains("not a checkpoint folder"));
}

TEST_CASE("where no checkpoint verifies the run does not silently start anew", "[train][checkpoint]") {
  const candor_test::scratch_folder run;
  overwrite(save(run.path(), 1) / "adapter/weights", "x");
  fs::remove(save(run.path(), 2) / "MANIFEST.json");
  const auto message = message_of<input_error>([&] { find_checkpoint(run.path()); });
  CHECK_THAT(message, contains("checkpoint-1/adapter/weights holds 1 bytes"));
  CHECK_THAT(message, contains("checkpoint-2/MANIFEST.json"));
  CHECK_THAT(message, contains("choose another folder"));
}

TEST_CASE("a failing save leaves nothing behind and the earlier checkpoint as it was",
          "[train][checkpoint]") {
  const candor_test::scratch_folder run;
  save(run.path(), 1);
  const auto failing = [&](auto write) { save_checkpoint(run.path(), {.step = 2, .keep = 1}, write); };
  CHECK_THROWS_AS(failing([](const fs::path& folder) {
                    write_atomically(folder / "a", "x");
                    throw numeric_error("no");
                  }),
                  numeric_error);
  CHECK_THROWS_AS(failing([](const fs::path& folder) { fs::create_symlink("/dev/null", folder / "link"); }),
                  usage_error);
  CHECK_THROWS_AS(failing([](const fs::path& folder) { write_atomically(folder / "two words", "x"); }),
                  usage_error);
  CHECK_THAT(message_of<io_error>([&] {
               save_checkpoint(run.path(), {.step = 2, .expected_bytes = std::uint64_t{1} << 60},
                               [](const fs::path&) {});
             }),
             contains("MiB left; free some space"));
  CHECK_THROWS_AS(save(run.path(), -1), usage_error);
  CHECK_THROWS_AS(save(run / "absent", 1), io_error);
  CHECK(unfinished(run.path()) == 0);
  CHECK(list_checkpoints(run.path()) == std::vector<std::int64_t>{1});
  CHECK(loadable(run.path()) == 1);
}

TEST_CASE("a disk that fills up while a checkpoint is written leaves the earlier one",
          "[train][checkpoint]") {
  const candor_test::scratch_folder run;
  save(run.path(), 1);
  const auto on_disk_of = [&](rlim_t bytes, auto save_second) {
    INFO(bytes);
    const auto end = candor_test::in_child([&] {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{bytes, bytes};
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(98);
      save_second();
    });
    CHECK(end.code == 5);
    CHECK(unfinished(run.path()) == 0);
    CHECK(loadable(run.path()) == 1);
  };
  for (const rlim_t bytes : {0, 1, 599}) on_disk_of(bytes, [&] { save(run.path(), 2, 1); });
  // The file fits, the manifest does not.
  on_disk_of(100, [&] {
    save_checkpoint(run.path(), {.step = 2, .keep = 1},
                    [](const fs::path& folder) { write_atomically(folder / "a", "x"); });
  });
}

TEST_CASE("half-written checkpoints of dead processes are removed", "[train][checkpoint]") {
  const candor_test::scratch_folder run;
  save(run.path(), 1);
  const pid_t dead = candor_test::start_child([] {});
  candor_test::wait_for(dead);
  const auto folder_of = [&](std::int64_t pid) { return run / text("checkpoint-2.tmp.", pid); };
  for (const std::int64_t pid : {std::int64_t{dead}, std::int64_t{::getpid()}, std::int64_t{::getppid()}}) {
    fs::create_directory(folder_of(pid));
    overwrite(folder_of(pid) / "weights", "half");
  }
  CHECK(find_checkpoint(run.path()).warnings.empty());  // an unfinished one is not even looked at
  CHECK(remove_stale_checkpoints(run.path()).size() == 2);
  CHECK_FALSE(fs::exists(folder_of(dead)));
  CHECK_FALSE(fs::exists(folder_of(::getpid())));
  CHECK(fs::exists(folder_of(::getppid())));
  CHECK(loadable(run.path()) == 1);
}

TEST_CASE("a kill or a failure at any point of a save leaves a checkpoint to resume",
          "[train][checkpoint][fault]") {
#if CANDOR_FAULT_POINTS
  std::size_t stops = 0;
  const auto stop_everywhere = [&](const char* point, const char* action, std::int64_t step) {
    for (int pass = 1;; ++pass) {
      INFO(point << ':' << pass << ':' << action << ", step " << step);
      REQUIRE(pass < 20);
      const candor_test::scratch_folder run;
      save(run.path(), 1);
      save(run.path(), 2);
      const auto end = candor_test::in_child([&] {
        ::setenv("CANDOR_FAULT", text(point, ":", pass, ":", action).c_str(), 1);
        save(run.path(), step, 1);
      });
      if (end.signal == 0 && end.code == 0) {
        CHECK(pass > 1);  // the point exists
        return;
      }
      ++stops;
      const bool killed = std::string_view(action) == "kill";
      CHECK(end.signal == (killed ? SIGKILL : 0));
      if (!killed) {
        CHECK(end.code == 5);
        CHECK(unfinished(run.path()) == 0);
      }
      CHECK(loadable(run.path()) >= 2);
      CHECK(find_checkpoint(run.path()).warnings.empty());
      remove_stale_checkpoints(run.path());
      CHECK(unfinished(run.path()) == 0);
      save(run.path(), 4, 1);
      CHECK(list_checkpoints(run.path()) == std::vector<std::int64_t>{4});
      CHECK(loadable(run.path()) == 4);
    }
  };
  // Step 3 is new, step 2 replaces a checkpoint that is there.
  for (const std::int64_t step : {3, 2})
    for (const char* action : {"kill", "fail"})
      for (const char* point :
           {"file.write", "file.before_fsync", "file.after_fsync", "file.before_rename", "file.after_rename",
            "checkpoint.created", "checkpoint.before_manifest", "checkpoint.after_manifest",
            "checkpoint.before_rename", "checkpoint.after_rename", "checkpoint.before_verify",
            "checkpoint.before_purge", "checkpoint.during_purge"})
        stop_everywhere(point, action, step);
  CHECK(stops >= 80);
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}
