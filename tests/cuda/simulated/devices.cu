// SPDX-License-Identifier: Apache-2.0
// Devices that do not serve, and one that is lost in the middle of something.
#include "cuda/device/with_device.cuh"
#include "cuda/simulator/device.hpp"
#include "support/environment.hpp"

#include <string>

using candor_test::contains;

namespace {

/// A variable of the environment for a while, and a device that is whole again behind it.
struct with_setting {
  candor_test::environment variable;
  ~with_setting() { simulator::device::instance().recover(); }
};

struct add_one_program {
  float* out;
  std::int64_t n;
  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    float* to = out + row * n;
    team.each(n, [=](std::int64_t i) { to[i] += 1.0f; });
  }
};

}  // namespace

TEST_CASE("a device that cannot run the kernels is refused in words", "[simulated]") {
  {
    const with_setting none{{"CANDOR_SIMULATOR_DEVICES", "0"}};
    CHECK_THROWS_WITH(candor::cuda(0), contains("shows no device") && contains("use --device cpu"));
  }
  {
    const with_setting old{{"CANDOR_SIMULATOR_CAPABILITY", "75"}};
    CHECK_THROWS_WITH(candor::cuda(0), contains("its compute capability is 7.5, but 8.0 is needed"));
  }
  const with_setting driver{{"CANDOR_SIMULATOR_DRIVER", "11080"}};
  CHECK_THROWS_WITH(candor::cuda(0),
                    contains("the driver knows CUDA 11.8") && contains("install a newer driver"));
}

TEST_CASE("memory that the device does not have is refused by what it was for", "[simulated]") {
  const with_setting small{{"CANDOR_SIMULATOR_MEMORY", std::to_string(std::size_t{100} << 20)}};
  candor::cuda gpu(0);
  const auto before = gpu.bytes_in_use();
  CHECK_THROWS_WITH((candor::tensor<candor::cuda, float>(gpu, {30, std::int64_t{1} << 20})),
                    contains("a tensor (30, 1048576)"));
  CHECK(gpu.bytes_in_use() == before);
  const candor::tensor<candor::cuda, float> fits(gpu, {10, std::int64_t{1} << 20});
  CHECK(fits);
}

TEST_CASE(
    "an error on the device is thrown by what finds it, and by what caused it where every operation is "
    "waited for",
    "[simulated]") {
  for (const bool waits : {false, true}) {
    const with_setting sync{{"CANDOR_CUDA_SYNC", waits ? "1" : "0"}}, fault{{"CANDOR_SIMULATOR_FAULT_AT", "2"}};
    simulator::device::instance().recover();
    const auto run = [] {
      candor::cuda gpu(0);
      candor::tensor<candor::cuda, float> m(gpu, {8, 33});
      m.zero();
      for (int i = 0; i < 3; ++i) gpu.rows(8, 33, add_one_program{m.view().data, 33});
      m.to_vector();
    };
    CHECK_THROWS_AS(run(), candor::device_error);
    simulator::device::instance().recover();
    CHECK_THROWS_WITH(run(),
                      contains(waits ? "add_one_program over 8 rows of 33" : "copy_out of 1056 bytes") &&
                          contains("--resume auto"));
  }
}
