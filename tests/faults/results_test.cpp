// SPDX-License-Identifier: Apache-2.0
// Whatever call fails while a result is written, the one that was there before stays, or the new one is
// there.
#include <candor/io/atomic_file.hpp>
#include <candor/io/staged_folder.hpp>
#include <candor/train/metrics.hpp>

#include "faults/fail_everywhere.hpp"
#include "support/child.hpp"

#include <optional>

using namespace candor;
using namespace candor_test;
namespace fs = std::filesystem;

namespace {

/// Every kind of failure, once and for good.
template <class Prepare, class Work, class Check>
std::uint64_t fail_in_all_ways(Prepare prepare, Work work, Check check) {
  std::uint64_t failures = 0;
  for (const auto& kind : disk_failures)
    for (const bool always : {false, true})
      if (!(always && kind.harmless)) failures += fail_everywhere(kind, always, prepare, work, check);
  return failures;
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a file that is replaced is the old or the new one, whatever fails", "[faults][io]") {
  std::optional<scratch_folder> scratch;
  const std::string before(1000, 'a'), after(2000, 'b');
  const auto failures = fail_in_all_ways(
      [&] {
        scratch.emplace();
        write_atomically(*scratch / "result.json", before);
      },
      [&] { write_atomically(*scratch / "result.json", after); },
      [&](const work_end& end) {
        const auto found = read_file(*scratch / "result.json");
        CHECK((found == after || (found == before && end.code != 0)));
        CHECK(entries(scratch->path()) == 1);
      });
  CHECK(failures >= 30);
}

TEST_CASE("a folder that is replaced is the old or the new one, whatever fails", "[faults][io]") {
  std::optional<scratch_folder> scratch;
  const auto write = [&](const std::string& content) {
    staged_folder stage(*scratch / "adapter");
    write_atomically(stage.path() / "config", content);
    write_atomically(stage.path() / "weights", content);
    stage.commit();
  };
  const auto failures = fail_in_all_ways(
      [&] {
        scratch.emplace();
        write("before");
      },
      [&] { write("after"); },
      [&](const work_end& end) {
        REQUIRE(fs::exists(*scratch / "adapter/config"));
        const auto found = read_file(*scratch / "adapter/config");
        CHECK(read_file(*scratch / "adapter/weights") == found);
        CHECK((found == "after" || (found == "before" && end.code != 0)));
        CHECK(entries(scratch->path()) == 1);
      });
  CHECK(failures >= 60);
}

TEST_CASE("metrics are whole lines, whatever fails", "[faults][train]") {
  std::optional<scratch_folder> scratch;
  const auto write = [&](int lines) {
    const auto path = *scratch / "metrics.jsonl";
    metrics_writer writer(path, fs::exists(path) ? fs::file_size(path) : 0);
    for (int i = 0; i < lines; ++i) {
      metrics_row row;
      row.set("loss", 0.5 * i);
      writer.write(row);
    }
    writer.sync();
  };
  const auto failures = fail_in_all_ways(
      [&] {
        scratch.emplace();
        write(2);
      },
      [&] { write(3); },
      [&](const work_end& end) {
        const auto found = read_file(*scratch / "metrics.jsonl");
        const auto lines = std::count(found.begin(), found.end(), '\n');
        CHECK(found.back() == '\n');
        CHECK((end.code == 0 ? lines == 5 : lines >= 2));
      });
  CHECK(failures >= 10);
}
