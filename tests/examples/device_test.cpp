// SPDX-License-Identifier: Apache-2.0
// --device: what it understands, and what a program says that has no such device.
#include "examples/trainer_world.hpp"
#include "program/device_options.hpp"

using namespace candor_test;

TEST_CASE("a device is named by its kind and number", "[examples][device]") {
  using program::cuda_device_of;
  CHECK(cuda_device_of("cpu") == std::nullopt);
  CHECK(cuda_device_of("cuda") == 0);
  CHECK(cuda_device_of("cuda:0") == 0);
  CHECK(cuda_device_of("cuda:13") == 13);
  for (const char* word : {"", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:1x", "cuda1", "cuda:99999999999", "cpu:0"}) {
    INFO(word);
    CHECK_THROWS_WITH(cuda_device_of(word), contains("use cpu, cuda or cuda:N"));
  }
}

TEST_CASE("a trainer that cannot use a device says what can be done", "[examples][device]") {
  const trainer_world world;
  world.refused(2, {"--device gpu is unknown: use cpu, cuda or cuda:N"}, {"--device", "gpu"});
  // Without CUDA in the build, without a driver, or without so many devices.
  world.refused(2, {"--device cuda:63"}, {"--device", "cuda:63"});
}

TEST_CASE("the CPU takes no more memory than it may, and a trainer leaves nothing broken", "[examples][device]") {
  const trainer_world world;
  world.accepted({"--memory-limit", "2GiB"});
  std::filesystem::remove_all(world.output);
  world.refused(6, {"the limit is 256 KiB", "lower --max-tokens", "it was for a tensor ("}, {"--memory-limit", "256KiB"});
}
