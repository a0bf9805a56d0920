// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of clip_config.hpp.

#include <candor/core/error.hpp>
#include <candor/io/folder_impl.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/os_error.hpp>
#include <candor/model/clip_config.hpp>
#include <candor/model/llava_config_write_impl.hpp>
#include <candor/model/llava_parts_config_impl.hpp>

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE clip_text_config read_clip_text_config(const json_field& from) {
  if (const auto type = from.find("model_type"); type && type->string() != "clip_text_model")
    type->refuse("the text tower ", in_quotes(type->string()), " is not supported; clip_text_model is");
  clip_text_config c;
  c.vocab_size = config_integer(from, "vocab_size", c.vocab_size, 1);
  c.hidden_size = config_integer(from, "hidden_size", c.hidden_size, 1);
  c.intermediate_size = config_integer(from, "intermediate_size", c.intermediate_size, 1);
  c.num_hidden_layers = config_integer(from, "num_hidden_layers", c.num_hidden_layers, 1);
  c.num_attention_heads = config_integer(from, "num_attention_heads", c.num_attention_heads, 1);
  c.max_position_embeddings = config_integer(from, "max_position_embeddings", c.max_position_embeddings, 2);
  c.layer_norm_eps = from.number_or("layer_norm_eps", c.layer_norm_eps, 0, 1);
  c.hidden_act =
      read_activation(from, "hidden_act", activation::quick_gelu, {activation::quick_gelu, activation::gelu});
  c.eos_token_id = read_token_id(from, "eos_token_id", c.eos_token_id);
  return c;
}

CANDOR_INLINE void check_clip_config(const clip_config& c, std::string_view place) {
  const auto fits = [&](int part, int whole, std::string_view what) {
    require<input_error>(whole % part == 0, place, ": ", what, ": ", part, " does not divide ", whole);
  };
  fits(c.vision.num_attention_heads, c.vision.hidden_size, "heads and hidden size of the vision tower");
  fits(c.vision.patch_size, c.vision.image_size, "patch and image size of the vision tower");
  fits(c.text.num_attention_heads, c.text.hidden_size, "heads and hidden size of the text tower");
  for (const auto& [value, what] :
       {std::pair{c.vision.image_size, "image_size"},
        std::pair{c.vision.num_hidden_layers, "num_hidden_layers of the vision tower"},
        std::pair{c.text.num_hidden_layers, "num_hidden_layers of the text tower"}})
    require<input_error>(value <= 1 << 14, place, ": ", what, " ", value, " cannot be right; at most ",
                         1 << 14, " is supported");
  require<input_error>(c.vision.num_channels == 3, place, ": num_channels ", c.vision.num_channels,
                       " is not supported, 3 is");
}

}  // namespace detail

CANDOR_INLINE clip_config read_clip_config(const std::filesystem::path& folder) {
  detail::require_folder(folder, "CLIP folder");
  const auto path = folder / "config.json";
  require<input_error>(detail::present(path), "the CLIP folder ", folder.string(), " has no config.json");
  const detail::json document = detail::read_json_file(path, std::uint64_t{16} << 20);
  const detail::json_field root(document, path.string());
  if (const std::string type = root["model_type"].string(); type != "clip")
    root["model_type"].refuse("the model type ", detail::in_quotes(type),
                              " is not supported; clip is, with both towers");
  // Published files repeat the towers as *_config_dict, which transformers then takes.
  const auto tower = [&](const char* older, const char* usual) {
    const auto found = root.find(older);
    return found ? found : root.find(usual);
  };
  const detail::json none = detail::json::object();
  const auto vision = tower("vision_config_dict", "vision_config"),
             language = tower("text_config_dict", "text_config");
  clip_config c;
  c.vision = detail::read_tower_config(vision ? *vision : detail::json_field(none, path.string()));
  c.text = detail::read_clip_text_config(language ? *language : detail::json_field(none, path.string()));
  c.projection_dim = detail::config_integer(root, "projection_dim", c.projection_dim, 1);
  detail::check_clip_config(c, path.string());
  return c;
}

CANDOR_INLINE void write_clip_config(const std::filesystem::path& folder, const clip_config& config,
                                     dtype weights) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) fail_io("create the folder", folder, code.value());
  const auto path = folder / "config.json";
  detail::check_clip_config(config, path.string());
  const auto& t = config.text;
  const detail::json language = detail::json_object({
      {"bos_token_id", nullptr},  // nobody reads it, and the default is beyond small vocabularies
      {"eos_token_id", t.eos_token_id},
      {"hidden_act", name_of(t.hidden_act)},
      {"hidden_size", t.hidden_size},
      {"intermediate_size", t.intermediate_size},
      {"layer_norm_eps", t.layer_norm_eps},
      {"max_position_embeddings", t.max_position_embeddings},
      {"model_type", "clip_text_model"},
      {"num_attention_heads", t.num_attention_heads},
      {"num_hidden_layers", t.num_hidden_layers},
      {"projection_dim", config.projection_dim},
      {"vocab_size", t.vocab_size},
  });
  detail::json vision = detail::vision_json(config.vision);
  vision["projection_dim"] = config.projection_dim;
  detail::write_json_file(path, detail::json_object({{"architectures", std::vector<std::string>{"CLIPModel"}},
                                                     {"model_type", "clip"},
                                                     {"projection_dim", config.projection_dim},
                                                     {"text_config", language},
                                                     {"torch_dtype", detail::torch_name(weights)},
                                                     {"vision_config", vision}}));
}

CANDOR_INLINE std::int32_t pooled_place(const clip_text_config& config, std::span<const std::int32_t> ids) {
  const auto place = config.eos_token_id == 2 ? std::max_element(ids.begin(), ids.end())
                                              : std::find(ids.begin(), ids.end(), config.eos_token_id);
  require<input_error>(
      place != ids.end(), "[clip] a text of ", ids.size(), " ids has no id ", config.eos_token_id,
      ", the end of a text in config.json; tokenizer and weights belong to different models");
  return static_cast<std::int32_t>(place - ids.begin());
}

}  // namespace CANDOR_NS
