// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of image_variants.hpp.

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>
#include <candor/train/image_variants.hpp>

#include <algorithm>

namespace CANDOR_NS {
namespace detail {

/// Appends the tensor of an image with a distortion, or without one. `square` keeps the resized image for the
/// next call on the same image.
CANDOR_INLINE void append_tensor(std::vector<float>& pixels, const image_transform& transform,
                                 const image& source, std::optional<image>& square,
                                 const std::optional<distortion>& how, std::uint64_t seed) {
  const std::size_t first = pixels.size();
  pixels.resize(first + std::size_t{3} * static_cast<std::size_t>(transform.size) *
                            static_cast<std::size_t>(transform.size));
  const std::span<float> planes = std::span(pixels).subspan(first);  // (3, S, S)
  if (how && how->stage == distortion_stage::raw)
    return transform.normalise(transform.resize(distort(source, *how, transform, seed)), planes);
  if (!square) square = transform.resize(source);
  if (how && how->stage == distortion_stage::resized)
    return transform.normalise(distort(*square, *how, transform, seed), planes);
  transform.normalise(*square, planes);
  if (how) distort(planes, *how, transform, seed);
}

/// Another record's images, drawn among all that have none of this record's. (Rated answers are several
/// records with one picture, and the field's files ask several questions about one.)
CANDOR_INLINE std::vector<image_source> images_of_another(const preference_data& data,
                                                          const preference_record& record,
                                                          const variant_draw& draw, std::uint64_t seed) {
  const auto shown_here = [&](const image_source& other) {
    return std::any_of(record.images.begin(), record.images.end(),
                       [&](const image_source& own) { return same_picture(own, other); });
  };
  random_stream random(seed, 0x6f74686572);  // "other"
  for (int attempt = 0; attempt < 100 && data.size() > 1; ++attempt) {
    auto other = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(data.size() - 1)));
    if (other >= draw.record) ++other;
    auto images = data.record(other).images;
    if (!images.empty() && std::none_of(images.begin(), images.end(), shown_here)) return images;
  }
  fail<input_error>(record.source,
                    ": its variant shows another record's picture, and 100 draws found no other; ",
                    data.path().string(), " has ", data.size(), " records");
}

}  // namespace detail

CANDOR_INLINE std::string image_variant::describe() const {
  return text(name, second_image ? " second image" : "", how ? " " + how->describe() : "");
}

CANDOR_INLINE bool image_variant::varies() const {
  return how && how->kind != distortion_kind::black && how->kind != distortion_kind::mean;
}

CANDOR_INLINE bool same_picture(const image_source& a, const image_source& b) {
  if (a.name() == b.name()) return true;
  if (!a.file().empty() || !b.file().empty())
    return a.file().lexically_normal() == b.file().lexically_normal();
  return a.read() == b.read();
}

CANDOR_INLINE std::vector<std::string_view> images_named_in(std::span<const cell_place> places) {
  std::vector<std::string_view> names;
  const auto add = [&](std::string_view name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const cell_place& place : places) {
    if (!place.used()) continue;
    add(place.image);
    if (place.picks()) add(place.tokens_image);
  }
  return names;
}

CANDOR_INLINE std::vector<image_variant> variants_named(std::span<const std::string_view> names,
                                                        std::span<const image_variant> defined) {
  std::vector<image_variant> variants;
  for (const std::string_view name : names) {
    const auto found =
        std::find_if(defined.begin(), defined.end(), [&](const image_variant& v) { return v.name == name; });
    require<usage_error>(found != defined.end(), "the objective scores answers under the image '", name,
                         "', which nothing defines; name it in fit_options::variants");
    require<usage_error>(found->how || found->second_image, "the image '", name,
                         "' is the record's own: give it a distortion, or let it be the second image");
    if (found->how) check(*found->how);
    variants.push_back(*found);
  }
  return variants;
}

CANDOR_INLINE std::size_t images_of_stem(const preference_record& record,
                                         std::span<const image_variant> variants) {
  const std::size_t images = record.images.size();
  if (variants.empty()) return record.shown_images();
  require<input_error>(images > 0, record.source,
                       ": the record has no image, but the objective compares answers under different ones");
  if (std::none_of(variants.begin(), variants.end(), [](const image_variant& v) { return v.second_image; }))
    return record.shown_images();
  require<input_error>(images == 2, record.source, ": the record has ", images,
                       " images; expected two, since the objective compares the first with the second");
  return 1;
}

CANDOR_INLINE std::uint64_t variant_seed(const variant_draw& draw, std::size_t variant, std::size_t image) {
  const std::uint64_t stream = (static_cast<std::uint64_t>(draw.epoch) << 24) + (variant << 16) + image;
  random_stream random(draw.seed ^ 0x76617269616e74, static_cast<std::uint64_t>(draw.record));  // "variant"
  return random_stream(random.next_double_word(), stream).next_double_word();
}

CANDOR_INLINE std::vector<float> variant_pixels(const image_transform& transform,
                                                const preference_record& record,
                                                std::span<const image_variant> variants,
                                                const variant_draw& draw, const preference_data& data,
                                                decoded_record& known) {
  const std::size_t own = images_of_stem(record, variants);
  if (known.record != draw.record) {
    known = {};
    for (const auto& source : record.images) known.images.push_back(load_image(source));
    known.squares.resize(known.images.size());
    known.record = draw.record;
  }
  const auto& decoded = known.images;
  auto& squares = known.squares;
  std::vector<float> pixels;  // (images, 3, S, S)
  for (std::size_t i = 0; i < own; ++i)
    detail::append_tensor(pixels, transform, decoded[i], squares[i], {}, 0);
  for (std::size_t v = 0; v < variants.size(); ++v) {
    const bool exchanged = variants[v].how && variants[v].how->kind == distortion_kind::other;
    for (std::size_t i = 0; i < own; ++i) {
      const std::uint64_t seed = variant_seed(draw, v, i);
      if (exchanged) {
        const auto others = detail::images_of_another(data, record, draw, variant_seed(draw, v, 0));
        std::optional<image> square;
        detail::append_tensor(pixels, transform, load_image(others[std::min(i, others.size() - 1)]), square,
                              {}, 0);
        continue;
      }
      const std::size_t shown = variants[v].second_image ? 1 : i;
      detail::append_tensor(pixels, transform, decoded[shown], squares[shown], variants[v].how, seed);
    }
  }
  return pixels;
}

}  // namespace CANDOR_NS
