// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/model_folder.hpp>
#include <candor/io/names.hpp>

#include "support/catch.hpp"

#include <algorithm>

using namespace candor;
using candor_test::contains;
using candor_test::golden;

namespace {

const naming all_namings[] = {naming::canonical, naming::hf, naming::hf_old, naming::llava};

std::vector<std::string> golden_names(const char* key) {
  return detail::read_json_file(golden("io/names.json"))[key].get<std::vector<std::string>>();
}

std::vector<std::string> names_in(naming scheme) {
  std::vector<std::string> out;
  for (const auto& n : golden_names("module_paths")) out.push_back(from_canonical(n, scheme));
  std::sort(out.begin(), out.end());
  return out;
}

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TEST_CASE("the naming hf is what transformers writes", "[io][names]") {
  CHECK(names_in(naming::hf) == golden_names("stored"));
  CHECK(names_in(naming::canonical) == golden_names("module_paths"));
}

TEST_CASE("the tensors behind the names are the module's", "[io][names]") {
  const model_folder folder(golden("io/llava"));
  const tensor_names names(folder.names(), "llava");
  const auto first = detail::read_json_file(golden("io/names.json"))["first_elements"];
  CHECK(names.all().size() == first.size());
  for (const auto& [canonical, stored] : names.all()) {
    INFO(canonical);
    CHECK(folder.read_as<float>(stored)[0] == first[canonical].get<float>());
  }
}

TEST_CASE("names go round in every naming and each is detected", "[io][names]") {
  for (const auto scheme : all_namings) {
    INFO(std::string(name_of(scheme)));
    CHECK(parse_naming(name_of(scheme)) == scheme);
    const auto stored = names_in(scheme);
    for (const auto& n : stored) CHECK(from_canonical(to_canonical(n).value(), scheme) == n);
    const tensor_names names(stored, "folder");
    CHECK(names.scheme() == scheme);
    CHECK(names.all().size() == golden_names("module_paths").size());
    CHECK(names.has_prefix("model.vision_tower."));
    CHECK_FALSE(names.has_prefix("model.vision_tower.x"));
    CHECK(names.stored("model.nothing.weight") == nullptr);
  }
}

TEST_CASE("the three kinds of checkpoints have the names of their programs", "[io][names]") {
  const auto old = names_in(naming::hf_old);
  CHECK(holds(old, "language_model.model.layers.1.self_attn.q_proj.weight"));
  CHECK(holds(old, "language_model.lm_head.weight"));
  CHECK(holds(old, "vision_tower.vision_model.encoder.layers.0.mlp.fc1.bias"));
  CHECK(holds(old, "multi_modal_projector.linear_1.weight"));
  const auto llava = names_in(naming::llava);
  CHECK(holds(llava, "model.layers.1.self_attn.q_proj.weight"));
  CHECK(holds(llava, "model.embed_tokens.weight"));
  CHECK(holds(llava, "model.norm.weight"));
  CHECK(holds(llava, "lm_head.weight"));
  CHECK(holds(llava, "model.mm_projector.0.weight"));
  CHECK(holds(llava, "model.mm_projector.2.bias"));
  CHECK(holds(llava, "model.vision_tower.vision_tower.vision_model.embeddings.class_embedding"));
}

TEST_CASE("module paths of transformers between 4.52 and 5 are canonical too", "[io][names]") {
  CHECK(to_canonical("model.vision_tower.vision_model.pre_layrnorm.bias") ==
        "model.vision_tower.pre_layrnorm.bias");
  CHECK(to_canonical("model.language_model.norm.weight") == "model.language_model.norm.weight");
}

TEST_CASE("a linear projector has a name in original LLaVA only", "[io][names]") {
  const std::string canonical = "model.multi_modal_projector.linear.weight";
  CHECK(to_canonical("model.mm_projector.weight") == canonical);
  CHECK(from_canonical(canonical, naming::llava) == "model.mm_projector.weight");
  for (const auto scheme : {naming::hf, naming::hf_old, naming::canonical}) {
    CHECK_THROWS_WITH(from_canonical(canonical, scheme), contains("a linear projector has no place"));
    CHECK_THROWS_AS(from_canonical(canonical, scheme), usage_error);
  }
}

TEST_CASE("a tied head may be absent and old buffers are left out", "[io][names]") {
  const tensor_names names(
      {"language_model.model.embed_tokens.weight",
       "language_model.model.layers.0.self_attn.rotary_emb.inv_freq",
       "vision_tower.vision_model.embeddings.position_ids", "vision_tower.vision_model.post_layernorm.bias"},
      "folder");
  CHECK(names.scheme() == naming::hf_old);
  CHECK(names.all().size() == 2);
  CHECK(names.stored("lm_head.weight") == nullptr);
  CHECK(*names.stored("model.language_model.embed_tokens.weight") ==
        "language_model.model.embed_tokens.weight");
}

TEST_CASE("names of no or of two namings are refused", "[io][names]") {
  CHECK_THROWS_WITH(tensor_names({"lm_head.weight", "transformer.h.0.attn.weight"}, "dir"),
                    contains("dir: the tensor \"transformer.h.0.attn.weight\" belongs to no known naming"));
  CHECK_THROWS_WITH(
      tensor_names({"model.layers.0.mlp.up_proj.weight", "vision_tower.post_layernorm.bias"}, "dir"),
      contains("mix two namings"));
  CHECK_THROWS_WITH(tensor_names({"model.vision_tower.vision_model.post_layernorm.bias",
                                  "model.vision_tower.post_layernorm.bias"},
                                 "dir"),
                    contains("are the same tensor"));
  CHECK_THROWS_WITH(tensor_names({}, "dir"), contains("no tensors of a LLaVA model"));
  CHECK_THROWS_AS(tensor_names({"x"}, "dir"), input_error);
  CHECK_FALSE(to_canonical("model.layers."));
  CHECK_FALSE(to_canonical("model.image_newline"));
  CHECK_FALSE(to_canonical(""));
  CHECK_THROWS_AS(from_canonical("model.layers.0.x", naming::hf), usage_error);
  CHECK_THROWS_AS(from_canonical("model.vision_tower.vision_model.x", naming::hf), usage_error);
  CHECK_THROWS_WITH(parse_naming("HF"), contains("choose canonical, hf, hf_old or llava"));
}
