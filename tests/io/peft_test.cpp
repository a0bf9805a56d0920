// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/peft.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <functional>

using namespace candor;
using candor_test::contains;
using candor_test::golden;
using candor_test::scratch_folder;
namespace fs = std::filesystem;

namespace {

const std::string layer0 = "model.language_model.layers.0.self_attn.";

/// A and B of some modules, all of them 8 to 8 with this rank.
struct small_adapter {
  std::vector<float> values = std::vector<float>(64, 0.25f);
  std::vector<tensor_source> tensors(const std::vector<std::string>& modules, int rank = 2) const {
    std::vector<tensor_source> out;
    const auto part = std::span(values).first(static_cast<std::size_t>(8 * rank));
    for (const auto& m : modules) {
      out.push_back(source_of<float>(m + ".lora_A.weight", {rank, 8}, part));
      out.push_back(source_of<float>(m + ".lora_B.weight", {8, rank}, part));
    }
    return out;
  }
};

void edit_config(const fs::path& folder, const std::function<void(detail::json&)>& edit) {
  auto document = detail::read_json_file(folder / "adapter_config.json");
  edit(document);
  detail::write_json_file(folder / "adapter_config.json", document);
}

}  // namespace

TEST_CASE("an adapter that peft wrote is read", "[io][peft]") {
  const adapter_folder adapter(golden("io/adapter"));
  CHECK(adapter.config().rank == 2);
  CHECK(adapter.config().alpha == 4);
  CHECK(adapter.config().scale() == 2);
  CHECK(adapter.config().dropout == 0.05);
  CHECK(adapter.config().base_model == "tiny");
  CHECK(adapter.config().target_modules.empty());
  CHECK(adapter.config().target_pattern == R"(.*language_model.*\.(q_proj|v_proj))");
  REQUIRE(adapter.modules().size() == 4);
  const auto& v = adapter.modules()[1];
  CHECK(v.module == layer0 + "v_proj");
  CHECK(v.in == 8);
  CHECK(v.out == 4);
  std::vector<float> a(16), b(8);
  adapter.read_as<float>(v, a, b);
  CHECK(a[0] != 0);
  CHECK(b[0] != 0);
}

TEST_CASE("an adapter is written and read back", "[io][peft]") {
  scratch_folder scratch;
  const small_adapter small;
  const std::vector<std::string> modules = {layer0 + "q_proj", "model.multi_modal_projector.linear_1"};
  const lora_config config{.rank = 2, .alpha = 3.5, .dropout = 0.1, .base_model = "base"};
  write_adapter_folder(scratch / "new/ad", config, small.tensors(modules));
  const adapter_folder adapter(scratch / "new/ad");
  CHECK(adapter.config().alpha == 3.5);
  CHECK(adapter.config().dropout == 0.1);
  CHECK(adapter.config().base_model == "base");
  CHECK(adapter.config().target_modules == modules);
  REQUIRE(adapter.modules().size() == 2);
  CHECK(adapter.modules()[0].module == modules[0]);
  CHECK(adapter.modules()[0].a->name == "base_model.model." + layer0 + "q_proj.lora_A.weight");
  const auto written = detail::read_json_file(scratch / "new/ad/adapter_config.json");
  const auto by_peft = detail::read_json_file(golden("io/adapter/adapter_config.json"));
  for (const auto& [key, value] : written.items()) {
    INFO(key);
    CHECK(by_peft.contains(key));  // peft refuses keys that it does not know
    if (key != "target_modules" && key != "lora_alpha" && key != "lora_dropout" &&
        key != "base_model_name_or_path")
      CHECK(value == by_peft[key]);
  }
}

TEST_CASE("an adapter names its modules as the loading program does and reads back as canonical",
          "[io][peft]") {
  const small_adapter small;
  const std::string tower = "model.vision_tower.encoder.layers.0.self_attn.q_proj";
  struct expected {
    naming scheme;
    const char* language;
    const char* vision;
  };
  for (const auto& e :
       {expected{naming::hf_old, "language_model.model.layers.0.self_attn.q_proj",
                 "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj"},
        expected{naming::llava, "model.layers.0.self_attn.q_proj",
                 "model.vision_tower.vision_tower.vision_model.encoder.layers.0.self_attn.q_proj"}}) {
    INFO(std::string(name_of(e.scheme)));
    scratch_folder scratch;
    write_adapter_folder(scratch / "ad", {.rank = 2}, small.tensors({layer0 + "q_proj", tower}), e.scheme);
    const adapter_folder adapter(scratch / "ad");
    CHECK(adapter.config().target_modules == std::vector<std::string>{e.language, e.vision});
    CHECK(adapter.modules()[0].module == layer0 + "q_proj");
    CHECK(adapter.modules()[1].module == tower);
  }
}

TEST_CASE("target lists are matched as peft matches them", "[io][peft]") {
  CHECK(is_target("model.layers.0.q_proj", {"v_proj", "q_proj"}));
  CHECK(is_target("q_proj", {"q_proj"}));
  CHECK(is_target("model.layers.0.q_proj", {"0.q_proj"}));
  CHECK_FALSE(is_target("model.layers.0.xq_proj", {"q_proj"}));
  CHECK_FALSE(is_target("model.layers.0.q_proj.extra", {"q_proj"}));
  CHECK_FALSE(is_target("proj", {"q_proj"}));
  const auto all =
      detail::read_json_file(golden("io/names.json"))["linear_modules"].get<std::vector<std::string>>();
  const std::vector<std::string> q = {layer0 + "q_proj", "model.language_model.layers.1.self_attn.q_proj"};
  CHECK(targets_of(q, all) == q);  // the vision tower has q_proj too: whole paths
  const std::vector<std::string> up = {"model.language_model.layers.0.mlp.up_proj",
                                       "model.language_model.layers.1.mlp.up_proj"};
  CHECK(targets_of(up, all) == std::vector<std::string>{"up_proj"});
  CHECK(targets_of({up[0]}, all) == std::vector<std::string>{up[0]});
}

TEST_CASE("what changes an adapter's numbers is refused by its name", "[io][peft]") {
  struct bad {
    std::function<void(detail::json&)> edit;
    const char* error;
  };
  using detail::json;
  const std::vector<bad> cases = {
      {[](json& d) { d["use_dora"] = true; }, "the adapter sets \"use_dora\" to true"},
      {[](json& d) { d["use_rslora"] = true; }, "\"use_rslora\""},
      {[](json& d) { d["use_qalora"] = true; }, "\"use_qalora\""},
      {[](json& d) {
         d["rank_pattern"] = {{"q_proj", 4}};
       },
       "the adapter sets \"rank_pattern\" to {\"q_proj\":4}"},
      {[](json& d) {
         d["alpha_pattern"] = {{"q_proj", 4}};
       },
       "\"alpha_pattern\""},
      {[](json& d) { d["bias"] = "all"; }, "the adapter sets \"bias\" to \"all\""},
      {[](json& d) { d["bias"] = "lora_only"; }, "\"bias\""},
      {[](json& d) { d["lora_bias"] = true; }, "\"lora_bias\""},
      {[](json& d) { d["modules_to_save"] = {"lm_head"}; }, "\"modules_to_save\" to [\"lm_head\"]"},
      {[](json& d) { d["fan_in_fan_out"] = true; }, "\"fan_in_fan_out\""},
      {[](json& d) {
         d["layer_replication"] = {{0, 1}};
       },
       "\"layer_replication\""},
      {[](json& d) { d["trainable_token_indices"] = {1}; }, "\"trainable_token_indices\""},
      {[](json& d) { d["target_parameters"] = {"x"}; }, "\"target_parameters\""},
      {[](json& d) { d["alora_invocation_tokens"] = {1}; }, "\"alora_invocation_tokens\""},
      {[](json& d) { d["a_key_of_the_future"] = 1; }, "\"a_key_of_the_future\" to 1"},
      {[](json& d) { d["init_lora_weights"] = "pissa_niter_4"; },
       "\"pissa_niter_4\" changes the base weights"},
      {[](json& d) { d["peft_type"] = "IA3"; }, "the adapter type \"IA3\" is not supported, only LORA"},
      {[](json& d) { d.erase("peft_type"); }, "the key \"peft_type\" is missing"},
      {[](json& d) { d["r"] = 0; }, "r: expected an integer from 1 to 65536, found 0"},
      {[](json& d) { d["r"] = "2"; }, "r: expected an integer"},
      {[](json& d) { d["r"] = 3; }, "has rank 2, adapter_config.json says r = 3"},
      {[](json& d) { d["lora_dropout"] = 1.5; }, "lora_dropout: expected a number from 0 to 1"},
      {[](json& d) { d["target_modules"] = {"q_proj"}; }, "does not name"},
      {[](json& d) { d["target_modules"] = 3; }, "target_modules: expected an array"},
      {[](json& d) { d["target_modules"] = {1}; }, "target_modules[0]: expected a string"},
  };
  for (const auto& c : cases) {
    INFO(c.error);
    scratch_folder scratch;
    fs::copy(golden("io/adapter"), scratch / "ad");
    edit_config(scratch / "ad", c.edit);
    CHECK_THROWS_WITH(adapter_folder(scratch / "ad"), contains(c.error));
    CHECK_THROWS_AS(adapter_folder(scratch / "ad"), input_error);
  }
  for (const auto& harmless : {json(true), json(false), json("gaussian")}) {
    scratch_folder scratch;
    fs::copy(golden("io/adapter"), scratch / "ad");
    edit_config(scratch / "ad", [&](json& d) { d["init_lora_weights"] = harmless; });
    CHECK_NOTHROW(adapter_folder(scratch / "ad"));
  }
}

TEST_CASE("tensors that do not make an adapter are refused", "[io][peft]") {
  const std::vector<float> v(64);
  const std::string q = "base_model.model." + layer0 + "q_proj";
  const auto make = [&](std::string name, shape extents) {
    return source_of<float>(std::move(name), extents,
                            std::span(v).first(static_cast<std::size_t>(extents.size())));
  };
  struct bad {
    std::vector<tensor_source> tensors;
    const char* error;
  };
  const std::vector<bad> cases = {
      {{}, "no LoRA tensors"},
      {{make(q + ".lora_A.weight", {2, 8})}, "q_proj has no lora_B"},
      {{make(q + ".lora_B.weight", {8, 2})}, "q_proj has no lora_A"},
      {{make(q + ".weight", {8, 8})}, "this kind of adapter is not supported"},
      {{make(q + ".lora_magnitude_vector", {8})}, "this kind of adapter is not supported"},
      {{make(layer0 + "q_proj.lora_A.weight", {2, 8})}, "is not base_model.model."},
      {{make("base_model.model.transformer.h.0.lora_A.weight", {2, 8})}, "which LLaVA does not have"},
      {{make(q + ".lora_A.weight", {2, 2, 2, 2})}, "has 4 axes or no elements"},
      {{make(q + ".lora_A.weight", {2, 0})}, "has 2 axes or no elements"},
      {{make(q + ".lora_A.weight", {3, 8})}, "has rank 3"},
      {{make(q + ".lora_B.weight", {2, 8})}, "has rank 8"},
      {{make(q + ".lora_A.weight", {2, 8}),
        make("base_model.model.language_model.model.layers.0.self_attn.q_proj.lora_A.weight", {2, 8})},
       "are the same tensor"},
  };
  for (const auto& c : cases) {
    INFO(c.error);
    scratch_folder scratch;
    fs::copy(golden("io/adapter"), scratch / "ad");
    write_safetensors(scratch / "ad/adapter_model.safetensors", c.tensors);
    CHECK_THROWS_WITH(adapter_folder(scratch / "ad"), contains(c.error));
    CHECK_THROWS_AS(adapter_folder(scratch / "ad"), input_error);
  }
}

TEST_CASE("a folder that is no adapter is refused with what is missing", "[io][peft]") {
  scratch_folder scratch;
  CHECK_THROWS_WITH(adapter_folder(scratch / "none"),
                    contains("the adapter folder") && contains("does not exist"));
  CHECK_THROWS_WITH(adapter_folder(scratch.path()), contains("has no adapter_config.json"));
  fs::copy(golden("io/adapter/adapter_config.json"), scratch.path());
  CHECK_THROWS_WITH(adapter_folder(scratch.path()),
                    contains("has neither adapter_model.safetensors nor adapter_model.bin"));
  write_atomically(scratch / "adapter_model.bin", "x");
  CHECK_THROWS_WITH(adapter_folder(scratch.path()), contains("adapter_model.bin: not a file of torch.save"));
}

TEST_CASE("the writer refuses what peft would not load as meant", "[io][peft]") {
  scratch_folder scratch;
  const small_adapter small;
  const std::vector<std::string> q = {layer0 + "q_proj"};
  const auto write = [&](const lora_config& c, const std::vector<tensor_source>& t) {
    write_adapter_folder(scratch / "ad", c, t);
  };
  CHECK_THROWS_WITH(write({.rank = 3}, small.tensors(q)), contains("with rank 3"));
  CHECK_THROWS_WITH(write({.rank = 2, .target_modules = {"v_proj"}}, small.tensors(q)),
                    contains("does not name"));
  CHECK_THROWS_WITH(write({.rank = 2}, {}), contains("without tensors"));
  CHECK_THROWS_WITH(write({.rank = 2}, {small.tensors(q)[0]}), contains("has no lora_B"));
  CHECK_THROWS_WITH(write({.rank = 2}, small.tensors({"x.y"})), contains("is not a canonical tensor name"));
  CHECK_THROWS_AS(write({.rank = 0}, small.tensors(q, 0)), usage_error);
  CHECK_FALSE(fs::exists(scratch / "ad"));
}
