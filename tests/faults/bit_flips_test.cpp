// SPDX-License-Identifier: Apache-2.0
// One bit of a trainer's checkpoint is wrong, anywhere: it is found, and the checkpoint before is resumed.
#include <candor/train/checkpoint_folder.hpp>

#include "train/train_world.hpp"

#include <fstream>
#include <random>

using namespace candor_test;
namespace fs = std::filesystem;

namespace {

void flip(const fs::path& path, std::uint64_t bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(bit / 8));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(bit / 8));
  file.put(static_cast<char>(byte ^ (1 << (bit % 8))));
  REQUIRE(file.good());
}

}  // namespace

TEST_CASE("a thousand flipped bits of a trainer's checkpoint are all found", "[faults][checkpoint]") {
  const train_world world;
  words options{"--save-steps", "4", "--save-total-limit", "0"};
  options.insert(options.end(), lora.begin(), lora.end());
  const auto run = world.trained("run", options);
  const fs::path newest = run / "checkpoint-10", before_it = run / "checkpoint-8";
  REQUIRE(candor::find_checkpoint(run).found->folder == newest);

  std::vector<std::pair<fs::path, std::uint64_t>> files;  // with their bits; the manifest is one of them
  for (const auto& entry : fs::recursive_directory_iterator(newest))
    if (entry.is_regular_file() && entry.file_size() > 0)
      files.emplace_back(entry.path(), 8 * entry.file_size());
  REQUIRE(files.size() >= 4);
  const auto listed = [&](const char* name) {
    return std::any_of(files.begin(), files.end(), [&](const auto& f) { return f.first.filename() == name; });
  };
  CHECK(listed("MANIFEST.json"));
  CHECK(listed("optimizer.safetensors"));

  std::mt19937_64 random(20);
  std::size_t missed = 0, unnamed = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    const auto& [path, bits] = files[i % files.size()];
    const std::uint64_t bit = random() % bits;
    flip(path, bit);
    const auto search = candor::find_checkpoint(run);
    missed += search.found->folder == before_it ? 0 : 1;
    unnamed +=
        search.warnings.size() == 1 && search.warnings[0].find(path.string()) != std::string::npos ? 0 : 1;
    flip(path, bit);
  }
  CHECK(missed == 0);
  CHECK(unnamed == 0);
  CHECK(candor::find_checkpoint(run).found->folder == newest);

  // The trainer itself says so, goes on from step 8, and ends with the same weights.
  const auto before = world.results("run");
  const auto& [damaged, bits] = files[random() % files.size()];
  flip(damaged, random() % bits);
  words again = options;
  again.insert(again.end(), {"--resume", "auto", "--quiet", "false"});
  const auto end = world.start("run", again);
  CHECK(end.code == 0);
  CHECK_THAT(end.err, contains("checkpoint-10 is passed over"));
  check_same(before, world.results("run"));
}
