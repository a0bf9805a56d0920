// SPDX-License-Identifier: Apache-2.0
// The trainer with calls that fail: it ends with the code of the failure and a message, and resuming gives
// the bytes of a run in which nothing failed. Some calls by chance, or with CANDOR_LONG every one.
#include <candor/core/random.hpp>

#include "faults/failing_calls.hpp"
#include "train/train_world.hpp"

#include <algorithm>
#include <cstdio>
#include <random>

using namespace candor_test;

namespace {

words options_of(const words& more = {}) {
  words all{"--save-steps", "2", "--logging-steps", "3", "--eval-steps", "4", "--eval-fraction", "0.2"};
  all.insert(all.end(), lora.begin(), lora.end());
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// How often a program makes each call.
std::map<std::string, std::uint64_t> calls_of(const std::filesystem::path& counts) {
  std::map<std::string, std::uint64_t> out;
  std::istringstream lines(candor::read_file(counts));
  std::string name;
  for (std::uint64_t n; lines >> name >> n;) out[name] = n;
  return out;
}

struct faulty_world {
  train_world world;
  const environment preload{"LD_PRELOAD", CANDOR_FAILING_CALLS};
  const environment order{"ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0"};
  std::map<std::string, std::uint64_t> calls,
      first_calls;  ///< of a whole run; before it has read its options
  std::map<std::string, std::string> wanted;

  faulty_world() {
    const auto counts = world.scratch / "counts";
    const environment counted("CANDOR_FAIL_COUNTS", counts);
    run_program("rlhf_v", {"--help"});
    first_calls = calls_of(counts);
    world.trained("whole", options_of());
    calls = calls_of(counts);
    wanted = world.results("whole");
  }

  /// Runs with a failure, then resumes. Gives the exit code of the first run.
  int fail_once(const std::string& failure, int code) {
    INFO(failure);
    std::filesystem::remove_all(world.run("faulty"));
    program_end end;
    {
      const environment fault("CANDOR_FAIL_CALL", failure);
      end = world.start("faulty", options_of());
    }
    INFO(end.err);
    CHECK(end.signal == 0);
    CHECK((end.code == code || end.code == 0));
    if (end.code != 0)
      CHECK_THAT(end.err, contains(code == 5                       ? world.scratch.path().string()
                                   : failure.starts_with("block:") ? "[host] cannot allocate"
                                                                   : "out of memory"));
    const auto again = world.start("faulty", options_of({"--resume", "auto"}));
    INFO(again.err);
    CHECK(again.code == 0);
    check_same(wanted, world.results("faulty"));
    for (const auto& [name, bytes] : files_of(world.run("faulty"))) CHECK(name.find(".tmp.") == name.npos);
    return end.code;
  }
};

std::uint64_t seed_of() {
  const char* given = std::getenv("CANDOR_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::printf("seed %llu; CANDOR_SEED repeats it\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace

TEST_CASE("a trainer on a failing disk stops with code 5 and resumes to the same bytes", "[faults][train]") {
  faulty_world faulty;
  const std::map<std::string, words> results{{"write", {"ENOSPC", "EIO", "EDQUOT", "short", "EINTR"}},
                                             {"fsync", {"EIO", "ENOSPC", "EINTR"}},
                                             {"rename", {"EIO", "ENOSPC"}},
                                             {"create", {"ENOSPC", "EMFILE"}},
                                             {"mkdir", {"ENOSPC"}},
                                             {"truncate", {"EIO"}}};
  words all;
  for (const auto& [call, errors] : results) {
    std::printf("%s: %llu calls\n", call.c_str(), static_cast<unsigned long long>(faulty.calls[call]));
    for (std::uint64_t n = 1; n <= faulty.calls[call]; ++n) {
      all.push_back(candor::text(call, ":", n, ":", errors[n % errors.size()], n % 3 == 0 ? ":always" : ""));
      if (errors[n % errors.size()] == "EINTR" && n % 3 == 0)
        all.back() = candor::text(call, ":", n, ":EINTR");
    }
  }
  REQUIRE(all.size() > 100);
  std::shuffle(all.begin(), all.end(), std::mt19937_64(seed_of()));
  if (std::getenv("CANDOR_LONG") == nullptr) all.resize(12);
  std::map<int, int> ends;
  for (const auto& failure : all) ++ends[faulty.fail_once(failure, 5)];
  std::printf("%d runs stopped with code 5, %d went on\n", ends[5], ends[0]);
  CHECK(ends[5] > 0);
}

TEST_CASE("a trainer without memory stops with code 6 and resumes to the same bytes", "[faults][train]") {
  faulty_world faulty;
  const auto [call, least] =
      GENERATE(std::pair("memory", 1000), std::pair("block", 100));  // of C++, of tensors
  const std::uint64_t first = faulty.first_calls[call], last = faulty.calls[call];
  std::printf("%s: allocations %llu to %llu\n", call, static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(last));
  REQUIRE(last > first + static_cast<std::uint64_t>(least));
  // The host asks again for a block after emptying its pool: one refusal alone stops nothing.
  const std::string how = std::string_view(call) == "block" ? ":ENOMEM:always" : ":ENOMEM";
  candor::random_stream random(seed_of(), 1);
  std::map<int, int> ends;
  for (int i = 0; i < (std::getenv("CANDOR_LONG") == nullptr ? 12 : 500); ++i)
    ++ends[faulty.fail_once(candor::text(call, ":", first + 1 + random.below(last - first), how), 6)];
  std::printf("%d runs stopped with code 6, %d went on\n", ends[6], ends[0]);
  CHECK(ends[6] > 0);
}
