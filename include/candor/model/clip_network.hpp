// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Both towers of CLIP (Radford et al., 2021) and what joins them: the computation, and its weights in files.

#include <candor/io/model_folder.hpp>
#include <candor/model/clip_config.hpp>
#include <candor/model/clip_text.hpp>
#include <candor/model/parameter_files.hpp>
#include <candor/model/vision_transformer.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// Parameters have transformers' names.
template <class B, class T>
class clip_network {
 public:
  using backend_type = B;
  using value_type = T;

  clip_network(B& backend, const clip_config& config)
      : backend_(&backend),
        config_(config),
        vision_(backend, config.vision, "vision_model."),
        text_(backend, config.text, "text_model."),
        visual_projection_(backend, "visual_projection.weight",
                           shape{config.projection_dim, config.vision.hidden_size}),
        text_projection_(backend, "text_projection.weight",
                         shape{config.projection_dim, config.text.hidden_size}) {}

  B& backend() const { return *backend_; }
  const clip_config& config() const { return config_; }
  /// Log of the factor on cosines: logits are exp(logit_scale) cos.
  double logit_scale = std::log(1 / 0.07);

  /// Of N images: pixels (N, 3 S S) -> (N, P). Not normalised.
  variable<B, T> image_features(const forward_context<B>& context, view<B, const float> pixels) {
    return linear(context.tape, vision_.pooled(context, pixels), visual_projection_);
  }
  /// Of N texts with begin and end: (N, P). Not normalised.
  variable<B, T> text_features(const forward_context<B>& context,
                               std::span<const std::vector<std::int32_t>> texts) {
    return linear(context.tape, text_.pooled(context, texts), text_projection_);
  }

  /// visit(parameter<B, T>&) for all weights.
  template <class Visit>
  void for_parameters(Visit&& visit) {
    vision_.for_parameters(visit);
    text_.for_parameters(visit);
    visit(visual_projection_);
    visit(text_projection_);
  }

 private:
  B* backend_;
  clip_config config_;
  vision_transformer<B, T> vision_;
  clip_text_tower<B, T> text_;
  parameter<B, T> visual_projection_, text_projection_;
};

/// Reads every weight. input_error where a tensor is missing, has another shape, or is none of the model's.
template <class B, class T>
void load_weights(clip_network<B, T>& network, const model_folder& folder) {
  auto known =
      read_parameters(network, [&](const std::string& name, const shape& extents, std::span<T> values) {
        folder.at(name, extents);
        folder.read_as(name, values);
      });
  folder.at("logit_scale", {});
  network.logit_scale = folder.template read_as<double>("logit_scale").front();
  known.push_back("logit_scale");
  for (const auto& name : folder.names())
    require<input_error>(name.ends_with(".embeddings.position_ids") ||
                             std::find(known.begin(), known.end(), name) != known.end(),
                         folder.path().string(), ": tensor \"", name,
                         "\" belongs to no part of the CLIP model that config.json describes");
}

/// Writes config.json and the weights so that transformers loads them; tokenizer and image transform are
/// files of their own. usage_error where the folder holds weights.
template <class B, class T>
void save_clip(clip_network<B, T>& network, const std::filesystem::path& folder, dtype as = dtype_v<T>) {
  write_clip_config(folder, network.config(), as);
  auto sources = parameter_sources(network, as, [](const std::string& name) { return name; });
  sources.push_back({"logit_scale", dtype::f32, shape{}, [&](std::span<std::byte> out) {
                       const auto scale = static_cast<float>(network.logit_scale);
                       std::memcpy(out.data(), &scale, sizeof scale);
                     }});
  write_model_folder(folder, sources);
}

}  // namespace CANDOR_NS
