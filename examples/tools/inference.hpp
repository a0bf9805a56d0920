// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The common part of `score` and `generate`: options, the model with its adapter, records that are read and
/// decoded ahead and come in batches under a token budget, and an output file that appears when it is whole.

#include <candor/data/preference_data.hpp>
#include <candor/data/prefetch.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/signals.hpp>

#include "program/backend.hpp"
#include "program/tool.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace tools {

struct inference_options {
  candor::llava_source source;
  std::filesystem::path input, images, output;
  std::string dtype = "f32", image_transform = "auto";
  candor::processor_options processor;
  std::int64_t max_tokens = 8192;
  int threads = 0;
  program::device_options device;
  bool quiet = false;
};

inline void add_options(CLI::App& app, inference_options& o, const std::string& line) {
  app.option_defaults()->always_capture_default();
  app.add_option("--model", o.source.model, "LLaVA-1.5 folder: Hugging Face or original layout")->required();
  app.add_option("--input", o.input, "JSON lines " + line)->required();
  app.add_option("--images", o.images, "folder that image names start from (default: the input file's)");
  app.add_option("--output", o.output, "file to write, one line for each line of the input, in its order")
      ->required();
  app.add_option("--adapter", o.source.adapter,
                 "PEFT adapter to put on the model, with its non_lora_trainables.bin or mm_projector.bin; or "
                 "that alone");
  app.add_option("--vision-tower", o.source.vision_tower, program::vision_tower_help);
  app.add_option("--dtype", o.dtype, "of weights and activations")->check(CLI::IsMember({"f32", "bf16"}));
  app.add_option("--template", o.processor.chat_template,
                 "auto (the folder's own), vicuna_v1, llava_v1 or llava_hf");
  app.add_option("--image-transform", o.image_transform,
                 "auto (the folder's own), pad, centre_crop or squash");
  app.add_option("--max-tokens", o.max_tokens, "token budget of a pass; less takes less memory")
      ->check(CLI::PositiveNumber);
  app.add_option("--max-length", o.processor.max_length,
                 "tokens of a record, its image included; longer ones are refused")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", o.threads, "0: one for each core")->check(CLI::NonNegativeNumber);
  program::add_device_options(app, o.device);
  app.add_flag("--quiet", o.quiet, "no progress bar");
}

/// The output file, refused before any work is done where it cannot be written.
inline candor::atomic_file open_output(const std::filesystem::path& path) {
  candor::require<candor::usage_error>(!std::filesystem::is_directory(path), "--output ", path.string(),
                                       " is a folder; name a file");
  return candor::atomic_file(path);
}

/// The model with its adapter.
template <class T, class B>
candor::llava<B, T> load_model(B& backend, const inference_options& o) {
  auto processor = o.processor;
  if (o.image_transform != "auto") processor.image_transform = candor::image_mode_from(o.image_transform);
  auto model = candor::load_llava<T>(backend, o.source, processor);
  candor::throw_if_stopped("loading");
  return model;
}

/// A record that is ready for the model.
struct ready_record {
  candor::question_record record;
  candor::encoded_record encoded;
};

/// Encodes record i and decodes its pictures. Nothing is cut: what is too long, `new_tokens` included, is
/// refused.
template <class B, class T>
ready_record prepare(candor::llava<B, T>& model, candor::question_record record, std::int64_t i,
                     const inference_options& o, bool with_responses, std::int64_t new_tokens) {
  const auto& processor = model.processor();
  ready_record out{std::move(record), {}};
  if (!with_responses) out.record.responses.clear();
  const auto& r = out.record;
  const auto branches = processor.chat().encode_branches(processor.words(), {}, r.question, r.responses,
                                                         r.images.size(), r.source);
  out.encoded.tree = processor.tree(branches);
  out.encoded.tree.key = static_cast<std::uint64_t>(i);  // so that samples do not depend on the batch
  const auto& segments = out.encoded.tree.segments;
  for (std::size_t s = 0; s < segments.size(); ++s) {
    const auto length =
        static_cast<std::int64_t>(segments[0].tokens.size() + (s > 0 ? segments[s].tokens.size() : 0)) +
        new_tokens;
    candor::require<candor::input_error>(
        length <= o.processor.max_length, r.source, ": ",
        s > 0 ? candor::text("response ", s, " with its prompt") : "the prompt",
        new_tokens > 0 ? candor::text(" and ", new_tokens, " new tokens") : std::string(), " takes ", length,
        " tokens; the maximum is ", o.processor.max_length, ". Raise --max-length, or shorten the record");
  }
  out.encoded.pixels = processor.pixels(r.images);
  return out;
}

/// Hands all records to `use(std::vector<ready_record>&)` in batches and in order. Images are decoded ahead
/// on another thread.
template <class Produce, class Use>
void for_batches(const std::string& title, std::int64_t count, const inference_options& o, Produce produce,
                 Use use) {
  candor::progress bar({.title = title, .unit = "records", .total = count, .quiet = o.quiet});
  candor::prefetch<ready_record> records(count, 16, std::move(produce));
  std::vector<ready_record> batch;
  std::int64_t tokens = 0;
  const auto flush = [&] {
    candor::throw_if_stopped(title.c_str());
    use(batch);
    batch.clear();
    tokens = 0;
    bar.update(records.taken());
  };
  while (auto next = records.next()) {
    const std::int64_t cost = next->encoded.tree.tokens();
    if (!batch.empty() && tokens + cost > o.max_tokens) flush();
    batch.push_back(std::move(*next));
    tokens += cost;
  }
  if (!batch.empty()) flush();
  candor::throw_if_stopped(title.c_str());
  bar.finish();
}

inline std::vector<const candor::encoded_record*> pointers(const std::vector<ready_record>& batch) {
  std::vector<const candor::encoded_record*> out;
  for (const auto& r : batch) out.push_back(&r.encoded);
  return out;
}

/// Runs `work(float())` or `work(candor::bfloat16())`.
template <class Work>
void with_element_type(const std::string& dtype, Work work) {
  dtype == "bf16" ? work(candor::bfloat16()) : work(float());
}

}  // namespace tools
