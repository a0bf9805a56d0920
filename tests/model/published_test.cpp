// SPDX-License-Identifier: Apache-2.0
// Models as they are published: torch's files, a tower that lies elsewhere, an adapter with a projector of
// its own on a language model alone. What peft and transformers compute with them is in
// tests/model/golden/published.
#include "model/golden_model.hpp"
#include "support/child.hpp"

#include <candor/io/atomic_file.hpp>
#include <candor/io/model_folder.hpp>
#include <candor/model/processor.hpp>

using namespace candor_test;
using candor::layout_kind;
namespace fs = std::filesystem;

namespace {

const fs::path published = golden("model/published");
const std::string published_values = "published/expected.safetensors";

double worst_log_prob(golden_model<float>& model, const std::string& ending) {
  const auto found = model.log_probs(layout_kind::shared);
  double worst = 0;
  for (std::size_t p = 0; p < found.size(); ++p)
    for (std::size_t c = 0; c < 2; ++c)
      worst = std::max(
          worst,
          worst_difference(found[p][c],
                           golden_numbers(model.expected, "pair" + std::to_string(p) +
                                                              (c == 0 ? ".chosen" : ".rejected") + ending)));
  return worst;
}

/// A copy of a published folder that a test may change.
fs::path copied(const scratch_folder& scratch, const char* name) {
  fs::copy(published / name, scratch / name, fs::copy_options::recursive);
  return scratch / name;
}

void replace_in(const fs::path& file, const std::string& what, const std::string& by) {
  std::string text = candor::read_file(file);
  REQUIRE(text.find(what) != text.npos);
  candor::write_atomically(file, text.replace(text.find(what), what.size(), by));
}

}  // namespace

TEST_CASE("an original LLaVA in torch's files takes its tower from CLIP's folder",
          "[model][golden][published]") {
  host cpu({.threads = 2});
  golden_model<float> model(cpu, {.model = published / "llava", .vision_tower = published / "clip"},
                            "bf16/expected.safetensors");
  CHECK(worst_log_prob(model, ".logps_f32") < 1e-4);
}

TEST_CASE("an adapter with a projector goes on a language model alone, as peft and transformers compute it",
          "[model][golden][published]") {
  host cpu({.threads = 2});
  const candor::llava_source source{
      .model = published / "language", .vision_tower = published / "clip", .adapter = published / "adapter"};
  golden_model<float> model(cpu, source, published_values);
  CHECK(model.network.has_adapters());
  CHECK(worst_log_prob(model, ".merged_f32") < 1e-4);
  model.network.merge_adapters();
  CHECK(worst_log_prob(model, ".merged_f32") < 1e-4);
}

TEST_CASE("an adapter's projector takes the place of the model's", "[model][golden][published]") {
  host cpu({.threads = 2});
  const candor::llava_source base{.model = published / "llava", .vision_tower = published / "clip"};
  golden_model<float> model(cpu, base, published_values);
  CHECK(worst_log_prob(model, ".merged_f32") > 0.1);
  candor::load_adapter(model.network, published / "adapter");
  CHECK(worst_log_prob(model, ".merged_f32") < 1e-4);

  auto with_adapter = base;
  with_adapter.adapter = published / "adapter";
  golden_model<float> at_once(cpu, with_adapter, published_values);
  CHECK(worst_log_prob(at_once, ".merged_f32") < 1e-4);
}

TEST_CASE("a projector alone goes on a language model", "[model][golden][published]") {
  const scratch_folder scratch;
  const auto projector = published / "projector";  // what LLaVA's first stage of training leaves
  const auto together = copied(scratch, "language");
  for (const char* name : {"config.json", "mm_projector.bin"})
    fs::copy(projector / name, together, fs::copy_options::overwrite_existing);
  host cpu({.threads = 2});
  for (const auto& [model, adapter] :
       {std::pair(published / "language", projector), std::pair(together, fs::path())}) {
    golden_model<float> found(
        cpu, candor::llava_source{.model = model, .vision_tower = published / "clip", .adapter = adapter},
        "bf16/expected.safetensors");
    CHECK(!found.network.has_adapters());
    CHECK(worst_log_prob(found, ".logps_f32") < 1e-4);
  }
}

TEST_CASE("an adapter's projector may lie in mm_projector.bin", "[model][golden][published]") {
  const scratch_folder scratch;
  const auto adapter = copied(scratch, "adapter");
  fs::copy(published / "projector/mm_projector.bin",
           adapter);  // another one, and not read beside the adapter's own
  const auto worst = [&] {
    host cpu({.threads = 2});
    golden_model<float> model(
        cpu, {.model = published / "language", .vision_tower = published / "clip", .adapter = adapter},
        published_values);
    CHECK(model.network.has_adapters());
    return worst_log_prob(model, ".merged_f32");
  };
  CHECK(worst() < 1e-4);
  fs::remove(adapter / "non_lora_trainables.bin");
  CHECK(worst() > 0.1);
  fs::copy(published / "adapter/non_lora_trainables.bin", adapter / "mm_projector.bin",
           fs::copy_options::overwrite_existing);
  CHECK(worst() < 1e-4);
}

TEST_CASE("LLaVA-RLHF's adapter lies in a subfolder", "[model][golden][published]") {
  const scratch_folder scratch;
  const auto adapter = copied(scratch, "adapter");
  fs::create_directory(adapter / "lora_default");
  for (const char* name : {"adapter_config.json", "adapter_model.bin"})
    fs::rename(adapter / name, adapter / "lora_default" / name);
  host cpu({.threads = 2});
  golden_model<float> model(
      cpu, {.model = published / "language", .vision_tower = published / "clip", .adapter = adapter},
      published_values);
  CHECK(worst_log_prob(model, ".merged_f32") < 1e-4);
}

TEST_CASE("a tower in the subfolder that config.json names is found", "[model][published]") {
  const scratch_folder scratch;
  const auto model = copied(scratch, "llava");
  fs::copy(published / "clip", model / "tower", fs::copy_options::recursive);
  replace_in(model / "config.json", "openai/clip-tiny-patch7", "tower");
  host cpu({.threads = 2});
  golden_model<float> found(cpu, candor::llava_source{.model = model}, "bf16/expected.safetensors");
  CHECK(worst_log_prob(found, ".logps_f32") < 1e-4);
}

TEST_CASE("CLIP's preprocessor_config.json is used with the layout that the model was trained with",
          "[model][published]") {
  const scratch_folder scratch;
  const auto clip = copied(scratch, "clip");
  replace_in(clip / "preprocessor_config.json", "0.48145466", "0.25");
  const candor::llava_source source{.model = published / "llava", .vision_tower = clip};
  const auto config = candor::read_llava_config(source);
  const auto transform = candor::source_transform(source, config);
  CHECK(transform.mode == candor::image_mode::pad);
  CHECK(transform.size == 28);
  CHECK(transform.mean[0] == 0.25);
  CHECK(candor::source_transform(source, config, candor::image_mode::squash).mode ==
        candor::image_mode::squash);
  fs::remove(clip / "preprocessor_config.json");
  CHECK(candor::source_transform(source, config) == candor::original_image_transform(config));
}

TEST_CASE("what is missing of a published model is named with what helps", "[model][published]") {
  const scratch_folder scratch;
  const auto refused = [](const candor::llava_source& source, const std::string& part) {
    CHECK_THROWS_WITH(candor::llava_weights(source), contains(part));
    CHECK_THROWS_AS(candor::llava_weights(source), candor::input_error);
  };
  const auto clip = published / "clip";
  refused({.model = published / "llava"}, "\"openai/clip-tiny-patch7\" is not known");
  refused({.model = published / "llava"}, "--vision-tower");
  refused({.model = published / "language", .vision_tower = clip}, "a language model alone");
  refused({.model = published / "projector", .vision_tower = clip},
          "holds a projector alone: give it as --adapter");
  refused({.model = published / "llava", .vision_tower = scratch / "none"}, "does not exist");
  refused({.model = published / "llava", .vision_tower = clip, .adapter = published / "clip"},
          "adapter_config.json");

  const auto known = copied(scratch, "llava");
  replace_in(known / "config.json", "openai/clip-tiny-patch7", "openai/clip-vit-large-patch14-336");
  replace_in(known / "config.json", "\"mm_hidden_size\": 16", "\"mm_hidden_size\": 1024");
  refused({.model = known}, "holds no vision tower");
  refused({.model = known}, "config.json names \"openai/clip-vit-large-patch14-336\": get that CLIP model");
  refused({.model = known, .vision_tower = clip}, "which is not \"openai/clip-vit-large-patch14-336\"");

  const auto other = copied(scratch, "clip");
  fs::copy(published / "language/pytorch_model.bin", other, fs::copy_options::overwrite_existing);
  const candor::llava_weights wrong({.model = published / "llava", .vision_tower = other});
  CHECK_THROWS_WITH(wrong.at("model.vision_tower.post_layernorm.bias", {16}),
                    contains("this is not the CLIP model"));
  const candor::llava_weights right({.model = published / "llava", .vision_tower = clip});
  CHECK_THROWS_WITH(right.at("model.vision_tower.post_layernorm.bias", {8}),
                    contains("clip/pytorch_model.bin: tensor"));

  const auto no_projector = copied(scratch, "adapter");
  fs::remove(no_projector / "non_lora_trainables.bin");
  const candor::llava_weights bare(
      {.model = published / "language", .vision_tower = clip, .adapter = no_projector});
  CHECK_THROWS_WITH(bare.at("model.multi_modal_projector.linear_1.bias", {32}), contains("is missing"));
}
