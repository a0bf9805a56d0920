// SPDX-License-Identifier: Apache-2.0
/// @file
/// Makes the base model of the embedded world from nothing: tokenizer, tower, captions with their fault,
/// questions.
///   make_base FOLDER
/// takes some minutes on two cores and prints what the model does on held-out scenes.

#include <candor/backend/host/host.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/table.hpp>

#include "program/tool.hpp"
#include "scenes/evaluate.hpp"
#include "scenes/pretrain.hpp"
#include "scenes/sft.hpp"
#include "scenes/tokenizer.hpp"

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>

namespace {

using network_type = candor::llava_network<candor::host, float>;

candor::llava_config base_config(const scenes::tokenizer_report& words) {
  candor::llava_config c;
  c.vision = {.hidden_size = 96,
              .intermediate_size = 384,
              .num_hidden_layers = 3,
              .num_attention_heads = 4,
              .image_size = 48,
              .patch_size = 12};
  c.text = {.vocab_size = words.pad_id + 1,
            .hidden_size = 96,
            .intermediate_size = 256,
            .num_hidden_layers = 3,
            .num_attention_heads = 4,
            .num_key_value_heads = 4,
            .head_dim = 24,
            .rms_norm_eps = 1e-5,
            .max_position_embeddings = 512,
            .pad_token_id = words.pad_id};
  c.vision_feature_layer = -1;
  c.image_token_index = words.image_id;
  c.image_seq_length = c.image_tokens();
  return c;
}

/// Matrices N(0, 1/sqrt(inputs)), those that write into the residual stream half of it; norms 1, biases 0.
void initialise(network_type& network, std::uint64_t seed) {
  std::uint64_t stream = 0;
  network.for_parameters([&](candor::parameter<candor::host, float>& w) {
    candor::random_stream random(seed, stream++);
    const std::string& name = w.name();
    double spread = 1.0 / std::sqrt(static_cast<double>(w.value().cols));
    for (const char* output : {"o_proj", "out_proj", "down_proj", "fc2"})
      if (name.find(output) != std::string::npos) spread *= 0.5;
    if (name.find("embed_tokens") != std::string::npos) spread = 0.5;
    if (name.find("position_embedding") != std::string::npos ||
        name.find("class_embedding") != std::string::npos)
      spread = 0.02;
    const bool norm = name.find("norm") != std::string::npos;
    const bool bias = name.ends_with(".bias");
    std::vector<float> values(static_cast<std::size_t>(w.size()));
    for (auto& v : values) v = bias ? 0.0f : norm ? 1.0f : static_cast<float>(spread) * random.normal();
    w.storage().copy_from(values);
  });
}

void make_base(const std::filesystem::path& folder, std::uint64_t seed, const scenes::pretrain_options& first,
               const scenes::sft_options& second) {
  std::filesystem::create_directories(folder);
  const auto config = base_config(scenes::write_tokenizer(folder));
  candor::write_llava_config(folder, config, candor::dtype::f32);
  candor::write_preprocessor_config(
      folder, {.size = 48, .mean = {0.45, 0.45, 0.45}, .deviation = {0.27, 0.27, 0.27}});
  // What transformers' processor needs to know how many <image> a picture takes.
  candor::write_atomically(
      folder / "processor_config.json",
      candor::text(
          "{\n  \"image_token\": \"<image>\",\n  \"num_additional_image_tokens\": 1,\n  \"patch_size\": ",
          config.vision.patch_size, ",\n  \"processor_class\": \"LlavaProcessor\",\n",
          "  \"vision_feature_select_strategy\": \"default\"\n}\n"));
  const candor::processor processor(folder, config);
  candor::host cpu;
  network_type network(cpu, config);
  initialise(network, seed);
  scenes::pretrain(network, processor, first);
  // The head begins as a fifth of the embeddings, which know the words by now.
  auto words = network.text().embedding().storage().to_vector();
  for (auto& v : words) v *= 0.2f;
  network.text().head().storage().copy_from(words);
  scenes::supervised(network, processor, second);
  candor::write_model_folder(folder, candor::weight_sources(network, candor::dtype::f32));

  const auto e = scenes::evaluate(network, processor, scenes::make_test_set());
  candor::table table({"mention hallucination %", "response hallucination %", "recall %", "words", "yes/no %",
                       "absent companions %"});
  table.add({candor::fixed(e.brief.mention_hallucination(), 1),
             candor::fixed(e.brief.response_hallucination(), 1), candor::fixed(e.brief.recall(), 1),
             candor::fixed(e.brief.mean_words(), 1), candor::fixed(e.yes_no, 1),
             candor::fixed(e.absent_companions, 1)});
  std::printf("%s", table.str().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path folder;
  std::uint64_t seed = 11;
  scenes::pretrain_options first;
  scenes::sft_options second;
  return program::run_tool(
      "make_base",
      "Makes the base model of the embedded world: a small LLaVA that hallucinates what usually goes along.",
      "make_base base", argc, argv,
      [&](CLI::App& app) {
        app.add_option("folder", folder, "where the model goes (no weights may lie there)")->required();
        app.add_option("--seed", seed, "of weights and scenes")->capture_default_str();
        app.add_option("--tower-steps", first.steps, "steps of the first stage")->capture_default_str();
        app.add_option("--sft-steps", second.steps, "steps of the second stage")->capture_default_str();
      },
      [&] {
        first.seed = second.seed = seed;
        make_base(folder, seed, first, second);
      });
}
