// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// From the tower's width to the decoder's: linear, or LLaVA-1.5's two layers with GELU between.
/// Shapes: features (N, C_vision) -> (N, C_text).

#include <candor/autograd/ops/activation.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/nn/linear.hpp>

#include <string>

namespace CANDOR_NS {

template <class B, class T>
class projector {
 public:
  projector(B& backend, const llava_config& config, const std::string& prefix)
      : first_(backend,
               {{prefix + (config.projector == projector_kind::linear ? "linear" : "linear_1"), config.text.hidden_size}},
               config.vision.hidden_size, config.multimodal_projector_bias),
        exact_gelu_(config.projector_hidden_act == activation::gelu) {
    if (config.projector == projector_kind::mlp)
      second_ = linear_layer<B, T>(backend, {{prefix + "linear_2", config.text.hidden_size}}, config.text.hidden_size,
                                   config.multimodal_projector_bias);
  }

  variable<B, T> operator()(const forward_context<B>& context, const variable<B, T>& features) {
    const auto h = first_(context, features);
    if (!second_.weight) return h;
    return second_(context, exact_gelu_ ? activate<gelu>(context.tape, h) : activate<quick_gelu>(context.tape, h));
  }

  template <class Visit>
  void for_parameters(Visit&& visit) {
    first_.for_parameters(visit);
    if (second_.weight) second_.for_parameters(visit);
  }
  template <class Visit>
  void for_linears(Visit&& visit) {
    visit(first_);
    if (second_.weight) visit(second_);
  }

 private:
  linear_layer<B, T> first_, second_;
  bool exact_gelu_;
};

}  // namespace CANDOR_NS
