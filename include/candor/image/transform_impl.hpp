// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of transform.hpp but for its files.

#include <candor/core/error.hpp>
#include <candor/image/resize.hpp>
#include <candor/image/transform.hpp>

#include <algorithm>
#include <charconv>

namespace CANDOR_NS {
namespace detail {

/// Pastes the image in the middle of a square of this colour; LLaVA's expand2square.
CANDOR_INLINE image pad_to_square(const image& source, const std::array<std::uint8_t, 3>& colour) {
  if (source.width == source.height) return source;
  const int side = std::max(source.width, source.height);
  const int left = (side - source.width) / 2, top = (side - source.height) / 2;
  image out = make_image(side, side);
  for (std::size_t i = 0; i < out.rgb.size(); ++i) out.rgb[i] = colour[i % 3];
  for (int y = 0; y < source.height; ++y)
    std::copy_n(source.rgb.begin() + 3 * static_cast<std::ptrdiff_t>(source.width) * y, 3 * source.width,
                out.rgb.begin() + 3 * (static_cast<std::ptrdiff_t>(side) * (top + y) + left));
  return out;
}

/// Scales to width x height and keeps the middle square of `size` pixels, black where there is no image.
/// Offsets and borders as center_crop of transformers' image_transforms.py.
CANDOR_INLINE image resize_and_crop(const image& source, int width, int height, int size,
                                    resize_order order) {
  const auto axis = [&](int extent) {  // first pixel that is kept, how many, and where they go
    return extent >= size ? std::array{(extent - size) / 2, size, 0}
                          : std::array{0, extent, (size - extent + 1) / 2};
  };
  const auto x = axis(width), y = axis(height);
  image part = resize_bicubic(source, width, height, {x[0], y[0], x[1], y[1]}, order);
  if (x[1] == size && y[1] == size) return part;
  image out = make_image(size, size);
  for (int row = 0; row < y[1]; ++row)
    std::copy_n(part.rgb.begin() + 3 * static_cast<std::ptrdiff_t>(part.width) * row, 3 * part.width,
                out.rgb.begin() + 3 * (static_cast<std::ptrdiff_t>(size) * (y[2] + row) + x[2]));
  return out;
}

CANDOR_INLINE std::string exact_number(double value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}
CANDOR_INLINE std::string exact_numbers(const std::array<double, 3>& v) {
  return text(exact_number(v[0]), ",", exact_number(v[1]), ",", exact_number(v[2]));
}

}  // namespace detail

CANDOR_INLINE std::string_view name_of(image_mode mode) {
  constexpr std::string_view names[] = {"pad", "centre_crop", "squash"};
  return names[static_cast<std::size_t>(mode)];
}

CANDOR_INLINE image_mode image_mode_from(std::string_view name) {
  for (const auto mode : {image_mode::pad, image_mode::centre_crop, image_mode::squash})
    if (name == name_of(mode)) return mode;
  fail<usage_error>("unknown image mode \"", name, "\"; pad, centre_crop and squash are known");
}

CANDOR_INLINE image image_transform::resize(const image& source) const {
  const int side = resize_to == 0 ? size : resize_to;
  require<usage_error>(size >= 1 && size <= 16'384 && side >= 1 && side <= 16'384, "[image_transform] size ",
                       size, " and resize_to ", resize_to, "; 1 to 16384 pixels are possible");
  require<usage_error>(
      source.width >= 1 && source.height >= 1 && source.width <= 65'536 && source.height <= 65'536,
      "[image_transform] an image of ", source.width, " x ", source.height, " pixels");
  if (mode == image_mode::squash) return resize_bicubic(source, size, size, order);
  if (mode == image_mode::pad)
    return detail::resize_and_crop(detail::pad_to_square(source, mean_colour()), side, side, size, order);
  const std::int64_t shortest = std::min(source.width, source.height),
                     longest = std::max(source.width, source.height);
  const std::int64_t scaled = side * longest / shortest;
  require<usage_error>(scaled <= 1 << 30, "[image_transform] an image of ", source.width, " x ",
                       source.height, " pixels is too long and thin for a size of ", side);
  const int other = static_cast<int>(scaled);
  const bool upright = source.width <= source.height;
  return detail::resize_and_crop(source, upright ? side : other, upright ? other : side, size, order);
}

CANDOR_INLINE void image_transform::normalise(const image& square, std::span<float> out) const {
  const auto plane = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  require<shape_error>(square.width == size && square.height == size && square.rgb.size() == 3 * plane,
                       "[image_transform] normalise takes ", size, " x ", size, " pixels, got ", square.width,
                       " x ", square.height);
  require<shape_error>(out.size() == 3 * plane, "[image_transform] normalise writes ", 3 * plane,
                       " values, got room for ", out.size());
  for (std::size_t c = 0; c < 3; ++c) {
    std::array<float, 256> value{};  // numpy: float32(byte * rescale in float64), then two float32 operations
    for (std::size_t v = 0; v < 256; ++v)
      value[v] = (static_cast<float>(static_cast<double>(v) * rescale) - static_cast<float>(mean[c])) /
                 static_cast<float>(deviation[c]);
    for (std::size_t i = 0; i < plane; ++i) out[c * plane + i] = value[square.rgb[3 * i + c]];
  }
}

CANDOR_INLINE std::vector<float> image_transform::operator()(const image& source) const {
  const image square = resize(source);
  std::vector<float> out(square.rgb.size());
  normalise(square, out);
  return out;
}

CANDOR_INLINE std::array<std::uint8_t, 3> image_transform::mean_colour() const {
  std::array<std::uint8_t, 3> colour{};
  for (std::size_t c = 0; c < 3; ++c)
    colour[c] = static_cast<std::uint8_t>(std::clamp(mean[c] * 255, 0.0, 255.0));
  return colour;
}

CANDOR_INLINE std::string image_transform::describe() const {
  return text("image_transform mode=", name_of(mode), " size=", size,
              " resize_to=", resize_to == 0 ? size : resize_to, " filter=bicubic",
              order == resize_order::pillow_12 ? "/pillow_12" : "",
              " rescale=", detail::exact_number(rescale), " mean=", detail::exact_numbers(mean),
              " deviation=", detail::exact_numbers(deviation));
}

}  // namespace CANDOR_NS
