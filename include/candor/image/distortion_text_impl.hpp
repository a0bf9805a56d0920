// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Distortions as text: names, descriptions, and what is refused.

#include <candor/core/error.hpp>
#include <candor/image/distortion.hpp>

#include <array>
#include <charconv>
#include <cmath>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::array<std::string_view, 9> distortion_kinds{
    "diffusion", "black", "mean", "gaussian", "crop", "rotation", "other", "pixel_mask", "block_mask"};
inline constexpr std::array<std::string_view, 3> distortion_stages{"raw", "resized", "normalised"};
inline constexpr std::array<std::string_view, 2> byte_overflows{"clamp", "wrap"};

/// The place of a name in a list; the error names the list.
CANDOR_INLINE std::size_t place_of_name(std::string_view name, std::span<const std::string_view> names,
                                        std::string_view what) {
  std::string known;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return i;
    known += text(i == 0 ? "" : ", ", names[i]);
  }
  fail<usage_error>("[distortion] unknown ", what, " \"", name, "\"; known: ", known);
}

/// The fields that pixels depend on, each as "name=" and its value.
CANDOR_INLINE std::vector<std::string> distortion_fields(const distortion& d) {
  std::vector<std::string> fields;
  if (d.kind == distortion_kind::other) return fields;
  fields.push_back(text("stage=", name_of(d.stage)));
  const bool noisy = d.kind == distortion_kind::diffusion || d.kind == distortion_kind::gaussian;
  if (noisy && d.stage != distortion_stage::normalised)
    fields.push_back(text("overflow=", name_of(d.overflow)));
  if (d.kind == distortion_kind::diffusion) fields.push_back(text("step=", d.step));
  if (d.kind == distortion_kind::crop)
    fields.push_back("area=" + exact_number(d.min_area) + ".." + exact_number(d.max_area));
  if (d.kind == distortion_kind::rotation)
    fields.push_back("degrees=" + exact_number(d.min_degrees) + ".." + exact_number(d.max_degrees));
  if (d.kind == distortion_kind::pixel_mask || d.kind == distortion_kind::block_mask)
    fields.push_back("share=" + exact_number(d.share));
  if (d.kind == distortion_kind::block_mask) fields.push_back(text("block=", d.block));
  return fields;
}

/// All of `digits` as a number.
template <class N>
N distortion_number(std::string_view digits, std::string_view field) {
  N value{};
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  require<usage_error>(problem == std::errc{} && end == digits.data() + digits.size() && !digits.empty(),
                       "[distortion] ", field, ": expected a number, found \"", digits, "\"");
  return value;
}

/// "0.01..0.2".
CANDOR_INLINE void read_range(std::string_view value, std::string_view field, double& least, double& most) {
  const auto dots = value.find("..");
  require<usage_error>(dots != std::string_view::npos, "[distortion] ", field, ": expected a range such as ",
                       field.ends_with("area") ? "0.01..0.2" : "10..80", ", found \"", value, "\"");
  least = distortion_number<double>(value.substr(0, dots), field);
  most = distortion_number<double>(value.substr(dots + 2), field);
}

/// One "name=value" of a description.
CANDOR_INLINE void read_distortion_field(std::string_view part, distortion& d) {
  const auto equals = part.find('=');
  require<usage_error>(equals != std::string_view::npos, "[distortion] expected name=value after ",
                       name_of(d.kind), ", found \"", part, "\"");
  const auto name = part.substr(0, equals), value = part.substr(equals + 1);
  std::string known;
  bool takes = false;
  for (const auto& field : distortion_fields(d)) {
    const std::string_view its_name = std::string_view(field).substr(0, field.find('='));
    takes = takes || name == its_name;
    known += text(known.empty() ? "" : ", ", its_name);
  }
  require<usage_error>(takes, "[distortion] ", name_of(d.kind), " takes no \"", name, "\"; it takes ",
                       known.empty() ? "nothing" : known);
  const auto field = text(name_of(d.kind), ": ", name);
  if (name == "stage")
    d.stage = static_cast<distortion_stage>(place_of_name(value, distortion_stages, "stage"));
  if (name == "overflow")
    d.overflow = static_cast<byte_overflow>(place_of_name(value, byte_overflows, "overflow"));
  if (name == "step") d.step = distortion_number<int>(value, field);
  if (name == "area") read_range(value, field, d.min_area, d.max_area);
  if (name == "degrees") read_range(value, field, d.min_degrees, d.max_degrees);
  if (name == "share") d.share = distortion_number<double>(value, field);
  if (name == "block") d.block = distortion_number<int>(value, field);
}

}  // namespace detail

CANDOR_INLINE std::string_view name_of(distortion_kind kind) {
  return detail::distortion_kinds[static_cast<std::size_t>(kind)];
}
CANDOR_INLINE std::string_view name_of(distortion_stage stage) {
  return detail::distortion_stages[static_cast<std::size_t>(stage)];
}
CANDOR_INLINE std::string_view name_of(byte_overflow overflow) {
  return detail::byte_overflows[static_cast<std::size_t>(overflow)];
}

CANDOR_INLINE std::string distortion::describe() const {
  std::string line(name_of(kind));
  for (const auto& field : detail::distortion_fields(*this)) line += "," + field;
  return line;
}

CANDOR_INLINE distortion distortion_from(std::string_view description) {
  auto comma = description.find(',');
  distortion d;
  d.kind = static_cast<distortion_kind>(
      detail::place_of_name(description.substr(0, comma), detail::distortion_kinds, "kind"));
  while (comma != std::string_view::npos) {
    description.remove_prefix(comma + 1);
    comma = description.find(',');
    detail::read_distortion_field(description.substr(0, comma), d);
  }
  check(d);
  return d;
}

CANDOR_INLINE void check(const distortion& d) {
  const auto within = [](double x, double least, double most) { return x >= least && x <= most; };  // not NaN
  require<usage_error>(d.kind != distortion_kind::other || d.stage == distortion_stage::raw,
                       "[distortion] other: pictures are exchanged at the stage raw, not ", name_of(d.stage));
  if (d.kind == distortion_kind::diffusion)
    require<usage_error>(d.step >= 0 && d.step <= 999, "[distortion] diffusion: step ", d.step,
                         "; the schedule has 0 to 999");
  if (d.kind == distortion_kind::crop)
    require<usage_error>(d.min_area > 0 && within(d.min_area, 0, d.max_area) && d.max_area <= 1,
                         "[distortion] crop: area ", d.min_area, " to ", d.max_area,
                         "; expected shares of the picture, 0 < least <= most <= 1");
  if (d.kind == distortion_kind::rotation)
    require<usage_error>(within(d.min_degrees, -360, d.max_degrees) && d.max_degrees <= 360,
                         "[distortion] rotation: ", d.min_degrees, " to ", d.max_degrees,
                         " degrees; expected -360 <= least <= most <= 360");
  if (d.kind == distortion_kind::pixel_mask || d.kind == distortion_kind::block_mask)
    require<usage_error>(within(d.share, 0, 1), "[distortion] ", name_of(d.kind), ": share ", d.share,
                         "; expected 0 to 1");
  if (d.kind == distortion_kind::block_mask)
    require<usage_error>(d.block >= 1 && d.block <= 65'536, "[distortion] block_mask: block ", d.block,
                         " pixels; expected 1 to 65536");
}

}  // namespace CANDOR_NS
