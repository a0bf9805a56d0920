// SPDX-License-Identifier: Apache-2.0
/// @file
/// Makes the CLIP of the embedded world: its vision tower begins as the base's, its text tower from nothing,
/// and both learn which of many sentences, false ones among them, is true of a picture.
///   make_clip FOLDER
/// takes some minutes on two cores and prints how often a true sentence scores above a false one.

#include <candor/backend/host/host.hpp>
#include <candor/data/prefetch.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/model/clip.hpp>
#include <candor/model/compiled.hpp>
#include <candor/model/llava_weights.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/schedule.hpp>
#include <candor/train/table.hpp>

#include "program/tool.hpp"
#include "scenes/contrastive_loss.hpp"
#include "scenes/metrics.hpp"
#include "scenes/sentences.hpp"
#include "scenes/world.hpp"
#include "scenes/world_text.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cctype>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <set>

namespace {

using candor::host;
using network_type = candor::clip_network<host, float>;

struct clip_options {
  std::int64_t steps = 1500;
  int batch_size = 64;  ///< pictures, each with a true and a false sentence
  double learning_rate = 1e-3;
  double scale = 20;  ///< of cosines
  std::uint64_t seed = 12;
};

/// vocab.json and merges.txt as OpenAI's: bytes, bytes at the end of words, then the words of the world, each
/// grown from its first letter; begin and end.
int write_clip_tokenizer(const std::filesystem::path& folder) {
  std::vector<std::string> pieces;
  std::string merges = "#version: 0.2\n";
  for (char c = '!'; c <= '~'; ++c) pieces.emplace_back(1, c);
  for (char c = '!'; c <= '~'; ++c) pieces.push_back(std::string(1, c) + "</w>");
  std::set<std::string> words, known(pieces.begin(), pieces.end());
  for (const auto& text : scenes::world_text(500)) {
    std::string word;
    for (const char c : text + " ") {
      if (std::isalpha(static_cast<unsigned char>(c))) {
        word += static_cast<char>(std::tolower(c));
      } else if (!word.empty()) {
        words.insert(std::exchange(word, {}));
      }
    }
  }
  for (const auto& word : words) {
    std::string grown(1, word[0]);
    for (std::size_t i = 1; i < word.size(); ++i) {
      const std::string next = std::string(1, word[i]) + (i + 1 == word.size() ? "</w>" : "");
      if (known.insert(grown + next).second) {
        merges += grown + " " + next + "\n";
        pieces.push_back(grown + next);
      }
      grown += next;
    }
  }
  pieces.insert(pieces.end(), {"<|startoftext|>", "<|endoftext|>"});
  nlohmann::ordered_json vocabulary;
  for (std::size_t i = 0; i < pieces.size(); ++i) vocabulary[pieces[i]] = i;
  candor::write_atomically(folder / "vocab.json", vocabulary.dump() + "\n");
  candor::write_atomically(folder / "merges.txt", merges);
  candor::write_atomically(folder / "tokenizer_config.json",
                           "{\"model_max_length\": 48, \"tokenizer_class\": \"CLIPTokenizer\"}\n");
  return static_cast<int>(pieces.size());
}

/// The base's tower; all else N(0, 1/sqrt(inputs)), half of that where it writes into the residual stream.
void initialise(network_type& network, const candor::llava_weights& base, std::uint64_t seed) {
  std::uint64_t stream = 0;
  network.for_parameters([&](candor::parameter<host, float>& w) {
    candor::random_stream random(seed, stream++);
    const std::string& name = w.name();
    std::vector<float> values(static_cast<std::size_t>(w.size()));
    if (name.starts_with("vision_model.")) {
      std::size_t at = 0;
      for (const auto& part : w.parts()) {
        const auto count = static_cast<std::size_t>(part.extents.size());
        base.at("model.vision_tower." + part.name.substr(13), part.extents)
            .read_as(std::span(values).subspan(at, count));
        at += count;
      }
    } else {
      double spread = 1.0 / std::sqrt(static_cast<double>(w.value().cols));
      if (name.find("out_proj") != std::string::npos || name.find("fc2") != std::string::npos) spread *= 0.5;
      if (name.find("token_embedding") != std::string::npos) spread = 0.5;
      if (name.find("position_embedding") != std::string::npos) spread = 0.1;
      const bool norm = name.find("norm") != std::string::npos, bias = name.ends_with(".bias");
      for (auto& v : values) v = bias ? 0.0f : norm ? 1.0f : static_cast<float>(spread) * random.normal();
    }
    w.storage().copy_from(values);
  });
}

struct sentence_batch {
  std::vector<float> pixels;                     // (N, 3, 48, 48)
  std::vector<std::vector<std::int32_t>> texts;  // (2 N): true ones, then false ones
};

void learn(network_type& network, const candor::clip_tokenizer& words,
           const candor::image_transform& transform, const clip_options& o) {
  candor::adamw_optimizer<host> optimizer(network.backend(), {.beta2 = 0.98, .weight_decay = 0.01}, o.seed);
  network.for_parameters([&](candor::parameter<host, float>& w) { optimizer.add(w); });
  network.logit_scale = std::log(o.scale);
  const candor::schedule rate({.floor = 0.02, .warmup_steps = 50}, o.steps);
  candor::progress shown(
      {.title = "clip", .unit = "pictures", .units_per_step = double(o.batch_size), .total = o.steps});
  candor::prefetch<sentence_batch> batches(o.steps, 4, [&](std::int64_t step) {
    sentence_batch out;
    std::vector<std::vector<std::int32_t>> lies;
    for (int i = 0; i < o.batch_size; ++i) {
      candor::random_stream dice(300 + o.seed, static_cast<std::uint64_t>(step * o.batch_size + i));
      const auto s = scenes::draw_scene(dice);
      const auto said = scenes::draw_sentences(s, dice);
      const auto pixels = transform(s.picture);
      out.pixels.insert(out.pixels.end(), pixels.begin(), pixels.end());
      out.texts.push_back(words.encode(said.truth, 48));
      lies.push_back(words.encode(said.lie, 48));
    }
    out.texts.insert(out.texts.end(), lies.begin(), lies.end());
    return out;
  });
  for (std::int64_t step = 0; step < o.steps; ++step) {
    const auto batch = *batches.next();
    candor::tape<host> tape(network.backend());
    const auto pixels = candor::tensor<host, float>::from(
        network.backend(), {o.batch_size, static_cast<std::int64_t>(batch.pixels.size()) / o.batch_size},
        batch.pixels);
    const double loss = scenes::contrastive_loss(tape, network.image_features({.tape = tape}, pixels.view()),
                                                 network.text_features({.tape = tape}, batch.texts), o.scale);
    tape.backward();
    const double norm = optimizer.gradient_norm();
    optimizer.step(o.learning_rate * rate.factor(step), norm > 1.0 ? 1.0 / norm : 1.0);
    shown.update(step + 1, {{"loss", loss}});
  }
}

/// True sentences of held-out scenes that score above their false copies, %.
double ranked_rightly(candor::clip<host, float>& clip, int count) {
  int right = 0;
  for (int i = 0; i < count; ++i) {
    candor::random_stream dice(scenes::held_out_seed, static_cast<std::uint64_t>(i));
    const auto s = scenes::draw_scene(dice);
    const auto said = scenes::draw_sentences(s, dice);
    const std::string both[] = {said.truth, said.lie};
    const auto image = clip.image_embeddings(std::span<const float>(clip.transform()(s.picture))).front();
    const auto texts = clip.text_embeddings(both);
    right += clip.score(image, texts[0]) > clip.score(image, texts[1]);
  }
  return 100.0 * right / count;
}

void make_clip(const std::filesystem::path& folder, const std::filesystem::path& base_folder,
               const clip_options& o) {
  std::filesystem::create_directories(folder);
  const candor::llava_weights base({.model = base_folder});
  candor::clip_config config;
  config.vision = base.config().vision;
  config.projection_dim = 64;
  config.text = {.hidden_size = 64,
                 .intermediate_size = 256,
                 .num_hidden_layers = 2,
                 .num_attention_heads = 4,
                 .max_position_embeddings = 48};
  config.text.vocab_size = write_clip_tokenizer(folder);
  config.text.eos_token_id = config.text.vocab_size - 1;
  const auto transform = candor::read_image_transform(base_folder);
  candor::write_preprocessor_config(folder, transform);
  host cpu;
  network_type network(cpu, config);
  initialise(network, base, o.seed);
  learn(network, candor::clip_tokenizer(folder), transform, o);
  candor::save_clip(network, folder, candor::dtype::f16);
  auto written = candor::load_clip<float>(cpu, folder);
  std::printf("true sentences above their false copies: %s %% of 2000\n",
              candor::fixed(ranked_rightly(written, 2000), 1).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path folder, base = scenes::base_folder();
  clip_options o;
  return program::run_tool(
      "make_clip", "Makes the CLIP of the embedded world, which knows how well a sentence fits a picture.",
      "make_clip clip", argc, argv,
      [&](CLI::App& app) {
        app.add_option("folder", folder, "where the model goes (no weights may lie there)")->required();
        app.add_option("--base", base, "LLaVA whose tower it begins with")->capture_default_str();
        app.add_option("--seed", o.seed, "of weights and scenes")->capture_default_str();
        app.add_option("--steps", o.steps, "of training")->capture_default_str();
        app.add_option("--learning-rate", o.learning_rate, "at its highest")->capture_default_str();
      },
      [&] { make_clip(folder, base, o); });
}
