// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A LLaVA model as a whole: the network with its weights, and the processor that feeds it.

#include <candor/model/processor.hpp>
#include <candor/model/weights.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

namespace CANDOR_NS {

/// What `load_llava` gives. The backend must outlive it.
template <class B, class T>
class llava {
 public:
  using backend_type = B;
  using value_type = T;

  llava(B& backend, const llava_source& source, const processor_options& options)
      : llava(backend, llava_weights(source), options) {}

  B& backend() const { return network_.backend(); }
  llava_network<B, T>& network() { return network_; }
  const candor::processor& processor() const { return processor_; }
  /// Where it came from.
  const llava_source& source() const { return source_; }
  const std::filesystem::path& folder() const { return source_.model; }

  /// Trains low-rank corrections instead of the weights.
  void add_lora(const lora_options& options) { network_.add_lora(options); }

 private:
  llava(B& backend, const llava_weights& weights, const processor_options& options)
      : source_(weights.source()),
        network_(backend, weights.config()),
        processor_(source_, weights.config(), options) {
    load_weights(network_, weights);
    if (weights.adapter() != nullptr) add_adapter(network_, *weights.adapter());
  }

  llava_source source_;
  llava_network<B, T> network_;
  candor::processor processor_;
};

/// A LLaVA-1.5 folder (llava-hf or original naming) with weights and activations of type `T`:
///     candor::host cpu;
///     auto policy = candor::load_llava<float>(cpu, "llava-1.5-7b-hf");
template <class T, class B>
llava<B, T> load_llava(B& backend, const std::filesystem::path& folder,
                       const processor_options& options = {}) {
  return {backend, {.model = folder}, options};
}

/// The same from several folders, an adapter included: see llava_source.
template <class T, class B>
llava<B, T> load_llava(B& backend, const llava_source& source, const processor_options& options = {}) {
  return {backend, source, options};
}

/// Copies the files beside the weights that a model folder needs: tokenizer, template, image transform.
inline void copy_processor_files(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code failed;
  std::filesystem::create_directories(to, failed);
  require<io_error>(!failed, "cannot make the folder ", to.string(), ": ", failed.message());
  for (const char* name :
       {"tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "chat_template.json", "chat_template.jinja", "preprocessor_config.json",
        "processor_config.json", "generation_config.json"}) {
    if (!std::filesystem::exists(from / name)) continue;
    std::filesystem::copy_file(from / name, to / name, std::filesystem::copy_options::overwrite_existing,
                               failed);
    require<io_error>(!failed, (to / name).string(), ": cannot be written: ", failed.message());
  }
}

/// Writes the whole model. Adapters must have been merged. Without a naming, a model that came in original
/// LLaVA's layout is written in it, since transformers' needs an id for `<image>` (the tool `export` adds
/// one); any other is written so that every `transformers` loads it.
template <class B, class T>
void save_llava(llava<B, T>& model, const std::filesystem::path& folder, dtype as = dtype_v<T>,
                std::optional<naming> scheme = {}) {
  require<usage_error>(!model.network().has_adapters(),
                       "[save_llava] merge the adapters first, or save them alone");
  const llava_config& config = model.network().config();
  if (!scheme) scheme = config.image_token_index < 0 ? naming::llava : naming::hf_old;
  copy_processor_files(model.folder(), folder);
  write_llava_config(folder, config, as, *scheme);
  const image_transform transform = source_transform(model.source(), config);
  if (!(source_transform({.model = folder}, config) == transform)) write_preprocessor_config(folder, transform);
  write_model_folder(folder, weight_sources(model.network(), as, *scheme));
}

/// Writes the adapters alone so that `peft` loads them on the model's folder.
template <class B, class T>
void save_adapter(llava<B, T>& model, const std::filesystem::path& folder) {
  save_adapter(model.network(), folder, model.folder().string());
}

}  // namespace CANDOR_NS

#if CANDOR_COMPILED
#include <candor/model/compiled.hpp>
#endif
