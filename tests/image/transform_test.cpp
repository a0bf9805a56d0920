// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/image/png_scan.hpp>
#include <candor/image/transform.hpp>

#include "image/golden_images.hpp"
#include "image/patterns.hpp"
#include "support/catch.hpp"

#include <unistd.h>

#include <cmath>
#include <cstring>

using candor::image_mode;
using candor::image_transform;

namespace {

constexpr std::array<double, 3> half{0.5, 0.5, 0.5};

/// A folder that is removed with its preprocessor_config.json of this content.
class config_folder {
 public:
  explicit config_folder(const std::string& content, const char* file = "preprocessor_config.json")
      : path_(std::filesystem::temp_directory_path() / ("candor_transform_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
    if (!content.empty()) std::ofstream(path_ / file) << content;
  }
  ~config_folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("The three transforms give the bytes and the tensors of transformers' processor",
          "[image][transform]") {
  std::istringstream lines(candor_test::file_content(candor_test::golden("image/transform.txt")));
  const std::string blob = candor_test::file_content(candor_test::golden("image/transform.bin"));
  int count = 0, tensors = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream fields(line);
    std::string mode, names, kind, crc;
    int size = 0, resize_to = 0, w = 0, h = 0;
    long offset = -1;
    fields >> mode >> size >> resize_to >> names >> kind >> w >> h >> crc >> offset;
    INFO(line);
    image_transform t{.mode = candor::image_mode_from(mode), .size = size, .resize_to = resize_to};
    if (names == "half") t.mean = t.deviation = half;
    const auto source = candor_test::pattern(kind, w, h);
    const auto square = t.resize(source);
    CHECK(square.width == size);
    CHECK(square.height == size);
    CHECK(candor::detail::crc32(std::as_bytes(std::span(square.rgb))) == std::stoul(crc, nullptr, 16));
    ++count;
    if (offset < 0) continue;
    const auto tensor = t(source);
    std::vector<float> expected(tensor.size());
    REQUIRE(std::size_t(offset) + expected.size() * 4 <= blob.size());
    std::memcpy(expected.data(), blob.data() + offset, expected.size() * 4);
    float largest = 0;
    for (std::size_t i = 0; i < tensor.size(); ++i)
      largest = std::max(largest, std::abs(tensor[i] - expected[i]));
    CHECK(largest == 0.0f);  // the same float operations in the same order
    ++tensors;
  }
  CHECK(count == 61);
  CHECK(tensors == 28);
}

TEST_CASE("Padding puts the image in the middle of a square of the mean colour", "[image][transform]") {
  const image_transform t{.mode = image_mode::pad, .size = 5};
  const auto square = t.resize(candor_test::pattern("noise", 5, 2));
  const std::array<std::uint8_t, 3> colour{122, 116, 104};
  const auto row = candor_test::pattern("noise", 5, 2).rgb;
  for (std::size_t i = 0; i < 15; ++i) {
    CHECK(square.rgb[i] == colour[i % 3]);
    CHECK(square.rgb[15 + i] == row[i]);
    CHECK(square.rgb[30 + i] == row[15 + i]);
    CHECK(square.rgb[45 + i] == colour[i % 3]);
    CHECK(square.rgb[60 + i] == colour[i % 3]);
  }
}

TEST_CASE("Folders that transformers wrote are read as they were meant", "[image][transform]") {
  const auto read = [](const char* name) {
    return candor::read_image_transform(candor_test::golden(std::string("image/folders/") + name));
  };
  CHECK(read("clip") == image_transform{.mode = image_mode::centre_crop, .size = 336});
  CHECK(read("llava_pad") == image_transform{.mode = image_mode::pad, .size = 336});
  CHECK(read("squash") ==
        image_transform{.mode = image_mode::squash, .size = 448, .mean = half, .deviation = half});
  const auto overridden =
      candor::read_image_transform(candor_test::golden("image/folders/clip"), candor::image_mode::pad);
  CHECK(overridden == image_transform{.mode = image_mode::pad, .size = 336});
}

TEST_CASE("Older and newer forms of the configuration are read", "[image][transform]") {
  const auto read = [](const std::string& json, const char* file = "preprocessor_config.json") {
    const config_folder folder(json, file);
    return candor::read_image_transform(folder.path());
  };
  CHECK(
      read(
          R"({"feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224})") ==
      image_transform{.size = 224});
  CHECK(read("{}") == image_transform{.size = 224});
  CHECK(read(R"({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}})") ==
        image_transform{.size = 224, .resize_to = 256});
  CHECK(read(R"({"image_processor_type": "SiglipImageProcessor", "size": {"height": 384, "width": 384},
                 "do_center_crop": null})") ==
        image_transform{.mode = image_mode::squash, .size = 384, .mean = half, .deviation = half});
  CHECK(
      read(
          R"({"image_processor_type": "CLIPImageProcessorFast", "do_normalize": false,
                        "do_rescale": false})") ==
      image_transform{.size = 224, .mean = {0, 0, 0}, .deviation = {1, 1, 1}, .rescale = 1.0});
  CHECK(read(R"({"processor_class": "LlavaProcessor", "image_processor": {"size": 48, "crop_size": 48}})",
             "processor_config.json") == image_transform{.size = 48});
}

TEST_CASE("Configurations that cannot be followed are refused with file and key", "[image][transform]") {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"resample": 2})", "resample: resampling filter 2"},
      {R"({"do_resize": false})", "do_resize is false"},
      {R"({"crop_size": {"height": 224, "width": 200}})", "crop_size: height 224 and width 200"},
      {R"({"size": {"longest_edge": 300}})", "size: \"longest_edge\""},
      {R"({"size": {"height": 300}})", "size: the key \"width\" is missing"},
      {R"({"size": 0})", "size: expected an integer from 1 to 16384, found 0"},
      {R"({"size": "large"})", "size: expected an integer"},
      {R"({"crop_size": 1e9})", "crop_size: expected an integer"},
      {R"({"image_mean": [0.5, 0.5]})", "image_mean: expected 3 numbers"},
      {R"({"image_std": [0.5, 0.0, 0.5]})", "image_std[1]: expected a number"},
      {R"({"do_center_crop": false})", "do_center_crop is false"},
      {R"({"do_center_crop": 1})", "do_center_crop: expected true or false"},
      {R"({"size": {"height": 256, "width": 256}, "crop_size": 224})", "then a crop to 224"},
      {R"({"image_processor_type": "Qwen2VLImageProcessor"})", "Qwen2VLImageProcessor"},
      {R"({"do_pad": true})", "do_pad is true"},
      {R"([1])", "expected an object"},
      {R"({"size": 336)", "not valid JSON"},
  };
  for (const auto& [json, message] : cases) {
    INFO(json);
    const config_folder folder(json);
    CHECK_THROWS_AS(candor::read_image_transform(folder.path()), candor::input_error);
    CHECK_THROWS_WITH(candor::read_image_transform(folder.path()),
                      Catch::Contains(message) && Catch::Contains("preprocessor_config.json"));
  }
  const config_folder empty("");
  CHECK_THROWS_AS(candor::read_image_transform(empty.path()), candor::io_error);
}

TEST_CASE("A written configuration reads back as the same transform", "[image][transform]") {
  for (const auto mode : {image_mode::pad, image_mode::centre_crop, image_mode::squash})
    for (const int resize_to : {0, 56}) {
      if (mode == image_mode::squash && resize_to != 0) continue;
      const image_transform t{.mode = mode, .size = 48, .resize_to = resize_to, .mean = {0.1, 0.2, 1.0 / 3}};
      const config_folder folder("");
      candor::write_preprocessor_config(folder.path(), t);
      CHECK(candor::read_image_transform(folder.path()) == t);
    }
}

TEST_CASE("The description of a transform tells everything that changes the tensor", "[image][transform]") {
  const image_transform t;
  CHECK(t.describe() ==
        "image_transform mode=centre_crop size=336 resize_to=336 filter=bicubic rescale=0.00392156862745098 "
        "mean=0.48145466,0.4578275,0.40821073 deviation=0.26862954,0.26130258,0.27577711");
  for (const auto& other :
       {image_transform{.mode = image_mode::pad}, image_transform{.size = 224},
        image_transform{.resize_to = 400}, image_transform{.mean = half}, image_transform{.deviation = half},
        image_transform{.rescale = 1.0}, image_transform{.order = candor::resize_order::pillow_12}})
    CHECK(other.describe() != t.describe());
  CHECK(image_transform{.resize_to = 336}.describe() == t.describe());
}

TEST_CASE("A transform refuses sizes and images that cannot be", "[image][transform]") {
  const auto source = candor_test::pattern("noise", 4, 4);
  CHECK_THROWS_AS(image_transform{.size = 0}.resize(source), candor::usage_error);
  CHECK_THROWS_AS(image_transform{.size = 4}.resize({}), candor::usage_error);
  CHECK_THROWS_AS(candor::image_mode_from("stretch"), candor::usage_error);
  std::vector<float> room(47);
  CHECK_THROWS_AS(image_transform{.size = 4}.normalise(source, room), candor::shape_error);
  CHECK_THROWS_AS(image_transform{.size = 5}.normalise(source, room), candor::shape_error);
}

TEST_CASE("A very long and thin image is cropped without scaling all of it", "[image][transform]") {
  const auto square = image_transform{.size = 336}.resize(candor_test::pattern("smooth", 1, 16'000));
  CHECK(square.rgb.size() == 3 * 336 * 336);
}
