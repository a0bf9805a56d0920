// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Original LLaVA's config.json: LLaMA's keys at the top, mm_* keys for the rest, the tower by name.

#include <candor/core/error.hpp>
#include <candor/io/folder_impl.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/model/llava_parts_config_impl.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace CANDOR_NS::detail {

/// The id that LLaVA's code puts where an image stands.
inline constexpr int original_image_token = -200;

/// OpenAI's two towers of LLaVA-1.5; their names and the side of their images.
struct known_tower {
  std::string_view name;
  int image_size;
};
inline constexpr known_tower known_towers[] = {{"openai/clip-vit-large-patch14-336", 336},
                                               {"openai/clip-vit-large-patch14", 224}};

/// The tower's own config.json, which may be that of all of CLIP.
CANDOR_INLINE vision_config read_tower_config(const std::filesystem::path& path) {
  const json document = read_json_file(path, std::uint64_t{16} << 20);
  const json_field root(document, path.string());
  const auto vision = root.find("vision_config");
  return read_tower_config(vision ? *vision : root);
}

CANDOR_INLINE std::optional<vision_config> find_known_tower(std::string_view name) {
  for (const auto& known : known_towers) {
    const auto last = known.name.substr(known.name.rfind('/') + 1);
    if (name != known.name && name != last && !name.ends_with(text("/", last))) continue;
    vision_config c;
    c.image_size = known.image_size;
    return c;
  }
  return std::nullopt;
}

/// `tower` is the folder that the user names, or empty.
CANDOR_INLINE vision_config read_tower(const json_field& root, const std::filesystem::path& folder,
                                       const std::filesystem::path& tower) {
  const auto given = root["mm_vision_tower"];
  const std::string& name = given.string();
  // A path outside of the folder is not followed: it would read files that the user did not name.
  if (is_plain_file_name(name) && present(folder / name / "config.json"))
    return read_tower_config(folder / name / "config.json");
  const auto known = find_known_tower(name);
  if (!tower.empty()) {
    require_folder(tower, "vision tower's folder");
    const auto path = tower / "config.json";
    require<input_error>(present(path), "the vision tower's folder ", tower.string(), " has no config.json");
    const auto found = read_tower_config(path);
    require<input_error>(!known || found == *known, path.string(), ": describes a tower for ",
                         found.image_size, " pixels with ", found.num_hidden_layers, " layers of width ",
                         found.hidden_size, ", which is not ", in_quotes(name), ", the tower that ",
                         given.place(), " names");
    return found;
  }
  if (known) return *known;
  given.refuse("the vision tower ", in_quotes(name), " is not known; known are ", known_towers[0].name, ", ",
               known_towers[1].name,
               " and a subfolder of the model folder with a CLIP config.json; name the ",
               "folder of another with --vision-tower");
}

CANDOR_INLINE llava_config read_original_config(const json_field& root, const std::filesystem::path& folder,
                                                const std::filesystem::path& tower) {
  llava_config c;
  c.text = read_llama_keys(root);
  c.vision = read_tower(root, folder, tower);
  c.vision_feature_layer =
      static_cast<int>(root["mm_vision_select_layer"].integer(-largest_config, largest_config));
  if (const auto select = root.find("mm_vision_select_feature")) {
    if (select->string() == "cls_patch")
      c.vision_feature_select_strategy = feature_select::full;
    else if (select->string() != "patch")
      select->refuse("unknown feature ", in_quotes(select->string()), "; patch and cls_patch are known");
  }
  const std::string projector = root.string_or("mm_projector_type", "linear");  // the first LLaVA had no key
  if (projector == "linear")
    c.projector = projector_kind::linear;
  else if (projector != "mlp2x_gelu")
    root["mm_projector_type"].refuse("the projector ", in_quotes(projector),
                                     " is not supported; mlp2x_gelu and linear are");
  if (const auto width = root.find("mm_hidden_size"); width && width->integer() != c.vision.hidden_size)
    width->refuse(width->integer(), " is not the vision tower's width, ", c.vision.hidden_size);
  if (root.boolean_or("mm_use_im_start_end", false))
    root["mm_use_im_start_end"].refuse("marks around images are not supported");
  c.image_aspect_ratio = root.string_or("image_aspect_ratio", "square");
  if (c.image_aspect_ratio != "pad" && c.image_aspect_ratio != "square")
    root["image_aspect_ratio"].refuse("the image layout ", in_quotes(c.image_aspect_ratio),
                                      " is not supported; pad and square are");
  c.image_token_index = original_image_token;
  c.image_seq_length = c.image_tokens();
  return c;
}

}  // namespace CANDOR_NS::detail
