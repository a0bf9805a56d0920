// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/image/distortion.hpp>

#include "image/golden_images.hpp"
#include "image/patterns.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

using candor::distortion;
using candor::distortion_kind;
using candor::distortion_stage;
using candor::image_transform;

namespace {

const image_transform clip{.mode = candor::image_mode::squash, .size = 18};

double square_sum(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * static_cast<double>(v);
  return sum;
}

std::vector<float> floats_at(const std::string& blob, std::size_t offset, std::size_t count) {
  std::vector<float> out(count);
  REQUIRE(offset + count * sizeof(float) <= blob.size());
  std::memcpy(out.data(), blob.data() + offset, count * sizeof(float));
  return out;
}

/// Pixels that have exactly this colour.
std::size_t count_colour(const candor::image& picture, const std::array<std::uint8_t, 3>& colour) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3)
    count += std::equal(colour.begin(), colour.end(), picture.rgb.begin() + static_cast<std::ptrdiff_t>(i));
  return count;
}

}  // namespace

TEST_CASE("The schedule of diffusion steps has the published values", "[image][distortion]") {
  const std::pair<int, double> values[] = {{99, .996639},  {199, .987937}, {299, .962740},
                                           {399, .893805}, {500, .744799}, {599, .541202},
                                           {699, .352886}, {799, .219169}, {899, .133807}};
  for (const auto& [step, signal] : values) CHECK(std::abs(candor::diffusion_signal(step) - signal) < 5e-7);
  CHECK(std::abs(candor::diffusion_signal(999) - 0.0812) < 5e-5);
  CHECK(std::abs(std::sqrt(candor::diffusion_signal(500)) - 0.863017) < 5e-7);
  CHECK(std::abs(std::sqrt(1 - candor::diffusion_signal(500)) - 0.505175) < 5e-7);
  for (int step = 1; step < 1000; ++step)
    REQUIRE(candor::diffusion_signal(step) < candor::diffusion_signal(step - 1));
}

TEST_CASE("Distortions give the pixels of PyTorch under the same random numbers", "[image][distortion]") {
  std::istringstream lines(candor_test::file_content(candor_test::golden("image/distortion.txt")));
  const std::string blob = candor_test::file_content(candor_test::golden("image/distortion.bin"));
  int bytes = 0, exact = 0, planes = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream fields(line);
    std::string what, description, pattern;
    std::uint64_t seed = 0;
    std::size_t offset = 0;
    int width = 0, height = 0;
    fields >> what >> description >> seed >> pattern >> width >> height >> offset;
    INFO(line);
    const auto how = candor::distortion_from(description);
    const auto source = candor_test::pattern(pattern, width, height);
    if (what == "bytes") {
      const auto out = candor::distort(source, how, clip, seed);
      REQUIRE(offset + out.rgb.size() <= blob.size());
      CHECK(std::memcmp(out.rgb.data(), blob.data() + offset, out.rgb.size()) == 0);
      ++bytes;
      continue;
    }
    if (what == "exact") {  // what bytes are the nearest to
      const auto out = candor::distort(source, how, clip, seed);
      const auto expected = floats_at(blob, offset, out.rgb.size());
      float largest = 0;
      for (std::size_t i = 0; i < expected.size(); ++i)
        largest = std::max(largest, std::abs(static_cast<float>(out.rgb[i]) - expected[i]));
      CHECK(largest < 0.5001f);
      ++exact;
      continue;
    }
    const auto out = candor::distorted_tensor(source, how, clip, seed);
    const auto expected = floats_at(blob, offset, out.size());
    float largest = 0;
    for (std::size_t i = 0; i < out.size(); ++i)
      largest = std::max(largest, std::abs(out[i] - expected[i]) / (1 + std::abs(expected[i])));
    CHECK(largest < 1e-6f);
    ++planes;
  }
  CHECK(bytes == 42);
  CHECK(exact == 6);
  CHECK(planes == 13);
}

TEST_CASE("Noise has the variance that the schedule says, and none of it is shared by seeds",
          "[image][distortion]") {
  const image_transform large{.size = 336};
  const distortion how{.stage = distortion_stage::normalised, .step = 700};
  std::vector<float> a(3 * 336 * 336), b = a;  // (3, S, S), of zeros
  candor::distort(a, how, large, 1);
  candor::distort(b, how, large, 2);
  const double count = static_cast<double>(a.size()), variance = 1 - candor::diffusion_signal(700);
  CHECK(std::abs(square_sum(a) / count - variance) < 5 * variance * std::sqrt(2 / count));
  double product = 0;
  for (std::size_t i = 0; i < a.size(); ++i) product += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  CHECK(std::abs(product / count) < 5 * variance / std::sqrt(count));
  auto again = std::vector<float>(a.size());
  candor::distort(again, how, large, 1);
  CHECK(again == a);
}

TEST_CASE("Clamped and wrapped noise differ only where a byte overflows", "[image][distortion]") {
  const auto source = candor_test::pattern("smooth", 64, 48);
  const auto clamped = candor::distort(source, {.overflow = candor::byte_overflow::clamp}, clip, 5);
  const auto wrapped = candor::distort(source, {.overflow = candor::byte_overflow::wrap}, clip, 5);
  std::size_t differ = 0;
  for (std::size_t i = 0; i < source.rgb.size(); ++i) {
    if (clamped.rgb[i] == wrapped.rgb[i]) continue;
    REQUIRE((clamped.rgb[i] == 0 || clamped.rgb[i] == 255));
    ++differ;
  }
  CHECK(differ > source.rgb.size() / 10);  // noise of sd 129 on smooth bytes
}

TEST_CASE("A crop is a part of the picture whose area is in the range", "[image][distortion]") {
  candor::image places{64, 48, std::vector<std::uint8_t>(64 * 48 * 3)};  // red is the column, green the row
  for (std::size_t i = 0; i < 64 * 48; ++i) {
    places.rgb[3 * i] = static_cast<std::uint8_t>(i % 64);
    places.rgb[3 * i + 1] = static_cast<std::uint8_t>(i / 64);
  }
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto out = candor::distort(places, {.kind = distortion_kind::crop}, clip, seed);
    REQUIRE(out.width == 64);
    REQUIRE(out.height == 48);
    const double across = out.rgb[3 * 63] - out.rgb[0] + 1,
                 down = out.rgb[out.rgb.size() - 2] - out.rgb[1] + 1;
    const double area = across * down / (64 * 48);  // sides are rounded to pixels
    REQUIRE(area > 0.006);
    REQUIRE(area < 0.22);
    REQUIRE(across / down > 0.6);
    REQUIRE(across / down < 1.7);
  }
}

TEST_CASE("Masks cover exactly their share in the mean colour", "[image][distortion]") {
  const auto source = candor_test::pattern("noise", 60, 45);
  const auto colour = clip.mean_colour();
  REQUIRE(count_colour(source, colour) == 0);
  for (const double share : {0.0, 0.25, 0.5, 1.0}) {
    const auto pixels =
        candor::distort(source, {.kind = distortion_kind::pixel_mask, .share = share}, clip, 3);
    CHECK(count_colour(pixels, colour) == static_cast<std::size_t>(std::llround(share * 60 * 45)));
    const auto blocks =
        candor::distort(source, {.kind = distortion_kind::block_mask, .share = share, .block = 15}, clip, 3);
    CHECK(count_colour(blocks, colour) == static_cast<std::size_t>(std::llround(share * 12) * 225));
  }
}

TEST_CASE("A rotation by quarter turns moves the corners, and by a whole one nothing",
          "[image][distortion]") {
  const auto source = candor_test::pattern("noise", 7, 7);
  const auto turned = [&](double degrees) {
    return candor::distort(
        source, {.kind = distortion_kind::rotation, .min_degrees = degrees, .max_degrees = degrees}, clip, 1);
  };
  CHECK(turned(0) == source);
  CHECK(turned(360) == source);
  const auto quarter = turned(90);
  for (std::size_t c = 0; c < 3; ++c)
    CHECK(quarter.rgb[c] == source.rgb[3 * 6 + c]);  // top right to top left
  CHECK(turned(-90) == turned(270));
}

TEST_CASE("Stages agree where resizing does nothing, and another picture takes the place of the picture",
          "[image][distortion]") {
  const auto square = candor_test::pattern("noise", 18, 18), other = candor_test::pattern("smooth", 30, 20);
  const auto at = [&](distortion how, distortion_stage stage) {
    how.stage = stage;
    return candor::distorted_tensor(square, how, clip, 9);
  };
  for (const char* name : {"diffusion", "gaussian", "crop", "rotation", "pixel_mask", "block_mask,block=3"}) {
    INFO(name);
    const auto how = candor::distortion_from(name);
    CHECK(at(how, distortion_stage::raw) == at(how, distortion_stage::resized));
    CHECK(at(how, distortion_stage::raw) != at(how, distortion_stage::normalised));
    CHECK(at(how, distortion_stage::raw) != clip(square));
  }
  const distortion black{.kind = distortion_kind::black};
  CHECK(at(black, distortion_stage::raw) == at(black, distortion_stage::normalised));
  const distortion exchange{.kind = distortion_kind::other};
  CHECK(candor::distorted_tensor(square, exchange, clip, 9, &other) == clip(other));
  CHECK_THROWS_WITH(candor::distort(square, exchange, clip, 9), Catch::Contains("hand it in"));
  auto tensor = clip(square);
  CHECK_THROWS_AS(candor::distort(tensor, exchange, clip, 9), candor::usage_error);
}

TEST_CASE("Descriptions read back, and differ wherever pixels do", "[image][distortion]") {
  CHECK(distortion{}.describe() == "diffusion,stage=raw,overflow=clamp,step=500");
  CHECK(distortion{.kind = distortion_kind::crop}.describe() == "crop,stage=raw,area=0.01..0.2");
  CHECK(distortion{.kind = distortion_kind::other}.describe() == "other");
  std::set<std::string> seen;
  for (const char* description : {"diffusion",
                                  "diffusion,step=499",
                                  "diffusion,overflow=wrap",
                                  "diffusion,stage=normalised",
                                  "black",
                                  "black,stage=resized",
                                  "mean",
                                  "gaussian",
                                  "gaussian,overflow=wrap",
                                  "crop",
                                  "crop,area=1e-3..0.25",
                                  "rotation",
                                  "rotation,degrees=-30..30",
                                  "rotation,degrees=-30..-10",
                                  "other",
                                  "pixel_mask",
                                  "pixel_mask,share=0.1",
                                  "block_mask",
                                  "block_mask,block=7",
                                  "block_mask,share=0.1"}) {
    INFO(description);
    const auto how = candor::distortion_from(description);
    CHECK(candor::distortion_from(how.describe()) == how);
    CHECK(seen.insert(how.describe()).second);
  }
  CHECK(candor::distortion_from("crop,area=0.001..0.25") ==
        distortion{.kind = distortion_kind::crop, .min_area = 0.001, .max_area = 0.25});
}

TEST_CASE("Distortions that cannot be are refused with what is possible", "[image][distortion]") {
  const std::pair<const char*, const char*> cases[] = {
      {"blur", "unknown kind \"blur\"; known: diffusion, black, mean, gaussian, crop, rotation, other, "},
      {"", "unknown kind \"\""},
      {"diffusion,stage=late", "unknown stage \"late\"; known: raw, resized, normalised"},
      {"diffusion,steps=5", "diffusion takes no \"steps\"; it takes stage, overflow, step"},
      {"diffusion,stage=normalised,overflow=wrap", "diffusion takes no \"overflow\""},
      {"other,stage=resized", "other takes no \"stage\"; it takes nothing"},
      {"diffusion,step=1000", "step 1000; the schedule has 0 to 999"},
      {"diffusion,step=5x", "diffusion: step: expected a number, found \"5x\""},
      {"diffusion,step", "expected name=value after diffusion, found \"step\""},
      {"diffusion,", "expected name=value"},
      {"crop,area=0.2", "crop: area: expected a range such as 0.01..0.2"},
      {"crop,area=0..0.2", "0 < least <= most <= 1"},
      {"crop,area=nan..0.2", "0 < least <= most <= 1"},
      {"crop,area=0.3..0.2", "0 < least <= most <= 1"},
      {"rotation,degrees=10..400", "-360 <= least <= most <= 360"},
      {"pixel_mask,share=1.5", "share 1.5; expected 0 to 1"},
      {"block_mask,block=0", "block 0 pixels; expected 1 to 65536"},
  };
  for (const auto& [description, message] : cases) {
    INFO(description);
    CHECK_THROWS_AS(candor::distortion_from(description), candor::usage_error);
    CHECK_THROWS_WITH(candor::distortion_from(description), Catch::Contains(message));
  }
  CHECK_THROWS_AS(candor::distort(candor::image{}, {}, clip, 0), candor::usage_error);
  CHECK_THROWS_AS(candor::distort(candor::image{2, 2, std::vector<std::uint8_t>(11)}, {}, clip, 0),
                  candor::usage_error);
  std::vector<float> small(3 * 17 * 18);
  CHECK_THROWS_AS(candor::distort(small, {}, clip, 0), candor::shape_error);
  const distortion late_exchange{.kind = distortion_kind::other, .stage = distortion_stage::normalised};
  CHECK_THROWS_WITH(candor::check(late_exchange), Catch::Contains("exchanged at the stage raw"));
  CHECK_THROWS_AS(candor::diffusion_signal(-1), candor::usage_error);
}
