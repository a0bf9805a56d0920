// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Pictures made worse, or exchanged: what an answer is compared under where a method asks whether the model
/// looked at its picture at all. Diffusion noise is POVID's (arXiv 2402.11411), VCD's (2311.16922) and CHiP's
/// (2501.16629), the small crop is mDPO's (2406.11839), Gaussian pictures are V-DPO's (2411.02712).
/// A distortion is a plain value; with a seed and a picture it gives the same pixels on every platform, in
/// every thread and in any order of pictures.

#include <candor/core/config.hpp>
#include <candor/image/image.hpp>
#include <candor/image/transform.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

enum class distortion_kind : std::uint8_t {
  diffusion,   ///< sqrt(A_k) x + sqrt(1 - A_k) e with e ~ N(0, 1) a value; A_k: diffusion_signal
  black,       ///< all bytes 0
  mean,        ///< the transform's mean colour, which normalises to 0
  gaussian,    ///< nothing of the picture: e ~ N(mean, deviation) of the transform, a value
  crop,        ///< a random part of min_area to max_area, scaled back to the whole (RandomResizedCrop)
  rotation,    ///< by a random angle, counter-clockwise, about the middle
  other,       ///< another sample's picture, which the caller hands in
  pixel_mask,  ///< this share of the pixels in the mean colour
  block_mask   ///< this share of the blocks of `block` x `block` pixels in the mean colour
};

/// Where on the way to the vision tower it happens.
enum class distortion_stage : std::uint8_t {
  raw,        ///< on the decoded picture, before it becomes square: resizing then averages noise away
  resized,    ///< on the bytes of the square picture
  normalised  ///< on the tensor; black is then what 0 normalises to
};

/// What a byte becomes of a value outside 0 to 255; the fraction is cut off either way, as a cast does.
enum class byte_overflow : std::uint8_t {
  clamp,  ///< the nearest byte
  wrap    ///< modulo 256: the cast in POVID's released code, which turns overflow into speckle
};

std::string_view name_of(distortion_kind kind);
std::string_view name_of(distortion_stage stage);
std::string_view name_of(byte_overflow overflow);

/// What is done to a picture. Fields that a kind does not name are not used by it.
struct distortion {
  distortion_kind kind = distortion_kind::diffusion;
  distortion_stage stage = distortion_stage::raw;
  byte_overflow overflow = byte_overflow::clamp;  ///< diffusion, gaussian; not on normalised values
  int step = 500;                                 ///< diffusion: k, 0 to 999
  double min_area = 0.01, max_area = 0.2;         ///< crop: share of the picture's area
  double min_degrees = 10.0, max_degrees = 80.0;  ///< rotation: degrees
  double share = 0.5;                             ///< masks: of the pixels or blocks, 0 to 1
  int block = 14;                                 ///< block_mask: side, pixels

  /// One line with every value that changes pixels, for fingerprints: "diffusion,stage=raw,overflow=clamp,
  /// step=500". distortion_from reads it back.
  std::string describe() const;

  friend bool operator==(const distortion&, const distortion&) = default;
};

/// From a name and, after commas, fields of that kind: "crop", "diffusion,step=700,stage=normalised",
/// "rotation,degrees=10..80", "crop,area=0.01..0.2", "block_mask,share=0.75,block=14". usage_error names what
/// is not known or out of range, and what is.
distortion distortion_from(std::string_view description);

/// usage_error where a field that the kind uses is out of range.
void check(const distortion& how);

/// A_k = prod_{j <= k} (1 - b_j), b_j = sigmoid(-6 + 12 j / 999) (0.005 - 1e-5) + 1e-5: the share of the
/// picture's variance that is left at step k in 0 ... 999 (POVID's, VCD's and CHiP's schedule; A_500 =
/// 0.744799). It ends at 0.08, not at 0.
double diffusion_signal(int step);

/// The picture, raw or resized, made worse; of the same size, but for `other`, which is returned as it is.
/// The transform gives mean colour and deviation. Crops are bilinear, as torchvision's default; rotations
/// take the nearest pixel and show the mean colour where there is none.
/// usage_error for `other` without a picture or a picture without pixels, and what `check` throws.
image distort(const image& source, const distortion& how, const image_transform& transform,
              std::uint64_t seed, const image* other = nullptr);

/// The same on the tensor of a picture, in place. usage_error for `other`: exchange the picture before.
void distort(std::span<float> planes, const distortion& how, const image_transform& transform,  // (3,S,S)
             std::uint64_t seed);

/// The tensor that the vision tower takes of the distorted picture: resize, normalise and, at its stage,
/// distort.
std::vector<float> distorted_tensor(const image& source, const distortion& how,  // (3, S, S)
                                    const image_transform& transform, std::uint64_t seed,
                                    const image* other = nullptr);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/image/distortion_impl.hpp>
#include <candor/image/distortion_text_impl.hpp>
#endif
