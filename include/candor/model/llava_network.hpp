// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// LLaVA (Liu et al., 2023): a vision tower, a projector, a language model whose words and image features
/// stand in one sequence. This is the computation alone; llava.hpp adds tokenizer, template and image
/// transform.

#include <candor/autograd/ops/head_best.hpp>
#include <candor/backend/backend.hpp>
#include <candor/data/pack.hpp>
#include <candor/io/peft.hpp>
#include <candor/model/llama.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/model/projector.hpp>
#include <candor/model/vision_transformer.hpp>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace CANDOR_NS {

template <class B, class T>
class llava_network {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, bfloat16> || std::is_same_v<T, double>,
                "weights are float or bfloat16, or double in tests: load_llava<float>(...)");
  static_assert(backend<B, T>,
                "the backend lacks some of what backend/backend.hpp asks for with this element type");

 public:
  using backend_type = B;
  using value_type = T;
  using statistic_type = accumulator_t<T>;

  /// The tower is frozen to begin with, as in LLaVA's own training.
  llava_network(B& backend, const llava_config& config)
      : backend_(&backend),
        config_(config),
        tower_(backend, config.vision, "model.vision_tower."),
        projector_(backend, config, "model.multi_modal_projector."),
        text_(backend, config.text, "model.language_model.", "lm_head.weight") {
    set_tower_trainable(false);
  }

  B& backend() const { return *backend_; }
  const llava_config& config() const { return config_; }
  llama<B, T>& text() { return text_; }
  vision_transformer<B, T>& tower() { return tower_; }

  /// Which image of which record: what the dropout of adapters in tower and projector is drawn by.
  struct image_name {
    std::uint64_t record = 0;
    std::int32_t image = 0;
  };

  /// Features of N images: pixels (N, 3 S S) -> (N image_tokens, C). `names` (N) is needed with dropout where
  /// tower or projector have adapters.
  variable<B, T> image_features(const forward_context<B>& context, view<B, const float> pixels,
                                std::span<const image_name> names = {}) {
    return project(context, tower_features(context, pixels, names), names);
  }
  /// The tower's part of it, in the rows that the projector reads: (N image_tokens, C_vision).
  variable<B, T> tower_features(const forward_context<B>& context, view<B, const float> pixels,
                                std::span<const image_name> names = {}) {
    const auto hidden = tower_(on_rows_of_images(context, names, 0), pixels, config_.vision_feature_layer);
    if (config_.vision_feature_select_strategy == feature_select::full) return hidden;
    std::vector<std::int32_t> patches;
    const auto count = static_cast<std::int32_t>(config_.vision.patches());
    for (std::int32_t n = 0; n < pixels.rows; ++n)
      for (std::int32_t i = 1; i <= count; ++i) patches.push_back(n * (count + 1) + i);
    return gather(context.tape, hidden, patches);
  }
  /// The projector's part.
  variable<B, T> project(const forward_context<B>& context, const variable<B, T>& tower_features,
                         std::span<const image_name> names = {}) {
    const bool full = config_.vision_feature_select_strategy == feature_select::full;
    return projector_(on_rows_of_images(context, names, full ? 0 : 1), tower_features);
  }
  /// Whether the tower says the same of an image in every pass: nothing of it is trained, and it has no
  /// adapters.
  bool tower_is_fixed() {
    bool fixed = true;
    tower_.for_parameters([&](parameter<B, T>& p) { fixed = fixed && !p.trainable(); });
    tower_.for_linears([&](linear_layer<B, T>& layer) { fixed = fixed && layer.adapters.empty(); });
    return fixed;
  }

  /// What the head reads at the tokens of a pass that predict something: (R, C), in the order of
  /// `batch.hidden_rows`. For head_log_probs and head_kl with `text().head()`, where one is not enough.
  variable<B, T> head_rows(const forward_context<B>& context, const packed_batch& batch,
                           const variable<B, T>& features) {
    const auto embedded = embed(context.tape, text_.embedding(), batch.words, features, batch.patches);
    return text_.head_rows(context, embedded, places(batch), batch.hidden_rows);
  }
  /// Log-probabilities of the scored tokens of a pass, in nats: (N, 1), in the order of `batch.scored`.
  variable<B, statistic_type> log_probs(const forward_context<B>& context, const packed_batch& batch,
                                        const variable<B, T>& features) {
    const auto embedded = embed(context.tape, text_.embedding(), batch.words, features, batch.patches);
    return text_.log_probs(context, embedded, places(batch), batch.hidden_rows, batch.targets);
  }

  /// The most likely token in place of each scored one of a pass, (N), but for those of `excluded` (N): a
  /// vocabulary id, or -1. -1 where the logits are NaN.
  std::vector<std::int32_t> best_tokens(const forward_context<B>& context, const packed_batch& batch,
                                        const variable<B, T>& features,
                                        const std::vector<std::int32_t>& excluded) {
    return head_best_tokens(*backend_, head_rows(context, batch, features), text_.head(), batch.targets,
                            excluded);
  }

  token_places<B, T> places(const packed_batch& batch) const {
    return {batch.layout, std::make_shared<const tensor<B, statistic_type>>(rotation_table<B, statistic_type>(
                              *backend_, text_.rotary(), batch.positions, batch.tokens()))};
  }

  /// visit(parameter<B, T>&) for all weights, adapters excepted.
  template <class Visit>
  void for_parameters(Visit&& visit) {
    tower_.for_parameters(visit);
    projector_.for_parameters(visit);
    text_.for_parameters(visit);
  }
  /// visit(linear_layer<B, T>&) for every linear layer.
  template <class Visit>
  void for_linears(Visit&& visit) {
    tower_.for_linears(visit);
    projector_.for_linears(visit);
    text_.for_linears(visit);
  }
  /// The paths of all linear layers, parts of fused ones each.
  std::vector<std::string> linear_paths() {
    std::vector<std::string> paths;
    for_linears([&](linear_layer<B, T>& layer) {
      paths.insert(paths.end(), layer.paths().begin(), layer.paths().end());
    });
    return paths;
  }
  /// visit(path, low_rank_adapter<B, T>&) for every adapter.
  template <class Visit>
  void for_adapters(Visit&& visit) {
    for_linears([&](linear_layer<B, T>& layer) {
      for (auto& adapter : layer.adapters) visit(layer.paths()[adapter.part], adapter);
    });
  }

  void set_tower_trainable(bool on) {
    tower_.for_parameters([&](parameter<B, T>& p) { p.set_trainable(on); });
  }

  /// Gives adapters to the named linear layers and freezes everything else. Without names: all linear layers
  /// of the decoder. usage_error, before anything changes, where a name fits no layer or where the model has
  /// adapters already.
  void add_lora(const lora_options& options) {
    require<usage_error>(!has_adapters(), "[lora] the model has adapters already; merge them first");
    const auto paths = linear_paths();
    for (const auto& name : options.target_modules)
      require<usage_error>(
          std::any_of(paths.begin(), paths.end(), [&](const auto& path) { return is_target(path, {name}); }),
          "[lora] no linear layer is called ", name,
          "; the last parts of their names are q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, "
          "down_proj, "
          "linear_1, linear_2, out_proj, fc1, fc2");
    for_parameters([](parameter<B, T>& p) { p.set_trainable(false); });
    const auto wanted = [&](std::string_view path) {
      return options.target_modules.empty() ? path.starts_with("model.language_model.")
                                            : is_target(path, options.target_modules);
    };
    for_linears([&](linear_layer<B, T>& layer) { layer.add_adapters(options, wanted); });
  }
  void merge_adapters() {
    for_linears([](linear_layer<B, T>& layer) { layer.merge_adapters(); });
  }
  bool has_adapters() {
    bool any = false;
    for_adapters([&](const std::string&, low_rank_adapter<B, T>&) { any = true; });
    return any;
  }

 private:
  /// The context with the keys of the images' rows, from row `first` of each, in place of those of the
  /// tokens.
  forward_context<B> on_rows_of_images(const forward_context<B>& context, std::span<const image_name> names,
                                       std::int32_t first) const {
    auto out = context;
    out.token_keys = nullptr;
    if (!context.dropout || names.empty()) return out;
    std::vector<std::uint64_t> keys;
    for (const auto& name : names)
      for (std::int32_t row = first; row <= config_.vision.patches(); ++row)
        keys.push_back(token_key(name.record, -1 - name.image, row));
    out.token_keys = std::make_shared<const tensor<B, std::uint64_t>>(
        tensor<B, std::uint64_t>::from(*backend_, shape{static_cast<std::int64_t>(keys.size())}, keys));
    return out;
  }

  B* backend_;
  llava_config config_;
  vision_transformer<B, T> tower_;
  projector<B, T> projector_;
  llama<B, T> text_;
};

}  // namespace CANDOR_NS
