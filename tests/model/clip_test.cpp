// SPDX-License-Identifier: Apache-2.0
// CLIP models made by transformers give transformers' embeddings and logits, alone or together, and are
// written so that they are read again.
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/core/error.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/model/clip.hpp>
#include <candor/model/compiled.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

using candor::host;
using candor_test::contains;
using candor_test::golden;

namespace {

/// The image of a golden pair: tests/model/golden/README.md.
std::vector<float> golden_pixels(std::int64_t pair, std::int64_t size) {
  std::vector<float> out;
  for (std::int64_t i = 0; i < 3 * size * size; ++i)
    out.push_back(static_cast<float>(
        static_cast<double>(((i + 1) * 7919 + pair * 104729) % 65521 % 1000) / 500.0 - 1.0));
  return out;
}

double worst(const std::vector<std::vector<float>>& found, const std::vector<double>& wanted) {
  double out = 0;
  std::size_t at = 0;
  for (const auto& row : found)
    for (const float x : row) out = std::max(out, std::abs(static_cast<double>(x) - wanted.at(at++)));
  CHECK(at == wanted.size());
  return out;
}

struct golden_clip {
  candor::clip<host, float> model;
  candor::safetensors_file expected;
  std::vector<std::string> texts;
  std::vector<float> pixels;  // (3, 3 S S)

  golden_clip(host& cpu, const std::string& name)
      : model(candor::load_clip<float>(cpu, golden("model/" + name))),
        expected(golden("model/" + name + "/expected.safetensors")),
        texts(nlohmann::json::parse(expected.metadata().at("texts")).get<std::vector<std::string>>()) {
    for (int p = 0; p < 3; ++p) {
      const auto one = golden_pixels(p, model.network().config().vision.image_size);
      pixels.insert(pixels.end(), one.begin(), one.end());
    }
  }
  std::vector<double> numbers(const std::string& name) const {
    return expected.read_as<double>(*expected.find(name));
  }
};

}  // namespace

TEST_CASE("embeddings and logits of both towers equal transformers' CLIPModel", "[model][clip][golden]") {
  host cpu({.threads = 2});
  for (const char* name : {"clip", "clip_gelu"}) {
    INFO(name);
    golden_clip g(cpu, name);
    const auto images = g.model.image_embeddings(std::span<const float>(g.pixels));
    const auto texts = g.model.text_embeddings(g.texts);
    REQUIRE(images.size() == 3);
    REQUIRE(texts.size() == 11);
    CHECK(worst(images, g.numbers("image_embeds")) < 1e-5);
    CHECK(worst(texts, g.numbers("text_embeds")) < 1e-5);
    std::vector<std::vector<float>> logits;
    for (const auto& image : images) {
      auto& row = logits.emplace_back();
      for (const auto& text : texts) row.push_back(g.model.score(image, text));
    }
    CHECK(worst(logits, g.numbers("logits_per_image")) < 1e-5 * g.model.scale());
    CHECK(g.model.scale() == Approx(std::exp(3.7)));
  }
}

TEST_CASE("an embedding does not depend on what is computed with it", "[model][clip]") {
  host cpu({.threads = 2});
  golden_clip g(cpu, "clip");
  const auto together = g.model.text_embeddings(g.texts);
  for (std::size_t t = 0; t < g.texts.size(); ++t) {
    const auto alone = g.model.text_embeddings(std::span(g.texts).subspan(t, 1)).front();
    for (std::size_t i = 0; i < alone.size(); ++i) CHECK(alone[i] == Approx(together[t][i]).margin(1e-6));
  }
  CHECK(g.model.text_embeddings({}).empty());
}

TEST_CASE("the row of a text is that of its end, or in older files that of its highest id", "[model][clip]") {
  const std::vector<std::int32_t> ids = {7, 3, 9, 5, 9, 2};
  CHECK(candor::pooled_place({.eos_token_id = 9}, ids) == 2);
  CHECK(candor::pooled_place({.eos_token_id = 5}, ids) == 3);
  CHECK(candor::pooled_place({.eos_token_id = 2}, ids) == 2);
  CHECK_THROWS_WITH(candor::pooled_place({.eos_token_id = 4}, ids), contains("different models"));
}

TEST_CASE("a written CLIP is read again with the same numbers", "[model][clip]") {
  host cpu({.threads = 2});
  golden_clip g(cpu, "clip_gelu");
  const auto folder = std::filesystem::temp_directory_path() / "candor_clip_saved";
  std::filesystem::remove_all(folder);
  candor::save_clip(g.model.network(), folder);
  candor::write_preprocessor_config(folder, g.model.transform());
  for (const char* name : {"vocab.json", "merges.txt"})
    std::filesystem::copy_file(golden(std::string("model/clip_gelu/") + name), folder / name);
  auto again = candor::load_clip<float>(cpu, folder);
  CHECK(again.network().config() == g.model.network().config());
  CHECK(again.text_embeddings(g.texts) == g.model.text_embeddings(g.texts));
  CHECK(again.network().logit_scale == Approx(3.7));
  CHECK_THROWS_WITH(candor::save_clip(again.network(), folder), contains("holds model.safetensors already"));
  std::filesystem::remove_all(folder);
}

TEST_CASE("a CLIP folder that is none is refused with what is wrong", "[model][clip]") {
  host cpu({.threads = 1});
  CHECK_THROWS_WITH(candor::load_clip<float>(cpu, golden("model/base")),
                    contains("the model type \"llava\""));
  CHECK_THROWS_WITH(candor::load_clip<float>(cpu, "/nowhere"), contains("/nowhere does not exist"));
}
