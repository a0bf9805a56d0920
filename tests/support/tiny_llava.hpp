// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Model folders of real layout and small widths with random weights, and pictures, for tests that run
/// programs or the trainer: config.json, safetensors, tokenizer, image transform, as llava-hf writes them.

#include <candor/core/random.hpp>
#include <candor/image/transform.hpp>
#include <candor/image/write_png.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/model_folder.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/text/tokenizer.hpp>

#include "support/catch.hpp"
#include "tools/llava_tensors.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

namespace candor_test {

struct tiny_llava_options {
  /// Folder of the tokenizer's files, by default the embedded world's. One without an `<image>` (a lone
  /// tokenizer.model) gets `<image>` and `<pad>` behind its pieces.
  std::filesystem::path tokenizer = examples_folder() / "scenes" / "base";
  int image_size = 28, patch_size = 14;  ///< pixels
  int width = 16, layers = 2, heads = 2, kv_heads = 1;
  int vocabulary = 0;  ///< 0: the tokenizer's ids, rounded up to 64
  candor::dtype weights = candor::dtype::f32;
  candor::naming naming = candor::naming::hf_old;
  candor::image_mode image_mode = candor::image_mode::pad;
  std::uint64_t max_shard_bytes = 5'000'000'000;
  std::uint64_t seed = 1;
  double scale = 0.15;  ///< deviation of the weights; large enough that answers differ by nats
};

/// Writes the folder and returns its configuration. Norms' weights are near 1, all else is near 0.
inline candor::llava_config write_tiny_llava(const std::filesystem::path& folder,
                                             const tiny_llava_options& options = {}) {
  std::filesystem::create_directories(folder);
  for (const char* name :
       {"tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"})
    if (std::filesystem::exists(options.tokenizer / name))
      std::filesystem::copy_file(options.tokenizer / name, folder / name,
                                 std::filesystem::copy_options::overwrite_existing);
  std::size_t ids = candor::tokenizer(folder).size();
  if (!candor::tokenizer(folder).image() && options.naming != candor::naming::llava) {
    candor::write_atomically(folder / "added_tokens.json",
                             candor::text("{\"<image>\": ", ids, ", \"<pad>\": ", ids + 1, "}\n"));
    ids += 2;
  }
  const candor::tokenizer words(folder);

  candor::llava_config c;
  c.vision = {.hidden_size = options.width,
              .intermediate_size = 2 * options.width,
              .num_hidden_layers = options.layers,
              .num_attention_heads = options.heads,
              .image_size = options.image_size,
              .patch_size = options.patch_size};
  c.text.vocab_size = options.vocabulary > 0 ? options.vocabulary : static_cast<int>((ids + 63) / 64 * 64);
  c.text.hidden_size = options.width;
  c.text.intermediate_size = 2 * options.width;
  c.text.num_hidden_layers = options.layers;
  c.text.num_attention_heads = options.heads;
  c.text.num_key_value_heads = options.kv_heads;
  c.text.head_dim = options.width / options.heads;
  c.text.rms_norm_eps = 1e-5;
  c.text.pad_token_id = words.pad();
  c.image_token_index = options.naming == candor::naming::llava ? -200 : words.image().value();
  c.image_seq_length = c.image_tokens();
  candor::write_llava_config(folder, c, options.weights, options.naming);
  candor::write_preprocessor_config(folder, {.mode = options.image_mode, .size = options.image_size});

  std::deque<std::vector<float>> values;
  std::vector<candor::tensor_source> sources;
  std::uint64_t stream = 0;
  for (const auto& [name, extents] : tools::llava_tensors(c)) {
    candor::random_stream random(options.seed, stream++);
    const bool norm = name.find("norm") != name.npos && name.ends_with(".weight");
    auto& tensor = values.emplace_back(static_cast<std::size_t>(extents.size()));
    for (float& x : tensor) x = static_cast<float>(options.scale) * random.normal() + (norm ? 1.0f : 0.0f);
    sources.push_back(candor::source_of(candor::from_canonical(name, options.naming), extents,
                                        std::span<const float>(tensor), options.weights));
  }
  candor::write_model_folder(folder, sources, options.max_shard_bytes);
  return c;
}

/// A picture that is not square, another one for each number.
inline candor::image tiny_picture(std::uint64_t number, int width = 40, int height = 30) {
  candor::image out{width, height, {}};
  candor::random_stream random(number, 77);
  const auto level = [&] { return static_cast<int>(random.below(256)); };
  const int red = level(), green = level(), blue = level();
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (const int v : {red + 4 * x, green + 6 * y, blue + 3 * (x + y)})
        out.rgb.push_back(static_cast<std::uint8_t>(v % 256));
  return out;
}

/// Writes 0.png, 1.png, ... into the folder.
inline void write_tiny_pictures(const std::filesystem::path& folder, int count) {
  std::filesystem::create_directories(folder);
  for (int i = 0; i < count; ++i)
    candor::write_png(folder / (std::to_string(i) + ".png"), tiny_picture(static_cast<std::uint64_t>(i)));
}

}  // namespace candor_test
