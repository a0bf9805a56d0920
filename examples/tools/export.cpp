// SPDX-License-Identifier: Apache-2.0
/// @file
/// export: writes a model folder again, with an adapter merged into it, in another element type or naming.

#include <candor/io/atomic_file.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/staged_folder.hpp>
#include <candor/model/llava.hpp>

#include "program/tool.hpp"
#include "tools/export_model.hpp"

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace {

namespace fs = std::filesystem;

struct export_options {
  candor::llava_source source;
  fs::path output;
  std::string dtype = "keep", naming = "hf_old";
  std::uint64_t max_shard_bytes = 5'000'000'000;
  int threads = 0;
  bool quiet = false;
};

candor::dtype type_of(const std::string& name, candor::dtype stored) {
  if (name == "f32") return candor::dtype::f32;
  if (name == "bf16") return candor::dtype::bf16;
  if (name == "f16") return candor::dtype::f16;
  return stored;
}

/// transformers needs an id for `<image>`, which original LLaVA folders lack: it is added behind the
/// vocabulary, with `<pad>`, as llava-hf's conversion does.
void add_image_token(const fs::path& folder, candor::llava_config& config) {
  candor::tokenizer words(folder);
  if (!words.image()) {
    candor::require<candor::input_error>(
        !fs::exists(folder / "tokenizer.json"), folder.string(),
        ": its tokenizer.json has no token <image>, which transformers needs; add it there "
        "and to added_tokens.json, or export with --naming llava");
    const auto path = folder / "added_tokens.json";
    auto added = fs::exists(path) ? candor::detail::read_json_file(path) : nlohmann::json::object();
    auto next = words.size();
    added["<image>"] = next++;
    if (!words.find("<pad>")) added["<pad>"] = next++;
    candor::write_atomically(path, added.dump(2) + "\n");
    words = candor::tokenizer(folder);
  }
  config.image_token_index = words.image().value();
  if (const auto pad = words.find("<pad>")) config.text.pad_token_id = *pad;
  const auto ids = static_cast<int>(words.size());
  if (ids > config.text.vocab_size) config.text.vocab_size = (ids + 63) / 64 * 64;
}

/// What original LLaVA's code knows without files: its template and its padding.
void add_processor_files(const fs::path& folder, const candor::image_transform& transform,
                         bool has_template) {
  if (!has_template)
    candor::write_atomically(folder / "chat_template.jinja",
                             candor::chat_template(candor::chat_template::kind::vicuna_v1).jinja());
  if (!fs::exists(folder / "preprocessor_config.json") && !fs::exists(folder / "processor_config.json"))
    candor::write_preprocessor_config(folder, transform);
}

bool has_template(const fs::path& model) {
  if (fs::exists(model / "chat_template.jinja") || fs::exists(model / "chat_template.json")) return true;
  const auto path = model / "tokenizer_config.json";
  return fs::exists(path) && candor::detail::read_json_file(path).contains("chat_template");
}

void export_model(const export_options& o) {
  candor::host cpu({.threads = o.threads});
  const auto scheme = candor::parse_naming(o.naming);
  tools::tensor_stream stream(cpu, o.source);
  std::error_code code;
  const bool free =
      !fs::exists(o.output, code) || (fs::is_directory(o.output, code) && fs::is_empty(o.output, code));
  candor::require<candor::usage_error>(free, "--output ", o.output.string(),
                                       " exists and is not empty; choose a new folder");
  candor::staged_folder folder(o.output);
  candor::copy_processor_files(o.source.model, folder.path());
  auto config = stream.config();
  const auto transform = candor::source_transform(o.source, config);
  if (scheme != candor::naming::llava && config.image_token_index < 0) {
    add_image_token(folder.path(), config);
    add_processor_files(folder.path(), transform, has_template(o.source.model));
  }
  const auto type = type_of(o.dtype, stream.stored_type());
  candor::write_llava_config(folder.path(), config, type, scheme);
  if (!(candor::source_transform({.model = folder.path()}, config) == transform))
    candor::write_preprocessor_config(folder.path(), transform);
  const auto count = static_cast<std::int64_t>(tools::llava_tensors(config).size());
  candor::progress bar({.title = "export", .unit = "tensors", .total = count, .quiet = o.quiet});
  candor::write_model_folder(folder.path(), stream.sources(type, scheme, config.text.vocab_size, bar),
                             o.max_shard_bytes);
  candor::throw_if_stopped("export");
  folder.commit();
  bar.finish();
}

}  // namespace

int main(int argc, char** argv) {
  export_options o;
  return program::run_tool(
      "export",
      "Writes a model folder again: an adapter merged into it, another element type, another naming.",
      "export --model llava-1.5-7b-hf --adapter runs/rlhf-v/adapter --dtype bf16 --output aligned", argc,
      argv,
      [&](CLI::App& app) {
        app.option_defaults()->always_capture_default();
        app.add_option("--model", o.source.model, "LLaVA-1.5 folder: Hugging Face or original layout")
            ->required();
        app.add_option("--output", o.output, "folder to write; new or empty")->required();
        app.add_option("--adapter", o.source.adapter,
                       "PEFT adapter to merge into the weights, with its non_lora_trainables.bin or "
                       "mm_projector.bin; or that alone");
        app.add_option("--vision-tower", o.source.vision_tower, program::vision_tower_help);
        app.add_option("--dtype", o.dtype, "of the tensors; keep: as the embeddings are stored")
            ->check(CLI::IsMember({"keep", "f32", "bf16", "f16"}));
        app.add_option(
               "--naming", o.naming,
               "of the tensors: hf_old (every transformers), hf (transformers 5), llava (LLaVA's own code)")
            ->check(CLI::IsMember({"hf", "hf_old", "llava"}));
        app.add_option("--max-shard-size", o.max_shard_bytes, "bytes of a file at most, as 5GB or 500MB")
            ->transform(CLI::AsSizeValue(true))
            ->default_str("5GB");
        app.add_option("--threads", o.threads, "0: one for each core")->check(CLI::NonNegativeNumber);
        app.add_flag("--quiet", o.quiet, "no progress bar");
      },
      [&] { export_model(o); });
}
