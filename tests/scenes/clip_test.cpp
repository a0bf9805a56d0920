// SPDX-License-Identifier: Apache-2.0
// The embedded world's CLIP knows what is true of a picture.
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/model/clip.hpp>
#include <candor/model/compiled.hpp>

#include "scenes/metrics.hpp"
#include "scenes/sentences.hpp"

#include <string>

TEST_CASE("a false sentence has one thing that is not so", "[scenes][clip]") {
  for (std::uint64_t i = 0; i < 300; ++i) {
    candor::random_stream dice(5, i);
    const auto s = scenes::draw_scene(dice);
    const auto said = scenes::draw_sentences(s, dice);
    const auto truth = scenes::read_caption(said.truth).mentions,
               lie = scenes::read_caption(said.lie).mentions;
    REQUIRE(truth.size() == lie.size());
    int different = 0;
    for (std::size_t m = 0; m < truth.size(); ++m) {
      const auto* there = s.find(truth[m].kind);
      REQUIRE(there != nullptr);
      CHECK(truth[m].colour == there->colour);
      different += !(truth[m] == lie[m]);
    }
    CHECK(different == 1);
  }
}

TEST_CASE("the world's CLIP scores true sentences above false ones", "[scenes][clip]") {
  candor::host cpu({.threads = 2});
  auto clip = candor::load_clip<float>(cpu, candor_test::examples_folder() / "scenes/clip");
  constexpr int count = 300;
  int right = 0;
  for (int i = 0; i < count; ++i) {
    candor::random_stream dice(scenes::held_out_seed, static_cast<std::uint64_t>(i));
    const auto s = scenes::draw_scene(dice);
    const auto said = scenes::draw_sentences(s, dice);
    const std::string both[] = {said.truth, said.lie};
    const auto picture = clip.image_embeddings(std::span<const float>(clip.transform()(s.picture))).front();
    const auto texts = clip.text_embeddings(both);
    right += clip.score(picture, texts[0]) > clip.score(picture, texts[1]);
  }
  INFO(right << " of " << count);
  CHECK(right >= 0.85 * count);
}
