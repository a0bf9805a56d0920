// SPDX-License-Identifier: Apache-2.0
// The JSON files of a model folder. One input stands under all their names, and each reader takes it.
#include <candor/image/transform.hpp>
#include <candor/model/llava_config.hpp>

#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace candor_fuzz;
  static memory_file input;
  static const scratch_folder model;
  [[maybe_unused]] static const bool linked = [] {
    for (const char* name : {"config.json", "preprocessor_config.json"})
      std::filesystem::create_symlink(input.path(), model / name);
    return true;
  }();
  input.hold(data, size);
  accepted(model.path().native(), [&] {
    const auto config = candor::read_llava_config(model.path());
    promise(config.image_tokens() > 0, "an image has tokens");
    promise(config.feature_blocks() >= 0 && config.feature_blocks() <= config.vision.num_hidden_layers,
            "the feature layer is one of the tower's");
  });
  accepted(model.path().native(), [&] {
    const auto transform = candor::read_image_transform(model.path());
    promise(transform.size > 0, "the image has a size");
  });
  return 0;
}
