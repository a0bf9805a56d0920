// SPDX-License-Identifier: Apache-2.0
/// @file
/// random_llava FOLDER SHAPE TOKENIZER: what real_size.sh takes through the programs. Writes FOLDER/model
/// (random weights in fp16 shards of at most 5 GB, one tensor in memory at a time), FOLDER/images,
/// FOLDER/pairs.jsonl and FOLDER/answers.jsonl (the first pairs, for `score`). SHAPE is 7b (LLaVA-1.5-7B's,
/// 14 GB, answers of 150 tokens) or tiny; TOKENIZER is a model folder whose tokenizer is taken.

#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>
#include <candor/image/transform.hpp>
#include <candor/image/write_png.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/model_folder.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/text/tokenizer.hpp>

#include "program/failures.hpp"
#include "support/shapes.hpp"
#include "tools/llava_tensors.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace {

constexpr std::uint64_t seed = 7;
constexpr std::int64_t chunk = 1 << 16;  // elements of one random stream

struct extent_of_world {
  candor::llava_config config;
  std::int64_t answer = 150;            // tokens at least
  std::uint64_t shard = 5'000'000'000;  // bytes
};

extent_of_world world_of(const std::string& shape) {
  if (shape == "7b") return {.config = candor_bench::seven_billion()};
  candor::require<candor::usage_error>(shape == "tiny", "the shape ", shape, " is unknown: use 7b or tiny");
  return {candor_bench::tiny_llava(192), 24, 200'000};
}

/// Matrices keep the size of what they are applied to; no norm or bias is trivial.
candor::tensor_source random_tensor(candor::host& cpu, const std::string& canonical,
                                    const candor::shape& extents, std::uint64_t number) {
  const bool matrix = extents.rank() > 1;
  const std::int64_t inputs = extents.size() / extents[0];
  const float scale = matrix ? 1.0f / std::sqrt(static_cast<float>(inputs)) : 0.1f;
  const float base = canonical.find("norm") != canonical.npos && canonical.ends_with("weight") ? 1.0f : 0.0f;
  const auto fill = [&cpu, extents, number, scale, base](std::span<std::byte> out) {
    cpu.for_ranges((extents.size() + chunk - 1) / chunk, 1, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> values;
      for (std::int64_t part = begin; part < end; ++part) {
        const std::int64_t first = part * chunk, n = std::min(chunk, extents.size() - first);
        candor::random_stream random(seed, (number << 32) + static_cast<std::uint64_t>(part));
        values.resize(static_cast<std::size_t>(n));
        for (float& v : values) v = base + scale * random.normal();
        candor::source_of("", {n}, std::span<const float>(values), candor::dtype::f16)
            .fill(out.subspan(static_cast<std::size_t>(2 * first), static_cast<std::size_t>(2 * n)));
      }
    });
  };
  return {candor::from_canonical(canonical, candor::naming::hf_old), candor::dtype::f16, extents, fill};
}

void write_model(const std::filesystem::path& folder, extent_of_world world,
                 const std::filesystem::path& tokenizer) {
  candor::llava_config& c = world.config;
  std::filesystem::create_directories(folder);
  for (const char* name : {"tokenizer.model", "tokenizer.json", "tokenizer_config.json",
                           "special_tokens_map.json", "added_tokens.json"})
    if (std::filesystem::exists(tokenizer / name))
      std::filesystem::copy_file(tokenizer / name, folder / name,
                                 std::filesystem::copy_options::overwrite_existing);
  const candor::tokenizer words(folder);
  candor::require<candor::input_error>(words.image().has_value(), tokenizer.string(),
                                       ": its tokenizer has no <image>");
  c.image_token_index = *words.image();
  c.image_seq_length = c.image_tokens();
  c.text.pad_token_id = words.pad();
  candor::write_llava_config(folder, c, candor::dtype::f16);
  candor::write_preprocessor_config(folder, {.mode = candor::image_mode::pad, .size = c.vision.image_size});
  candor::host cpu;
  std::vector<candor::tensor_source> tensors;
  for (const auto& [name, extents] : tools::llava_tensors(c))
    tensors.push_back(random_tensor(cpu, name, extents, tensors.size()));
  candor::write_model_folder(folder, tensors, world.shard);
}

/// Words of this model's tokenizer, so many that they are at least `tokens`.
std::string some_words(const candor::tokenizer& words, candor::random_stream& random, std::int64_t tokens) {
  constexpr const char* known[] = {"a", "red", "circle", "the", "blue", "is", "green", "yes", "no", "and"};
  std::string text;
  while (static_cast<std::int64_t>(words.encode(text).size()) < tokens)
    text += candor::text(text.empty() ? "" : " ", known[random.below(std::size(known))]);
  return text;
}

void write_records(const std::filesystem::path& folder, const extent_of_world& world) {
  constexpr int pictures = 16, pairs = 64, scored = 2;
  std::filesystem::create_directories(folder / "images");
  for (int i = 0; i < pictures; ++i) {
    candor::random_stream random(seed, static_cast<std::uint64_t>(i));
    candor::image picture{64, 48, {}};
    for (int value = 0; value < 3 * 64 * 48; ++value)
      picture.rgb.push_back(static_cast<std::uint8_t>(random.below(256)));
    candor::write_png(folder / "images" / candor::text(i, ".png"), picture);
  }
  const candor::tokenizer words(folder / "model");
  std::string training, answers;
  for (int i = 0; i < pairs; ++i) {
    candor::random_stream random(seed, static_cast<std::uint64_t>(pictures + i));
    const auto question = some_words(words, random, world.answer / 3);
    const auto chosen = some_words(words, random, world.answer),
               rejected = some_words(words, random, world.answer);
    const auto asked =
        candor::text("{\"image\": \"", i % pictures, ".png\", \"question\": \"", question, "\", ");
    training += candor::text(asked, "\"chosen\": \"", chosen, "\", \"rejected\": \"", rejected, "\"}\n");
    if (i < scored)
      answers += candor::text(asked, "\"responses\": [\"", chosen, "\", \"", rejected, "\"]}\n");
  }
  candor::write_atomically(folder / "pairs.jsonl", training);
  candor::write_atomically(folder / "answers.jsonl", answers);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "random_llava FOLDER 7b|tiny TOKENIZER_FOLDER\n");
    return 2;
  }
  try {
    const std::filesystem::path folder = argv[1];
    const auto world = world_of(argv[2]);
    write_model(folder / "model", world, argv[3]);
    write_records(folder, world);
    return 0;
  } catch (...) {
    return program::report_failure("random_llava", "");
  }
}
