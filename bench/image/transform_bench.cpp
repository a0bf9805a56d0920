// SPDX-License-Identifier: Apache-2.0
// The image path of one thread: decode a photograph-sized PNG, distort it, resize to the tower's size,
// normalise. Images are smooth noise, made here. Items a second are images a second.
#include <benchmark/benchmark.h>

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>
#include <candor/image/decode.hpp>
#include <candor/image/distortion.hpp>
#include <candor/image/transform.hpp>
#include <candor/image/write_png.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace {

candor::image smooth_noise(int width, int height) {
  candor::random_stream random(1, 2);
  std::array<double, 9> wave;
  for (auto& w : wave) w = 0.05 * static_cast<double>(random.uniform());
  candor::image out{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (std::size_t c = 0; c < 3; ++c)
        out.rgb.push_back(static_cast<std::uint8_t>(127.5 + 100.0 * std::sin(wave[c] * x + wave[c + 3] * y) +
                                                    20.0 * static_cast<double>(random.uniform())));
  return out;
}

void transform(benchmark::State& state, candor::image_mode mode, int width, int height, int size) {
  const candor::image source = smooth_noise(width, height);
  const candor::image_transform transform{.mode = mode, .size = size};
  for (auto _ : state) benchmark::DoNotOptimize(transform(source));
  state.SetItemsProcessed(state.iterations());
}

void decode_png(benchmark::State& state, int width, int height) {
  const auto bytes = candor::encode_png(smooth_noise(width, height));
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size());
  for (auto _ : state) benchmark::DoNotOptimize(candor::decode_image(file, "bench.png"));
  state.SetItemsProcessed(state.iterations());
}

void distort(benchmark::State& state, const candor::distortion& how) {
  const candor::image source = smooth_noise(640, 480);
  const candor::image_transform transform;
  std::uint64_t seed = 0;
  for (auto _ : state) benchmark::DoNotOptimize(candor::distort(source, how, transform, ++seed));
  state.SetItemsProcessed(state.iterations());
}

void declare_all() {
  for (const char* how : {"diffusion", "gaussian", "crop", "rotation", "pixel_mask", "block_mask"})
    benchmark::RegisterBenchmark(candor::text("image/distort/", how, "/640x480").c_str(),
                                 [=](benchmark::State& s) { distort(s, candor::distortion_from(how)); })
        ->Unit(benchmark::kMillisecond);
  for (const auto mode :
       {candor::image_mode::pad, candor::image_mode::centre_crop, candor::image_mode::squash})
    benchmark::RegisterBenchmark(
        candor::text("image/transform/", candor::name_of(mode), "/640x480/336").c_str(),
        [=](benchmark::State& s) { transform(s, mode, 640, 480, 336); })
        ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("image/transform/squash/48x48/48", [](benchmark::State& s) {
    transform(s, candor::image_mode::squash, 48, 48, 48);
  })->Unit(benchmark::kMillisecond);
  for (const int side : {48, 480})
    benchmark::RegisterBenchmark(candor::text("image/decode/png/", side * 4 / 3, "x", side).c_str(),
                                 [=](benchmark::State& s) { decode_png(s, side * 4 / 3, side); })
        ->Unit(benchmark::kMillisecond);
}

[[maybe_unused]] const bool declared = (declare_all(), true);

}  // namespace
