// SPDX-License-Identifier: Apache-2.0
/// TensorBoard's events of whole runs: the scalars of metrics.jsonl, once each, also after a kill.

#include <candor/core/bits.hpp>
#include <candor/io/event_file.hpp>
#include <candor/train/run_log.hpp>

#include "train/train_world.hpp"

#include <csignal>
#include <set>

using namespace candor_test;

namespace {

std::vector<std::filesystem::path> event_files(const std::filesystem::path& run) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(run))
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

/// The fields of a protobuf message, in order: varints and fixed numbers as their value, else bytes.
struct field {
  int number = 0;
  std::uint64_t value = 0;
  std::string bytes;
};

std::vector<field> fields_of(std::string_view message) {
  std::vector<field> out;
  const auto take = [&](std::size_t count) {
    REQUIRE(count <= message.size());
    const auto part = message.substr(0, count);
    message.remove_prefix(count);
    return part;
  };
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
  };
  const auto fixed = [&](std::size_t count) {
    std::uint64_t value = 0;
    const auto part = take(count);
    for (std::size_t i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(part[i]);
    return value;
  };
  while (!message.empty()) {
    const std::uint64_t key = varint();
    field f{static_cast<int>(key >> 3), 0, {}};
    if ((key & 7) == 0) f.value = varint();
    if ((key & 7) == 1) f.value = fixed(8);
    if ((key & 7) == 5) f.value = fixed(4);
    if ((key & 7) == 2) f.bytes = std::string(take(varint()));
    out.push_back(std::move(f));
  }
  return out;
}

std::uint64_t number_of(const std::vector<field>& message, int wanted) {
  for (const auto& f : message)
    if (f.number == wanted) return f.value;
  return 0;
}

/// Tag and step -> value over all files, by TensorBoard's rule: a restart drops what came at its step or
/// later.
std::map<std::pair<std::string, std::uint64_t>, float> scalars_of(const std::filesystem::path& run) {
  std::map<std::pair<std::string, std::uint64_t>, float> out;
  for (const auto& path : event_files(run)) {
    const std::string bytes = candor::read_file(path);
    for (std::size_t at = 0; at + 12 <= bytes.size();) {
      std::uint64_t length = 0;
      for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
      if (at + length + 16 > bytes.size()) break;  // killed while it was written
      const std::string event = bytes.substr(at + 12, length);
      const std::string record = candor::detail::tfrecord(event);
      REQUIRE((bytes.substr(at, record.size()) == record));
      at += record.size();
      const auto fields = fields_of(event);
      const std::uint64_t step = number_of(fields, 2);
      for (const auto& f : fields) {
        if (f.number == 7) std::erase_if(out, [&](const auto& entry) { return entry.first.second >= step; });
        if (f.number != 5) continue;
        for (const auto& value : fields_of(f.bytes)) {
          const auto parts = fields_of(value.bytes);
          if (parts.size() != 2) continue;  // a text
          const auto place = std::pair(parts[0].bytes, step);
          CHECK_FALSE(out.contains(place));
          out[place] = candor::bit_cast<float>(static_cast<std::uint32_t>(parts[1].value));
        }
      }
    }
  }
  return out;
}

/// Each number of metrics.jsonl is in the events under its name and step, and no other; of an evaluation's
/// line those that it measured.
void check_same_scalars(const train_world& world, const std::string& run) {
  auto scalars = scalars_of(world.run(run));
  for (const auto& line : world.metrics(run))
    for (const auto& [name, value] : line.items()) {
      if (name == "global_step" || line.contains("eval_loss") != name.starts_with("eval_")) continue;
      const auto place = std::pair(name, line.at("global_step").get<std::uint64_t>());
      INFO(name << " at " << place.second);
      REQUIRE(scalars.contains(place));
      CHECK(scalars.at(place) == value.get<float>());
      scalars.erase(place);
    }
  CHECK(scalars.empty());
}

const words logged_run{"--save-steps", "3", "--eval-steps", "4", "--eval-fraction", "0.2", "--lora-r", "2"};

}  // namespace

TEST_CASE("TensorBoard sees what metrics.jsonl says, and the options as a text", "[train][events]") {
  const train_world world;
  world.trained("run", logged_run);
  const auto files = event_files(world.run("run"));
  REQUIRE(files.size() == 1);
  check_same_scalars(world, "run");
  CHECK_THAT(candor::read_file(files[0]), contains("| batch_size | 2 |\n"));
}

TEST_CASE("a run that was killed has each point once after it is resumed", "[train][events][fault]") {
#if CANDOR_FAULT_POINTS
  const train_world world;
  for (const char* moment : {"trainer.before_update:2", "metrics.write:6", "trainer.before_update:8"}) {
    INFO(moment);
    {
      const environment fault("CANDOR_FAULT", candor::text(moment, ":kill"));
      REQUIRE(world.start("run", logged_run).signal == SIGKILL);
    }
    words again = logged_run;
    again.insert(again.end(), {"--resume", "auto"});
    world.trained("run", again);
    CHECK(event_files(world.run("run")).size() == 2);
    check_same_scalars(world, "run");
    world.trained("run", again);
    CHECK(event_files(world.run("run")).size() == 2);  // it had ended: nothing to tell
    std::filesystem::remove_all(world.run("run"));
  }
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}

TEST_CASE("without TensorBoard there are no event files, and other reporters are refused",
          "[train][events]") {
  const train_world world;
  world.trained("run", {"--report-to", "none"});
  CHECK(event_files(world.run("run")).empty());
  const auto end = world.start("other", {"--report-to", "wandb"});
  CHECK(end.code == 2);
  CHECK_THAT(end.err, contains("use tensorboard"));
}

TEST_CASE("outside a terminal a training tells in lines what it does", "[train][progress]") {
  const train_world world;
  const auto end = world.start("run", {"--quiet", "false", "--lora-r", "2"});
  REQUIRE(end.code == 0);
  for (const char* part :
       {"train: step 10/10 (100 %), ", " left, ", " pairs/s, ", " tokens/s, ", " images/s, peak ",
        " GiB, loss ", "rewards/margins ", "rewards/accuracies ", "learning_rate "})
    CHECK_THAT(end.err, contains(part));
  CHECK(end.err.find('\r') == std::string::npos);
}
