// SPDX-License-Identifier: Apache-2.0
// Row programs as kernels, over warps and blocks that the emulator runs: whole trainings and texts come out
// as on the host.
#include "cuda/emulated.hpp"
#include "autograd/kl_golden.hpp"
#include "backend/attention_cases.hpp"
#include "backend/model_world.hpp"
#include "backend/not_finite_cases.hpp"

using candor_test::emulated;

TEST_CASE("decoding on the device's kernels gives what the forward pass gives", "[cuda][emulated]") {
  emulated backend({.threads = 1});
  candor_test::check_ragged_decoding(backend);
}

TEST_CASE("the divergence from a reference on warps and blocks is PyTorch's", "[cuda][emulated][kl]") {
  emulated backend({.threads = 1});
  candor_test::check_kl_against_torch<float>(backend, 2e-6, 2e-6);
  candor_test::check_kl_against_torch<candor::bfloat16>(backend, 2e-6, 8e-3);
}

TEST_CASE("training with row programs on warps and blocks gives what the host gives", "[cuda][emulated]") {
  emulated backend({.threads = 1});
  candor_test::check_training(backend);
}

TEST_CASE("scoring and generation with row programs on warps and blocks give what the host gives",
          "[cuda][emulated]") {
  emulated backend({.threads = 1});
  candor_test::check_inference(backend);
}

TEST_CASE("a training on warps and blocks survives what is not finite, and keeps what was learnt before",
          "[cuda][emulated][numeric]") {
  emulated backend({.threads = 1});
  candor_test::check_not_finite(backend);
}
