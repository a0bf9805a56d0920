// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Other images than the record's, under which an objective's cells lie: what is done to the record's images,
/// or its second image. Each is drawn from (run's seed, record, epoch, variant, image) alone, so policy,
/// reference, reference cache and a resumed run see the same pixels.

#include <candor/data/preference_data.hpp>
#include <candor/image/distortion.hpp>
#include <candor/objective/objective.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// An image that cells name; at least one of `how` and `second_image`.
struct image_variant {
  std::string name;                    ///< as in cell_place: "distorted"
  std::optional<distortion> how = {};  ///< what is done to each image; `other`: those of another record
  bool second_image = false;           ///< the second of a record's two images; the record's own is the first

  /// One line with everything that changes pixels.
  std::string describe() const;
  /// Whether another draw gives other pixels: not for the second image, black or the mean colour.
  bool varies() const;

  friend bool operator==(const image_variant&, const image_variant&) = default;
};

/// The names of images, the record's own excepted, that cells are scored or picked under; each once, in
/// order.
std::vector<std::string_view> images_named_in(std::span<const cell_place> places);

/// The definitions of these names. usage_error for a name without one, and for one that changes nothing.
std::vector<image_variant> variants_named(std::span<const std::string_view> names,
                                          std::span<const image_variant> defined);

/// The definitions of the images that an objective's cells name.
template <class Objective>
std::vector<image_variant> variants_of(const Objective& loss, std::span<const image_variant> defined) {
  const auto places = places_of(loss);
  return variants_named(images_named_in(places), defined);
}

/// Whether two pictures are the same: the same file, or equal bytes inside containers.
bool same_picture(const image_source& a, const image_source& b);

/// How many of the record's images stand in its own stem: all, or the first of two where a variant shows the
/// second. input_error, with the record's place, for a record without images or with another number of them.
std::size_t images_of_stem(const preference_record& record, std::span<const image_variant> variants);

/// Which draw of its variants a record gets.
struct variant_draw {
  std::uint64_t seed = 0;   ///< of the run
  std::int64_t record = 0;  ///< its place in the file
  std::int64_t epoch = 0;   ///< 0 where all epochs have the same draw
};

/// The seed of a variant's distortion of one image.
std::uint64_t variant_seed(const variant_draw& draw, std::size_t variant, std::size_t image);

/// A record's images, as they are and as squares for the tower where some were made: what several draws of
/// its variants share.
struct decoded_record {
  std::int64_t record = -1;  ///< its place in the file
  std::vector<image> images;
  std::vector<std::optional<image>> squares;
};

/// The record's images and then those of each variant, as the vision tower takes them: (images, 3 S S). An
/// image is decoded once, and resized once unless it changes before; not again where `known` has this record,
/// and `known` has it afterwards. `data` holds the other records for distortion_kind::other, of which those
/// with one of this record's pictures are left out. Errors are those of load_image, and input_error where
/// there is no other record with images.
std::vector<float> variant_pixels(const image_transform& transform, const preference_record& record,
                                  std::span<const image_variant> variants, const variant_draw& draw,
                                  const preference_data& data, decoded_record& known);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/image_variants_impl.hpp>
#endif
