// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The templates that candor::compiled has ready for the host in fp32 and bf16: operations, the network, weights, scoring
/// and generation; and for the ledger what plans the memory of a training. With that target a unit only declares them, which
/// saves most of its compile time.

#include <candor/autograd/ops/activation.hpp>
#include <candor/autograd/ops/add.hpp>
#include <candor/autograd/ops/attention.hpp>
#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/head_kl.hpp>
#include <candor/autograd/ops/layer_norm.hpp>
#include <candor/autograd/ops/linear.hpp>
#include <candor/autograd/ops/log_probs.hpp>
#include <candor/autograd/ops/low_rank.hpp>
#include <candor/autograd/ops/rms_norm.hpp>
#include <candor/autograd/ops/swiglu.hpp>
#include <candor/backend/host/host.hpp>
#include <candor/backend/ledger.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/questions.hpp>
#include <candor/model/scoring.hpp>
#include <candor/model/weights.hpp>

/// `kind` is `template` in the compiled target and `extern template` elsewhere.
#define CANDOR_INSTANTIATE_OPERATIONS(kind, B, T)                                                                   \
  kind variable<B, T> linear(tape<B>&, const variable<B, T>&, parameter<B, T>&, parameter<B, T>*,                   \
                             const variable<B, T>&, bool);                                                          \
  kind variable<B, T> rms_norm(tape<B>&, const variable<B, T>&, parameter<B, T>&, double);                          \
  kind variable<B, T> layer_norm(tape<B>&, const variable<B, T>&, parameter<B, T>&, parameter<B, T>&, double);      \
  kind variable<B, T> activate<gelu>(tape<B>&, const variable<B, T>&);                                              \
  kind variable<B, T> activate<quick_gelu>(tape<B>&, const variable<B, T>&);                                        \
  kind variable<B, T> swiglu(tape<B>&, const variable<B, T>&);                                                      \
  kind variable<B, T> add(tape<B>&, const variable<B, T>&, const variable<B, T>&);                                  \
  kind variable<B, T> gather(tape<B>&, const variable<B, T>&, const std::vector<std::int32_t>&);                    \
  kind variable<B, T> embed(tape<B>&, parameter<B, T>&, const std::vector<std::int32_t>&, const variable<B, T>&,    \
                            const std::vector<std::int32_t>&);                                                      \
  kind variable<B, T> self_attention(tape<B>&, const variable<B, T>&, const attention_heads&,                       \
                                     std::shared_ptr<const attention_layout>,                                       \
                                     std::shared_ptr<const tensor<B, accumulator_t<T>>>);                           \
  kind variable<B, accumulator_t<T>> head_log_probs(tape<B>&, const variable<B, T>&, parameter<B, T>&, head_targets, \
                                                    const head_memory&, tensor<B, accumulator_t<T>>*);                  \
  kind variable<B, accumulator_t<T>> head_kl(tape<B>&, const variable<B, T>&, parameter<B, T>&, const variable<B, T>&,  \
                                             const parameter<B, T>&, kl_direction, const head_memory&);                 \
  kind void add_low_rank(tape<B>&, const variable<B, T>&, const variable<B, T>&,                                    \
                         const std::vector<low_rank_part<B, T>>&, const dropout_draw&,                              \
                         std::shared_ptr<const tensor<B, std::uint64_t>>);

#define CANDOR_INSTANTIATE_MODEL(kind, B, T)                                                                        \
  kind void load_weights(llava_network<B, T>&, const llava_weights&);                                               \
  kind std::vector<tensor_source> weight_sources(llava_network<B, T>&, dtype, naming);                              \
  kind std::vector<tensor_source> adapter_sources(llava_network<B, T>&);                                            \
  kind void save_adapter(llava_network<B, T>&, const std::filesystem::path&, const std::string&);                   \
  kind void load_adapter_values(llava_network<B, T>&, const adapter_folder&);                                       \
  kind void replace_weights(llava_network<B, T>&, const adapter_folder&);                                           \
  kind void add_adapter(llava_network<B, T>&, const adapter_folder&);                                               \
  kind variable<B, T> pass_features(llava_network<B, T>&, const forward_context<B>&, const packed_batch&,           \
                                    std::span<const encoded_record* const>, const tower_cache<B, T>*);              \
  kind std::vector<std::vector<std::vector<float>>> score(                                                          \
      llava_network<B, T>&, std::span<const encoded_record* const>, const scoring_options&,                         \
      const tower_cache<B, T>*);                                                                                    \
  kind std::vector<std::vector<yes_no_answer>> ask_yes_no(                                                          \
      llava_network<B, T>&, std::span<const encoded_record* const>, const yes_no_tokens&, const scoring_options&);  \
  kind generate_counts generate_texts(llava_network<B, T>&, prompt_source, const generate_options&, text_sink, bool,   \
                                      const variable<B, T>&);

#define CANDOR_INSTANTIATE_NETWORK(kind, B, T)                                                                      \
  kind class parameter<B, T>;                                                                                       \
  kind class linear_layer<B, T>;                                                                                    \
  kind struct clip_block<B, T>;                                                                                     \
  kind class vision_transformer<B, T>;                                                                              \
  kind class projector<B, T>;                                                                                       \
  kind class llama<B, T>;                                                                                           \
  kind class llava_network<B, T>;

#if CANDOR_COMPILED && !defined(CANDOR_BUILDING)
namespace CANDOR_NS {
CANDOR_INSTANTIATE_OPERATIONS(extern template, host, float)
CANDOR_INSTANTIATE_OPERATIONS(extern template, host, bfloat16)
CANDOR_INSTANTIATE_NETWORK(extern template, host, float)
CANDOR_INSTANTIATE_NETWORK(extern template, host, bfloat16)
CANDOR_INSTANTIATE_MODEL(extern template, host, float)
CANDOR_INSTANTIATE_MODEL(extern template, host, bfloat16)
CANDOR_INSTANTIATE_OPERATIONS(extern template, ledger, float)
CANDOR_INSTANTIATE_OPERATIONS(extern template, ledger, bfloat16)
CANDOR_INSTANTIATE_NETWORK(extern template, ledger, float)
CANDOR_INSTANTIATE_NETWORK(extern template, ledger, bfloat16)
}  // namespace CANDOR_NS
#endif
