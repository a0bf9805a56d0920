// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of transform.hpp that read and write preprocessor_config.json.

#include <candor/core/error.hpp>
#include <candor/image/transform.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>

#include <algorithm>

namespace CANDOR_NS {
namespace detail {

inline constexpr int largest_transform_size = 16'384;

/// "size" or "crop_size": a number, {shortest_edge} or {height, width}.
struct configured_size {
  int side = 0;
  bool both_sides = false;  ///< {height, width}
};

CANDOR_INLINE configured_size read_size(const json_field& field) {
  const auto pixels = [](const json_field& f) {
    return static_cast<int>(f.integer(1, largest_transform_size));
  };
  if (!field.value().is_object()) return {pixels(field), false};
  for (const char* key : {"longest_edge", "max_height", "max_width", "min_pixels", "max_pixels"})
    if (field.has(key))
      field.refuse("\"", key, "\" is not supported; use {\"shortest_edge\"} or {\"height\", \"width\"}");
  if (const auto shortest = field.find("shortest_edge")) return {pixels(*shortest), false};
  const int height = pixels(field["height"]), width = pixels(field["width"]);
  if (height != width)
    field.refuse("height ", height, " and width ", width, "; only square images are supported");
  return {height, true};
}

CANDOR_INLINE std::array<double, 3> read_channels(const json_field& field, double least) {
  if (field.value().is_number()) {
    const double v = field.number(least, 1e6);
    return {v, v, v};
  }
  const auto items = field.items();
  if (items.size() != 3) field.refuse("expected 3 numbers (R, G, B), found ", items.size());
  return {items[0].number(least, 1e6), items[1].number(least, 1e6), items[2].number(least, 1e6)};
}

/// The name of the processor without the suffixes of its faster versions.
CANDOR_INLINE std::string processor_name(const json_field& config) {
  std::string name = config.string_or("image_processor_type",
                                      config.string_or("feature_extractor_type", "CLIPImageProcessor"));
  for (const std::string_view suffix : {"Fast", "Pil"})
    if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  return name;
}

CANDOR_INLINE image_transform transform_from(const json_field& config, std::optional<image_mode> mode) {
  const std::string name = processor_name(config);
  const bool siglip = name == "SiglipImageProcessor", llava = name == "LlavaImageProcessor";
  if (!siglip && !llava && name != "CLIPImageProcessor" && name != "CLIPFeatureExtractor")
    config.refuse("image processor ", in_quotes(name),
                  "; CLIPImageProcessor, LlavaImageProcessor and SiglipImageProcessor are known");
  if (!config.boolean_or("do_resize", true)) config.refuse("do_resize is false; images must be resized");
  if (const auto filter = config.find("resample"); filter && filter->integer() != 3)
    filter->refuse("resampling filter ", filter->integer(), "; only 3 (bicubic) is supported");
  const auto size_field = config.find("size"), crop_field = config.find("crop_size");
  configured_size size = size_field ? read_size(*size_field) : configured_size{224, siglip};
  if (siglip && size_field && !size_field->value().is_object()) size.both_sides = true;
  const bool crops = config.boolean_or("do_center_crop", !siglip);
  const int crop = crop_field ? read_size(*crop_field).side : 224;
  const bool pads = config.boolean_or("do_pad", false);
  if (pads && !llava) config.refuse("do_pad is true; only LlavaImageProcessor makes images square by it");

  image_transform t;
  t.mode = mode              ? *mode
           : pads            ? image_mode::pad
           : size.both_sides ? image_mode::squash
                             : image_mode::centre_crop;
  t.size = crops ? crop : size.side;
  t.resize_to = size.side == t.size ? 0 : size.side;
  if (t.mode == image_mode::squash) {
    if (!mode && t.resize_to != 0)
      config.refuse("size ", size.side, " x ", size.side, " and then a crop to ", crop,
                    "; this is not supported");
    t.resize_to = 0;
  }
  if (t.mode == image_mode::centre_crop && !crops && !mode)
    config.refuse("do_center_crop is false and size is one side; the result would not be square");
  t.rescale =
      config.boolean_or("do_rescale", true) ? config.number_or("rescale_factor", 1.0 / 255, 1e-9, 1e9) : 1.0;
  const auto mean = config.find("image_mean"), deviation = config.find("image_std");
  if (siglip) t.mean = t.deviation = {0.5, 0.5, 0.5};
  if (mean) t.mean = read_channels(*mean, -1e6);
  if (deviation) t.deviation = read_channels(*deviation, 1e-9);
  if (!config.boolean_or("do_normalize", true)) {
    if (t.mode == image_mode::pad)
      config.refuse("do_normalize is false; padding takes its colour from the mean");
    t.mean = {0, 0, 0};
    t.deviation = {1, 1, 1};
  }
  return t;
}

}  // namespace detail

CANDOR_INLINE image_transform read_image_transform(const std::filesystem::path& folder,
                                                   std::optional<image_mode> mode) {
  const auto own = folder / "preprocessor_config.json", joint = folder / "processor_config.json";
  if (!std::filesystem::exists(own) && std::filesystem::exists(joint)) {
    const auto document = detail::read_json_file(joint);
    return detail::transform_from(detail::json_field(document, joint.string())["image_processor"], mode);
  }
  const auto document = detail::read_json_file(own);
  return detail::transform_from(detail::json_field(document, own.string()), mode);
}

CANDOR_INLINE void write_preprocessor_config(const std::filesystem::path& folder, const image_transform& t) {
  const bool pads = t.mode == image_mode::pad, squashes = t.mode == image_mode::squash;
  const int side = t.resize_to == 0 ? t.size : t.resize_to;
  const detail::json square = detail::json_object({{"height", t.size}, {"width", t.size}});
  detail::json config =
      detail::json_object({{"image_processor_type", pads ? "LlavaImageProcessor" : "CLIPImageProcessor"},
                           {"do_convert_rgb", true},
                           {"do_resize", true},
                           {"size", squashes ? square : detail::json_object({{"shortest_edge", side}})},
                           {"resample", 3},
                           {"do_center_crop", !squashes},
                           {"crop_size", square},
                           {"do_rescale", true},
                           {"rescale_factor", t.rescale},
                           {"do_normalize", true},
                           {"image_mean", t.mean},
                           {"image_std", t.deviation}});
  if (pads) config["do_pad"] = true;
  detail::write_json_file(folder / "preprocessor_config.json", config);
}

}  // namespace CANDOR_NS
