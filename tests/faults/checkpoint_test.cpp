// SPDX-License-Identifier: Apache-2.0
// Whatever call fails while a checkpoint is saved, there is one to resume, and nothing is left behind.
#include <candor/io/atomic_file.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/train/checkpoint_folder.hpp>

#include "faults/fail_everywhere.hpp"
#include "support/child.hpp"

#include <cstdio>
#include <exception>
#include <optional>

using namespace candor;
using namespace candor_test;
namespace fs = std::filesystem;

namespace {

void save(const fs::path& run, std::int64_t step, std::int64_t keep) {
  const std::vector<float> weights(40, static_cast<float>(step));
  save_checkpoint(run, {.step = step, .config_hash = "c0ffee", .keep = keep}, [&](const fs::path& folder) {
    std::error_code failed;
    fs::create_directory(folder / "adapter", failed);
    if (failed) fail<io_error>("cannot create ", (folder / "adapter").string(), ": ", failed.message());
    write_safetensors(folder / "adapter/adapter_model.safetensors", {source_of<float>("w", {40}, weights)});
    write_safetensors(folder / "optimizer.safetensors", {source_of<float>("m", {40}, weights)});
    write_atomically(folder / "trainer_state.json", text("{\"step\": ", step, "}"));
  });
}

std::int64_t loadable(const fs::path& run) {
  const auto found = find_checkpoint(run).found;
  if (!found) return -1;
  const auto step = found->manifest.step;
  const safetensors_file weights(found->folder / "adapter/adapter_model.safetensors");
  CHECK(weights.read_as<float>(*weights.find("w")) == std::vector<float>(40, static_cast<float>(step)));
  CHECK(read_file(found->folder / "trainer_state.json") == text("{\"step\": ", step, "}"));
  return step;
}

/// After a save that failed: nothing is lost, nothing is left behind, and the next save succeeds.
void check_recovery(const fs::path& run) {
  CHECK(loadable(run) >= 2);
  CHECK(find_checkpoint(run).warnings.empty());
  remove_stale_checkpoints(run);
  CHECK(unfinished(run) == 0);
  save(run, 4, 1);
  CHECK(list_checkpoints(run) == std::vector<std::int64_t>{4});
  CHECK(loadable(run) == 4);
}

/// Checkpoints 1 and 2 are there; saves `step` as the only one that is kept. An error names where.
std::uint64_t fail_in_save(const failure_kind& kind, bool always, std::int64_t step) {
  std::optional<scratch_folder> run;
  return fail_everywhere(
      kind, always,
      [&] {
        run.emplace();
        save(run->path(), 1, 0);
        save(run->path(), 2, 0);
      },
      [&] { save(run->path(), step, 1); },
      [&](const work_end& end) {
        if (end.code != 0) CHECK_THAT(end.message, contains(run->path().string()));
        check_recovery(run->path());
      });
}

/// The same for allocations, in a child: where memory ends in a destructor (that of nlohmann's json
/// allocates), nothing can be thrown and the process ends.
std::uint64_t fail_allocations_in_save(bool always) {
  constexpr int survived = 50;  // an allocation failed, and the checkpoint is whole all the same
  for (std::uint64_t n = 1;; ++n) {
    INFO("allocation " << n << (always ? " and all later ones" : ""));
    REQUIRE(n < 100'000);
    const scratch_folder run;
    save(run.path(), 1, 0);
    save(run.path(), 2, 0);
    const auto end = in_child([&] {
      std::set_terminate([] { ::_exit(6); });
      arm({failing_call::memory, n, ENOMEM, always});
      const auto end = end_of([&] { save(run.path(), 3, 1); });
      ::_exit(disarm() && end.code == 0 ? survived : end.code);
    });
    CHECK(end.signal == 0);
    CHECK((end.code == 6 || end.code == survived || end.code == 0));
    check_recovery(run.path());
    if (end.code == 0) return n - 1;
  }
}

}  // namespace

TEST_CASE("a disk that fails at any call of a save leaves a checkpoint to resume", "[faults][checkpoint]") {
  std::uint64_t failures = 0;
  for (const auto& kind : disk_failures)
    for (const bool always : {false, true})
      for (const std::int64_t step : {3, 2})  // a new one, and one that replaces what is there
        if (!(always && kind.harmless)) failures += fail_in_save(kind, always, step);
  std::printf("%llu failing calls\n", static_cast<unsigned long long>(failures));
  CHECK(failures >= 300);
}

TEST_CASE("memory that ends at any allocation of a save leaves a checkpoint to resume",
          "[faults][checkpoint]") {
  const auto failures = fail_allocations_in_save(false) + fail_allocations_in_save(true);
  std::printf("%llu failing allocations\n", static_cast<unsigned long long>(failures));
  CHECK(failures >= 500);
}
