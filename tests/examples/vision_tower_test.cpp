// SPDX-License-Identifier: Apache-2.0
// A model that names its tower only is trained as the whole one, given the tower's folder.
#include "examples/trainer_world.hpp"
#include "support/split_tower.hpp"

using namespace candor_test;

TEST_CASE("A trainer takes the tower of an original LLaVA from CLIP's folder", "[examples][rlhf_v]") {
  const trainer_world w({.naming = candor::naming::llava});
  const auto part = w.scratch / "part", clip = w.scratch / "clip";
  split_tower(w.model, part, clip);
  w.accepted();
  const std::string expected = candor::read_file(w.output / "model/model.safetensors");
  std::filesystem::remove_all(w.output);

  w.refused(3, {"\"vision_tower\" is not known", "--vision-tower"}, {"--model", part});
  w.refused(3, {"does not exist"}, {"--model", part, "--vision-tower", w.scratch / "none"});
  w.accepted({"--model", part, "--vision-tower", clip});
  CHECK(candor::read_file(w.output / "model/model.safetensors") == expected);  // the tower included
}
