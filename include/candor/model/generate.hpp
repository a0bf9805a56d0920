// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Text generation: greedy, sampled, by beam search (diverse ones too), or in contrast with a second image.
/// Each stem (image and question) is computed once, its keys and values are kept once, and all its texts hang
/// on it. Any number of prompts may be given: as many as options.max_tokens and options.max_branches allow
/// are in flight, and what ends makes room. A text does not depend on what else is in flight.
///
///     candor::generate_texts(model.network(), source, {.temperature = 0.7, .samples = 10},
///                            [&](std::size_t prompt, auto&& texts) { write(prompt, texts); });
///
/// Contrast (contrast_alpha > 0): visual contrastive decoding (Leng et al., 2024) with a distorted image for
/// each prompt, or soft image guidance with one learned image in place of all of them.

#include <candor/model/beam_search.hpp>
#include <candor/model/group_beam_search.hpp>
#include <candor/model/sampler.hpp>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Writes texts for all prompts of a source and hands them over in the prompts' order. `soft_image` (rows, C)
/// stands in place of the features of each contrast image, if given; prompts need no contrast record then.
/// numeric_error where logits are NaN.
template <class B, class T>
generate_counts generate_texts(llava_network<B, T>& network, prompt_source source,
                               const generate_options& options, text_sink sink, bool adapters = true,
                               const variable<B, T>& soft_image = {}) {
  check_options(options);
  B& backend = network.backend();
  tape<B> quiet(backend, tape<B>::mode::evaluate);
  const forward_context<B> context{.tape = quiet, .adapters = adapters};
  decoder<B, T> state(network, context);
  prompts_in_flight<B, T> prompts(network, context, state, options, source, sink, soft_image);
  if (options.max_new_tokens <= 0) {
    prompts.skip_all();
  } else if (options.num_beam_groups > 1) {
    group_beam_search<B, T>(state, backend, prompts, options).run();
  } else if (options.num_beams > 1) {
    beam_search<B, T>(state, backend, prompts, options).run();
  } else {
    sampler<B, T>(state, backend, prompts, options).run();
  }
  return prompts.counts();
}

/// The same for prompts that are all there: result[prompt][sample]. `contrasts`, one for each prompt or none,
/// are the same prompts with distorted images.
template <class B, class T>
std::vector<std::vector<generated_text>> generate_texts(
    llava_network<B, T>& network, std::span<const encoded_record* const> prompts,
    const generate_options& options, bool adapters = true,
    std::span<const encoded_record* const> contrasts = {}) {
  require<usage_error>(contrasts.empty() || contrasts.size() == prompts.size(), "[generate] ",
                       contrasts.size(), " contrast records for ", prompts.size(),
                       " prompts; expected one for each, or none");
  const auto borrowed = [](const encoded_record* r) {
    return std::shared_ptr<const encoded_record>(std::shared_ptr<const encoded_record>(), r);
  };
  std::vector<std::vector<generated_text>> result(prompts.size());
  std::size_t next = 0;
  const auto source = [&]() -> generate_prompt {
    if (next == prompts.size()) return {};
    const std::size_t p = next++;
    return {borrowed(prompts[p]), contrasts.empty() ? nullptr : borrowed(contrasts[p])};
  };
  const auto sink = [&](std::size_t prompt, std::vector<generated_text>&& texts) {
    result[prompt] = std::move(texts);
  };
  generate_texts(network, prompt_source(source), options, text_sink(sink), adapters);
  return result;
}

/// Token ids alone: result[prompt][sample].
template <class B, class T>
std::vector<std::vector<std::vector<std::int32_t>>> generate(llava_network<B, T>& network,
                                                             std::span<const encoded_record* const> prompts,
                                                             const generate_options& options,
                                                             bool adapters = true) {
  std::vector<std::vector<std::vector<std::int32_t>>> ids;
  for (auto& texts : generate_texts(network, prompts, options, adapters)) {
    auto& of_prompt = ids.emplace_back();
    for (auto& text : texts) of_prompt.push_back(std::move(text.tokens));
  }
  return ids;
}

}  // namespace CANDOR_NS
