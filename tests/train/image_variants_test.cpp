// SPDX-License-Identifier: Apache-2.0
// Images under which an objective's cells lie: their pixels, their draws, the stems that show them.
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/tiny_llava.hpp"

#include <candor/core/error.hpp>
#include <candor/objective/mdpo.hpp>
#include <candor/objective/opa_dpo.hpp>
#include <candor/train/encode.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

using candor::image_variant;
using candor_test::contains;

namespace {

/// Three records of one image, and a model's processor.
struct variant_world {
  candor_test::scratch_folder scratch;
  candor::llava_config config = candor_test::write_tiny_llava(scratch / "model");
  candor::processor p{scratch / "model", config};

  variant_world() {
    candor_test::write_tiny_pictures(scratch / "images", 3);
    std::string lines;
    for (int i = 0; i < 3; ++i)
      lines += candor::text(R"({"image": ")", i,
                            R"(.png", "question": "what is there ?", "chosen": "a red circle", )",
                            R"("rejected": "a blue square ."})", "\n");
    candor::write_atomically(scratch / "pairs.jsonl", lines);
  }
  candor::preference_data data() const {
    return candor::preference_data(scratch / "pairs.jsonl", {.images = scratch / "images"});
  }
  std::size_t width() const {  // of an image's tensor
    return 3 * static_cast<std::size_t>(config.vision.image_size) *
           static_cast<std::size_t>(config.vision.image_size);
  }
  std::vector<float> pixels(std::int64_t record, const std::vector<image_variant>& variants,
                            const candor::variant_draw& draw) const {
    const auto records = data();
    candor::decoded_record unknown;
    return candor::variant_pixels(p.transform(), records.record(record), variants, draw, records, unknown);
  }
};

std::vector<float> part(const std::vector<float>& pixels, std::size_t image, std::size_t width) {
  const auto begin = pixels.begin() + static_cast<std::ptrdiff_t>(image * width);
  return {begin, begin + static_cast<std::ptrdiff_t>(width)};
}

candor::distortion noise(candor::distortion_stage stage) {
  return {.kind = candor::distortion_kind::diffusion, .stage = stage};
}

}  // namespace

TEST_CASE("a variant's pixels follow the record's and are those of the distortion", "[train][variants]") {
  const variant_world w;
  const auto records = w.data();
  const auto picture = candor::load_image(records.record(1).images[0]);
  const candor::variant_draw draw{7, 1, 2};
  using candor::distortion_stage;
  std::vector<image_variant> variants;
  for (const auto stage : {distortion_stage::raw, distortion_stage::resized, distortion_stage::normalised})
    variants.push_back({.name = "v", .how = noise(stage)});
  const auto pixels = w.pixels(1, variants, draw);
  REQUIRE(pixels.size() == 4 * w.width());
  CHECK(part(pixels, 0, w.width()) == w.p.transform()(picture));
  for (std::size_t v = 0; v < 3; ++v)
    CHECK(part(pixels, v + 1, w.width()) == candor::distorted_tensor(picture, *variants[v].how,
                                                                     w.p.transform(),
                                                                     candor::variant_seed(draw, v, 0)));
  CHECK(w.pixels(1, {}, draw) == w.p.transform()(picture));
}

TEST_CASE("a draw depends on seed, record, epoch, variant and image alone", "[train][variants]") {
  const variant_world w;
  const std::vector<image_variant> variants{{.name = "v", .how = noise(candor::distortion_stage::raw)}};
  const auto once = w.pixels(1, variants, {7, 1, 2});
  CHECK(w.pixels(1, variants, {7, 1, 2}) == once);
  CHECK(w.pixels(1, variants, {8, 1, 2}) != once);
  CHECK(w.pixels(1, variants, {7, 1, 3}) != once);
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed : {1, 2})
    for (std::int64_t record : {0, 1, 70'000})
      for (std::int64_t epoch : {0, 1, 300})
        for (std::size_t variant : {0, 1})
          for (std::size_t image : {0, 1, 5})
            seeds.push_back(candor::variant_seed({seed, record, epoch}, variant, image));
  std::sort(seeds.begin(), seeds.end());
  CHECK(std::adjacent_find(seeds.begin(), seeds.end()) == seeds.end());
}

TEST_CASE("a variant may be another record's image, or the record's second one", "[train][variants]") {
  const variant_world w;
  const auto records = w.data();
  const auto tensor = [&](std::int64_t i) {
    return w.p.transform()(candor::load_image(records.record(i).images[0]));
  };
  const std::vector<image_variant> other{
      {.name = "v", .how = candor::distortion{.kind = candor::distortion_kind::other}}};
  std::vector<std::size_t> seen(3);
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    const auto shown = part(w.pixels(1, other, {7, 1, epoch}), 1, w.width());
    for (std::int64_t i = 0; i < 3; ++i) seen[static_cast<std::size_t>(i)] += shown == tensor(i);
  }
  CHECK(seen[0] > 3);
  CHECK(seen[1] == 0);
  CHECK(seen[2] > 3);
  CHECK(seen[0] + seen[2] == 20);

  auto two = records.record(0);
  two.images.push_back(records.record(2).images[0]);
  const std::vector<image_variant> second{{.name = "v", .second_image = true}};
  CHECK(candor::images_of_stem(two, second) == 1);
  candor::decoded_record unknown;
  const auto pixels = candor::variant_pixels(w.p.transform(), two, second, {7, 0, 0}, records, unknown);
  REQUIRE(pixels.size() == 2 * w.width());
  CHECK(part(pixels, 0, w.width()) == tensor(0));
  CHECK(part(pixels, 1, w.width()) == tensor(2));
  CHECK_THROWS_WITH(candor::images_of_stem(records.record(1), second),
                    contains("pairs.jsonl:2: the record has 1 images; expected two"));
  two.images.clear();
  CHECK_THROWS_WITH(candor::images_of_stem(two, other), contains("pairs.jsonl:1: the record has no image"));
}

TEST_CASE("another record's image is another picture", "[train][variants]") {
  const variant_world w;
  const std::vector<image_variant> other{
      {.name = "v", .how = candor::distortion{.kind = candor::distortion_kind::other}}};
  const std::string first = R"({"image": "0.png", "question": "what ?", "chosen": "a", "rejected": "b"})"
                            "\n";
  std::string lines = first + first + first;  // of one picture, as rated answers are
  const auto write = [&] { candor::write_atomically(w.scratch / "pairs.jsonl", lines); };
  write();
  CHECK_THROWS_WITH(w.pixels(1, other, {7, 1, 0}),
                    contains("pairs.jsonl:2: its variant shows another record's picture"));
  lines += R"({"image": "2.png", "question": "what ?", "chosen": "a", "rejected": "b"})"
           "\n";
  write();
  const auto wanted = w.p.transform()(candor::load_image(w.data().record(3).images[0]));
  for (std::int64_t epoch = 0; epoch < 10; ++epoch)
    CHECK(part(w.pixels(1, other, {7, 1, epoch}), 1, w.width()) == wanted);

  const auto stored = [](const char* name, const char* bytes) {
    return candor::image_source(name, [bytes] { return std::string(bytes); });
  };
  CHECK(candor::same_picture(stored("row 1", "x"), stored("row 2", "x")));
  CHECK_FALSE(candor::same_picture(stored("row 1", "x"), stored("row 2", "y")));
  CHECK_FALSE(candor::same_picture(stored("row 1", "x"), std::filesystem::path("a.png")));
  CHECK(candor::same_picture(std::filesystem::path("b/../a.png"), std::filesystem::path("a.png")));
}

TEST_CASE("a variant varies where another draw gives other pixels", "[train][variants]") {
  const variant_world w;
  for (const char* how : {"crop", "diffusion", "diffusion,stage=normalised", "gaussian", "rotation", "other",
                          "pixel_mask", "block_mask,block=2", "black", "mean", "mean,stage=normalised"}) {
    INFO(how);
    const std::vector<image_variant> variants{{.name = "v", .how = candor::distortion_from(how)}};
    bool differs = false;
    const auto first = w.pixels(1, variants, {7, 1, 0});
    for (std::int64_t epoch = 1; epoch < 8; ++epoch) differs |= w.pixels(1, variants, {7, 1, epoch}) != first;
    CHECK(variants[0].varies() == differs);
  }
  CHECK_FALSE(image_variant{.name = "v", .second_image = true}.varies());
}

TEST_CASE("a variant that nothing defines, or that changes nothing, is refused", "[train][variants]") {
  const auto names = candor::images_named_in(candor::places_of(candor::mdpo{}));
  REQUIRE(names.size() == 1);
  CHECK(names[0] == "distorted");
  const std::vector<image_variant> nothing{{.name = "distorted"}},
      wrong{{.name = "noisy", .second_image = true}};
  CHECK_THROWS_WITH(candor::variants_named(names, wrong),
                    contains("under the image 'distorted', which nothing defines"));
  CHECK_THROWS_WITH(candor::variants_named(names, nothing),
                    contains("the image 'distorted' is the record's own"));
}

TEST_CASE("a stem for each image shares what stands before it and has the answers that are scored",
          "[train][variants][encode]") {
  const variant_world w;
  const auto record = w.data().record(0);
  const std::vector<image_variant> variants{{.name = "distorted", .how = candor::distortion{}}};
  const auto tree = candor::preference_tree(w.p, record, candor::mdpo{}, variants);
  candor::check_forest(tree);
  const auto rows = w.config.image_tokens();
  CHECK(tree.images == 2);
  CHECK(tree.feature_rows == 2 * rows);
  REQUIRE(tree.segments.size() == 6);
  REQUIRE(tree.cells.size() == 3);
  const auto path = [&](std::size_t cell) {
    std::vector<std::int32_t> tokens;
    for (std::int32_t s = tree.cells[cell].back().segment; s >= 0;
         s = tree.segments[static_cast<std::size_t>(s)].parent) {
      const auto& t = tree.segments[static_cast<std::size_t>(s)].tokens;
      tokens.insert(tokens.begin(), t.begin(), t.end());
    }
    return tokens;
  };
  const auto plain =
      w.p.tree(w.p.encode(record.question, std::vector<std::string>{record.chosen}, 1)).segments;
  auto expected = plain[0].tokens;
  expected.insert(expected.end(), plain[1].tokens.begin(), plain[1].tokens.end());
  CHECK(path(0) == expected);
  for (auto& token : expected)
    if (token < 0) token -= rows;
  CHECK(path(2) == expected);
  const auto before =
      std::find_if(plain[0].tokens.begin(), plain[0].tokens.end(), [](auto t) { return t < 0; });
  CHECK(tree.segments[0].tokens == std::vector<std::int32_t>(plain[0].tokens.begin(), before));
  CHECK(std::count_if(tree.segments.begin(), tree.segments.end(),
                      [](const auto& s) { return s.parent == 0; }) == 2);
  CHECK_THROWS_WITH(candor::preference_tree(w.p, record, candor::mdpo{}), contains("but 0 are defined"));
}

TEST_CASE("an objective's third answer is the record's first other one", "[train][variants][encode]") {
  const variant_world w;
  auto record = w.data().record(0);
  const std::vector<image_variant> variants{{.name = "distorted", .how = candor::distortion{}}};
  CHECK_THROWS_WITH(candor::preference_tree(w.p, record, candor::opa_dpo{}, variants),
                    contains("pairs.jsonl:1: the record has 2 answers, but this objective compares 3"));
  record.others = {"a red square"};
  const auto tree = candor::preference_tree(w.p, record, candor::opa_dpo{}, variants);
  candor::check_forest(tree);
  REQUIRE(tree.cells.size() == 5);
  const auto answer = [&](std::size_t cell) {
    return tree.segments[static_cast<std::size_t>(tree.cells[cell].back().segment)].tokens;
  };
  CHECK(answer(2) == answer(4));
  CHECK(answer(0) == answer(3));
  CHECK(answer(2) != answer(1));
  CHECK(tree.segments.size() == 3 + 3 + 2);
}
