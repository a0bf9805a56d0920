// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// One object for all that happens between a decoded image and the vision tower: make it square, scale, crop,
/// normalise. It gives the tensor of transformers' CLIPImageProcessor (Pillow backend) and of LLaVA's
/// padding, and its one-line description is part of every fingerprint.

#include <candor/core/config.hpp>
#include <candor/image/image.hpp>
#include <candor/image/resize.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// How an image that is not square becomes one.
enum class image_mode : std::uint8_t {
  pad,          ///< pasted on a square of the mean colour: LLaVA's image_aspect_ratio "pad"
  centre_crop,  ///< scaled by its shortest side, the middle is kept: CLIP's own
  squash        ///< both sides scaled to the size
};

std::string_view name_of(image_mode mode);
/// "pad", "centre_crop" or "squash"; usage_error for another name.
image_mode image_mode_from(std::string_view name);

/// The transform; a plain value.
struct image_transform {
  image_mode mode = image_mode::centre_crop;
  int size = 336;     ///< side of the result, pixels
  int resize_to = 0;  ///< side before the crop where it differs from `size` (pad, centre_crop); 0 is `size`
  std::array<double, 3> mean{0.48145466, 0.4578275, 0.40821073};  ///< of R, G, B on the scale of `rescale`
  std::array<double, 3> deviation{0.26862954, 0.26130258, 0.27577711};  ///< image_std in configurations
  double rescale = 1.0 / 255;                                           ///< factor on bytes

  resize_order order = resize_order::pillow_13;  ///< not in configurations

  /// The square image as bytes, before normalisation: (size, size) pixels.
  /// pad: square of int(255 mean), offset floor((side - d) / 2); scaled sides: size * long / short, cut to an
  /// integer; crop offset: floor((d - size) / 2), black where the image is smaller. Bicubic, see resize.hpp.
  image resize(const image& source) const;

  /// out = (float(byte * rescale) - mean) / deviation in float, planes R, G, B. `square` must be (size,
  /// size).
  void normalise(const image& square, std::span<float> out) const;  // out: (3, size, size)

  /// Both: the tensor that the vision tower takes.
  std::vector<float> operator()(const image& source) const;  // (3, size, size)

  /// The byte of `mean`, which pad fills with: int(255 mean).
  std::array<std::uint8_t, 3> mean_colour() const;

  /// One line with every value that changes the tensor.
  std::string describe() const;

  friend bool operator==(const image_transform&, const image_transform&) = default;
};

/// Reads preprocessor_config.json of a model folder (or the image_processor part of processor_config.json,
/// which newer folders have instead). Without `mode` the file decides: size {height, width} is squash, do_pad
/// is pad, else centre_crop; llava-hf's files say centre_crop while LLaVA-1.5 was trained with pad.
/// input_error for a setting that is not supported here (another filter than bicubic, no resize, results that
/// are not square).
image_transform read_image_transform(const std::filesystem::path& folder,
                                     std::optional<image_mode> mode = {});

/// Writes preprocessor_config.json so that transformers loads it: CLIPImageProcessor, and LlavaImageProcessor
/// for pad.
void write_preprocessor_config(const std::filesystem::path& folder, const image_transform& transform);

namespace detail {

/// The shortest text that reads back as the same number.
std::string exact_number(double value);

}  // namespace detail

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/image/transform_config_impl.hpp>
#include <candor/image/transform_impl.hpp>
#endif
