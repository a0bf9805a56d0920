// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/model/llava_config.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <functional>

using namespace candor;
using candor_test::contains;
using candor_test::golden;
using candor_test::scratch_folder;
using detail::json;

namespace {

llava_config read_text(const json& document) {
  scratch_folder scratch;
  detail::write_json_file(scratch / "config.json", document);
  return read_llava_config(scratch.path());
}

/// What the original LLaVA-1.5 7B folder says.
json original() {
  return json::parse(R"({"architectures": ["LlavaLlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": 2,
    "freeze_mm_mlp_adapter": false, "hidden_act": "silu", "hidden_size": 4096, "image_aspect_ratio": "pad",
    "intermediate_size": 11008, "max_length": 4096, "max_position_embeddings": 4096, "mm_hidden_size": 1024,
    "mm_projector_type": "mlp2x_gelu", "mm_resampler_type": null, "mm_use_im_patch_token": false,
    "mm_use_im_start_end": false, "mm_vision_select_feature": "patch", "mm_vision_select_layer": -2,
    "mm_vision_tower": "openai/clip-vit-large-patch14-336", "model_type": "llava", "num_attention_heads": 32,
    "num_hidden_layers": 32, "num_key_value_heads": 32, "pad_token_id": 0, "pretraining_tp": 1,
    "rms_norm_eps": 1e-05, "rope_scaling": null, "tie_word_embeddings": false, "torch_dtype": "float16",
    "use_cache": true, "use_mm_proj": true, "vocab_size": 32000})");
}

/// What the llava-hf 1.5 7B folder says: most of it by defaults.
json llava_hf() {
  return json::parse(R"({"architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100,
    "image_token_index": 32000, "model_type": "llava", "pad_token_id": 32001, "projector_hidden_act": "gelu",
    "text_config": {"_name_or_path": "lmsys/vicuna-7b-v1.5", "architectures": ["LlamaForCausalLM"],
      "max_position_embeddings": 4096, "model_type": "llama", "rms_norm_eps": 1e-05, "torch_dtype": "float16",
      "vocab_size": 32064},
    "tie_word_embeddings": false, "torch_dtype": "float16",
    "vision_config": {"hidden_size": 1024, "image_size": 336, "intermediate_size": 4096,
      "model_type": "clip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14,
      "projection_dim": 768, "vocab_size": 32000},
    "vision_feature_layer": -2, "vision_feature_select_strategy": "default", "vocab_size": 32064})");
}

}  // namespace

TEST_CASE("the config that transformers writes is read", "[model][llava_config]") {
  const auto c = read_llava_config(golden("io/llava"));
  CHECK(c.vision.hidden_size == 8);
  CHECK(c.vision.intermediate_size == 12);
  CHECK(c.vision.num_hidden_layers == 2);
  CHECK(c.vision.num_attention_heads == 2);
  CHECK(c.vision.image_size == 8);
  CHECK(c.vision.patch_size == 4);
  CHECK(c.vision.hidden_act == activation::quick_gelu);
  CHECK(c.text.vocab_size == 24);
  CHECK(c.text.num_key_value_heads == 2);
  CHECK(c.text.head_dim == 2);
  CHECK(c.text.rope_theta == 20000);  // inside of rope_parameters
  CHECK(c.text.max_position_embeddings == 64);
  CHECK(c.text.pad_token_id == 0);
  CHECK(c.image_token_index == 23);
  CHECK(c.image_seq_length == 576);  // transformers' default, whatever the tower gives
  CHECK(c.image_tokens() == 4);
  CHECK(c.feature_blocks() == 1);
}

TEST_CASE("absent keys have the defaults of transformers", "[model][llava_config]") {
  const auto c = read_text(llava_hf());
  CHECK(c.text.hidden_size == 4096);
  CHECK(c.text.intermediate_size == 11008);
  CHECK(c.text.num_hidden_layers == 32);
  CHECK(c.text.num_key_value_heads == 32);
  CHECK(c.text.head_dim == 128);
  CHECK(c.text.rms_norm_eps == 1e-5);
  CHECK(c.text.rope_theta == 10000);
  CHECK(c.text.vocab_size == 32064);
  CHECK(c.text.bos_token_id == 1);
  CHECK(c.text.eos_token_id == 2);
  CHECK(c.text.pad_token_id == 32001);
  CHECK(c.vision.layer_norm_eps == 1e-5);
  CHECK(c.multimodal_projector_bias);
  CHECK(c.image_tokens() == 576);
  const auto bare = read_text({{"model_type", "llava"}});
  CHECK(bare == llava_config());
  CHECK(bare.text.rms_norm_eps == 1e-6);
  CHECK(bare.vision.image_size == 336);
  // With an object the absent keys of the tower are those of CLIPVisionConfig, ViT-B/32.
  const auto small = read_text({{"model_type", "llava"}, {"vision_config", {{"num_hidden_layers", 3}}}});
  CHECK(small.vision.hidden_size == 768);
  CHECK(small.vision.image_size == 224);
  CHECK(small.vision.patch_size == 32);
  CHECK(small.vision.num_hidden_layers == 3);
}

TEST_CASE("both spellings of rotary settings and ids are read", "[model][llava_config]") {
  const auto theta = [](const json& text) {
    return read_text({{"model_type", "llava"}, {"text_config", text}}).text.rope_theta;
  };
  CHECK(theta({{"rope_theta", 5e5}}) == 5e5);
  CHECK(theta({{"rope_parameters", {{"rope_theta", 7.0}, {"rope_type", "default"}}}}) == 7);
  CHECK(theta({{"rope_theta", 5e5}, {"rope_parameters", {{"rope_theta", 3.0}}}}) == 3);  // as transformers
  CHECK(theta({{"rope_theta", 77.0}, {"rope_scaling", {{"rope_type", "default"}}}}) == 77);
  CHECK(theta({{"rope_scaling", nullptr}}) == 10000);
  const json ids = {
      {"model_type", "llava"},
      {"image_token_id", 5},
      {"vision_feature_layer", {-1}},
      {"text_config", {{"eos_token_id", {7}}, {"bos_token_id", nullptr}, {"tie_word_embeddings", true}}}};
  const auto c = read_text(ids);
  CHECK(c.image_token_index == 5);
  CHECK(c.vision_feature_layer == -1);
  CHECK(c.text.eos_token_id == 7);
  CHECK(c.text.bos_token_id == -1);
  CHECK(c.text.tie_word_embeddings);
  CHECK(read_text({{"model_type", "llava"}, {"tie_word_embeddings", true}}).text.tie_word_embeddings);
}

TEST_CASE("original LLaVA's config is read with the tower that it names", "[model][llava_config]") {
  const auto c = read_text(original());
  CHECK(c.vision == vision_config());
  CHECK(c.text.hidden_size == 4096);
  CHECK(c.text.rms_norm_eps == 1e-5);
  CHECK(c.text.pad_token_id == 0);
  CHECK(c.projector == projector_kind::mlp);
  CHECK(c.image_aspect_ratio == "pad");
  CHECK(c.image_token_index == -200);
  CHECK(c.image_tokens() == 576);
  auto d = original();
  d["mm_vision_tower"] = "/models/clip-vit-large-patch14";
  d["mm_projector_type"] = "linear";
  d["mm_vision_select_feature"] = "cls_patch";
  d["model_type"] = "llava_llama";
  d.erase("architectures");
  const auto e = read_text(d);
  CHECK(e.vision.image_size == 224);
  CHECK(e.projector == projector_kind::linear);
  CHECK(e.image_tokens() == 257);
  d.erase("mm_projector_type");
  CHECK(read_text(d).projector == projector_kind::linear);  // LLaVA's own default
}

TEST_CASE("what candor does not compute is refused by its name", "[model][llava_config]") {
  struct bad {
    std::function<void(json&)> edit;
    const char* error;
  };
  const std::vector<bad> hf = {
      {[](json& d) { d["architectures"] = {"Qwen2VLForConditionalGeneration"}; },
       "\"Qwen2VLForConditionalGeneration\""},
      {[](json& d) { d["architectures"] = {"LlavaNextForConditionalGeneration"}; }, "is not supported"},
      {[](json& d) { d["architectures"] = 1; }, "architectures: expected an array"},
      {[](json& d) { d["model_type"] = "llava_next"; }, "the model type \"llava_next\""},
      {[](json& d) { d.erase("architectures"), d["model_type"] = "llama"; }, "the model type \"llama\""},
      {[](json& d) { d.erase("architectures"), d.erase("model_type"); }, "the key \"model_type\" is missing"},
      {[](json& d) { d["text_config"]["model_type"] = "mistral"; }, "the language model \"mistral\""},
      {[](json& d) { d["vision_config"]["model_type"] = "siglip_vision_model"; }, "\"siglip_vision_model\""},
      {[](json& d) {
         d["text_config"]["rope_scaling"] = {{"type", "linear"}, {"factor", 2}};
       },
       "rotary scaling \"linear\""},
      {[](json& d) {
         d["text_config"]["rope_parameters"] = {{"rope_type", "llama3"}};
       },
       "rotary scaling \"llama3\""},
      {[](json& d) {
         d["text_config"]["rope_parameters"] = {{"partial_rotary_factor", 0.5}};
       },
       "partial rotary"},
      {[](json& d) { d["text_config"]["hidden_act"] = "gelu"; },
       "the activation \"gelu\" is not supported here"},
      {[](json& d) { d["vision_config"]["hidden_act"] = "relu"; }, "the activation \"relu\""},
      {[](json& d) { d["projector_hidden_act"] = "swish"; }, "the activation \"swish\""},
      {[](json& d) { d["text_config"]["attention_bias"] = true; }, "text_config.attention_bias"},
      {[](json& d) { d["text_config"]["mlp_bias"] = true; }, "text_config.mlp_bias"},
      {[](json& d) {
         d["vision_feature_layer"] = {-2, -5};
       },
       "a list of 2 feature layers"},
      {[](json& d) { d["vision_feature_layer"] = -26; }, "vision_feature_layer -26 is not one of the 25"},
      {[](json& d) { d["vision_feature_layer"] = 25; }, "vision_feature_layer 25"},
      {[](json& d) { d["vision_feature_select_strategy"] = "cls"; }, "unknown strategy \"cls\""},
      {[](json& d) { d["vision_config"]["num_attention_heads"] = 7; }, "7 does not divide 1024"},
      {[](json& d) { d["vision_config"]["patch_size"] = 15; }, "15 does not divide 336"},
      {[](json& d) {
         d["vision_config"]["image_size"] = {336, 224};
       },
       "only square images"},
      {[](json& d) { d["vision_config"]["num_channels"] = 1; }, "num_channels 1"},
      {[](json& d) { d["vision_config"]["image_size"] = 100'000'000, d["vision_config"]["patch_size"] = 1; },
       "image_size 100000000 cannot be right"},
      {[](json& d) { d["vision_config"]["num_hidden_layers"] = 100'000'000; },
       "of the vision tower 100000000"},
      {[](json& d) { d["text_config"]["num_hidden_layers"] = 100'000'000; },
       "of the language model 100000000"},
      {[](json& d) { d["text_config"]["head_dim"] = 100'000'000; }, "head_dim 100000000"},
      {[](json& d) { d["text_config"]["num_key_value_heads"] = 5; }, "5 does not divide 32"},
      {[](json& d) { d["text_config"]["head_dim"] = 127; }, "head_dim 127 must be even"},
      {[](json& d) { d["text_config"]["num_hidden_layers"] = 0; },
       "text_config.num_hidden_layers: expected an integer from 1"},
      {[](json& d) { d["text_config"]["hidden_size"] = "4096"; },
       "text_config.hidden_size: expected an integer"},
      {[](json& d) { d["text_config"]["vocab_size"] = 1e12; }, "text_config.vocab_size: expected an integer"},
      {[](json& d) { d["text_config"]["vocab_size"] = std::int64_t{1} << 40; },
       "text_config.vocab_size: expected"},
      {[](json& d) {
         d["text_config"]["eos_token_id"] = {1, 2};
       },
       "a list of 2 token ids"},
      {[](json& d) { d["text_config"]["rope_theta"] = -1; }, "text_config.rope_theta: expected a number"},
      {[](json& d) { d["text_config"] = 5; }, "text_config: expected an object"},
      {[](json& d) { d["image_token_index"] = -5; }, "image_token_index: expected an integer from 0"},
  };
  const std::vector<bad> llava = {
      {[](json& d) { d["mm_vision_tower"] = "google/siglip-so400m-patch14-384"; },
       "\"google/siglip-so400m-patch14-384\" is not known"},
      {[](json& d) { d["mm_vision_tower"] = "../../etc"; }, "is not known"},
      {[](json& d) { d.erase("mm_vision_tower"); }, "the key \"mm_vision_tower\" is missing"},
      {[](json& d) { d.erase("mm_vision_select_layer"); }, "the key \"mm_vision_select_layer\" is missing"},
      {[](json& d) { d["mm_projector_type"] = "mlp3x_gelu"; }, "the projector \"mlp3x_gelu\""},
      {[](json& d) { d["mm_vision_select_feature"] = "cls"; }, "unknown feature \"cls\""},
      {[](json& d) { d["mm_use_im_start_end"] = true; }, "marks around images"},
      {[](json& d) { d["image_aspect_ratio"] = "anyres"; }, "the image layout \"anyres\""},
      {[](json& d) { d["mm_hidden_size"] = 768; }, "768 is not the vision tower's width, 1024"},
      {[](json& d) {
         d["rope_scaling"] = {{"type", "dynamic"}};
       },
       "rotary scaling \"dynamic\""},
      {[](json& d) { d["model_type"] = "llava_mpt"; }, "the model type \"llava_mpt\""},
  };
  const auto check_all = [](const json& good, const std::vector<bad>& cases) {
    CHECK_NOTHROW(read_text(good));
    for (const auto& c : cases) {
      INFO(c.error);
      auto d = good;
      c.edit(d);
      CHECK_THROWS_WITH(read_text(d), contains(c.error) && contains("config.json"));
      CHECK_THROWS_AS(read_text(d), input_error);
    }
  };
  check_all(llava_hf(), hf);
  check_all(original(), llava);
}

TEST_CASE("a folder without a usable config is refused", "[model][llava_config]") {
  scratch_folder scratch;
  CHECK_THROWS_WITH(read_llava_config(scratch / "none"), contains("does not exist"));
  CHECK_THROWS_WITH(read_llava_config(scratch.path()), contains("has no config.json"));
  write_atomically(scratch / "config.json", "[]");
  CHECK_THROWS_WITH(read_llava_config(scratch.path()), contains("expected an object, found an array"));
  write_atomically(scratch / "config.json", "{\"model_type\": \"llava\"");
  CHECK_THROWS_WITH(read_llava_config(scratch.path()), contains("config.json:1:22: not valid JSON"));
}

TEST_CASE("a written config is read back in both layouts", "[model][llava_config]") {
  llava_config c = read_llava_config(golden("io/llava"));
  c.image_seq_length = c.image_tokens();
  c.text.tie_word_embeddings = true;
  c.text.rms_norm_eps = 1e-5;
  c.text.bos_token_id = -1;
  c.vision_feature_layer = -1;
  c.vision.hidden_act = activation::gelu;
  c.vision_feature_select_strategy = feature_select::full;
  c.image_seq_length = c.image_tokens();
  scratch_folder scratch;
  write_llava_config(scratch / "hf", c, dtype::bf16);
  CHECK(read_llava_config(scratch / "hf") == c);
  CHECK(detail::read_json_file(scratch / "hf/config.json")["torch_dtype"] == "bfloat16");

  c.projector = projector_kind::linear;
  c.image_token_index = -200;
  c.image_aspect_ratio = "square";
  write_llava_config(scratch / "original", c, dtype::f16, naming::llava);
  CHECK(read_llava_config(scratch / "original") == c);
  llava_config known = c;
  known.vision = vision_config();
  known.vision.image_size = 224;
  known.image_seq_length = known.image_tokens();
  write_llava_config(scratch / "known", known, dtype::f32, naming::llava);
  CHECK(detail::read_json_file(scratch / "known/config.json")["mm_vision_tower"] ==
        "openai/clip-vit-large-patch14");
  CHECK(read_llava_config(scratch / "known") == known);
}

TEST_CASE("a config that has no place in a layout is not written", "[model][llava_config]") {
  scratch_folder scratch;
  llava_config c;
  c.projector = projector_kind::linear;
  CHECK_THROWS_WITH(write_llava_config(scratch / "x", c, dtype::f32), contains("has no linear projector"));
  CHECK_THROWS_AS(write_llava_config(scratch / "x", c, dtype::f32), usage_error);
  c.projector = projector_kind::mlp;
  c.image_token_index = -200;
  CHECK_THROWS_WITH(write_llava_config(scratch / "x", c, dtype::f32), contains("give the id of <image>"));
  c.multimodal_projector_bias = false;
  CHECK_THROWS_AS(write_llava_config(scratch / "x", c, dtype::f32, naming::llava), usage_error);
  c = llava_config();
  CHECK_THROWS_AS(write_llava_config(scratch / "x", c, dtype::i32), usage_error);
  c.vision.patch_size = 0;
  CHECK_THROWS_AS(write_llava_config(scratch / "x", c, dtype::f32), input_error);
}
