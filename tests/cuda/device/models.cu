// SPDX-License-Identifier: Apache-2.0
// Whole trainings, log-probs and texts on the device, compared with the host's.
#include "backend/model_world.hpp"
#include "backend/not_finite_cases.hpp"
#include "cuda/device/with_device.cuh"

TEST_CASE("training on the device gives what the host gives", "[device][sanitize]") {
  CANDOR_BACKEND(candor::cuda, gpu);
  candor_test::check_training(gpu);
}

TEST_CASE("training across images on the device gives what the host gives", "[device][sanitize]") {
  CANDOR_BACKEND(candor::cuda, gpu);
  candor_test::check_training_across_images(gpu);
}

TEST_CASE("scoring and generation on the device give what the host gives", "[device]") {
  CANDOR_BACKEND(candor::cuda, gpu);
  candor_test::check_inference(gpu);
}

TEST_CASE("a training on the device survives what is not finite, and keeps what was learnt before", "[device][numeric]") {
  CANDOR_BACKEND(candor::cuda, gpu);
  candor_test::check_not_finite(gpu);
}
