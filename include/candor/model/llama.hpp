// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The LLaMA decoder (Touvron et al., 2023): RMSNorm, rotary positions, grouped-query attention, SwiGLU.
/// Shapes: hidden (T, C).

#include <candor/autograd/ops/attention.hpp>
#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/log_probs.hpp>
#include <candor/autograd/ops/rms_norm.hpp>
#include <candor/autograd/ops/swiglu.hpp>
#include <candor/autograd/recompute.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/nn/linear.hpp>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// Where the tokens of a pass stand: who sees whom, and their rotary angles.
template <class B, class T>
struct token_places {
  std::shared_ptr<const attention_layout> layout;
  std::shared_ptr<const tensor<B, accumulator_t<T>>> rotation;  // (T, D)
};

template <class B, class T>
class llama {
 public:
  using wanted_rows = std::shared_ptr<const std::vector<std::int32_t>>;  // (R), ascending

  struct block {
    block(B& backend, const text_config& c, const std::string& prefix)
        : norm1(backend, prefix + "input_layernorm.weight", shape{c.hidden_size}),
          norm2(backend, prefix + "post_attention_layernorm.weight", shape{c.hidden_size}),
          qkv(backend,
              {{prefix + "self_attn.q_proj", c.num_attention_heads * c.head_dim},
               {prefix + "self_attn.k_proj", c.num_key_value_heads * c.head_dim},
               {prefix + "self_attn.v_proj", c.num_key_value_heads * c.head_dim}},
              c.hidden_size, false),
          out(backend, {{prefix + "self_attn.o_proj", c.hidden_size}}, c.num_attention_heads * c.head_dim, false),
          gate_up(backend, {{prefix + "mlp.gate_proj", c.intermediate_size}, {prefix + "mlp.up_proj", c.intermediate_size}},
                  c.hidden_size, false),
          down(backend, {{prefix + "mlp.down_proj", c.hidden_size}}, c.intermediate_size, false) {}

    parameter<B, T> norm1, norm2;
    linear_layer<B, T> qkv, out, gate_up, down;
  };

  llama(B& backend, const text_config& config, const std::string& prefix, const std::string& head_name)
      : config_(config),
        embedding_(backend, prefix + "embed_tokens.weight", shape{config.vocab_size, config.hidden_size}),
        norm_(backend, prefix + "norm.weight", shape{config.hidden_size}) {
    for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
      blocks_.emplace_back(backend, config, prefix + text("layers.", i, "."));
    if (!config.tie_word_embeddings)
      head_ = parameter<B, T>(backend, head_name, shape{config.vocab_size, config.hidden_size});
  }

  const text_config& config() const { return config_; }
  parameter<B, T>& embedding() { return embedding_; }
  parameter<B, T>& head() { return config_.tie_word_embeddings ? embedding_ : head_; }
  parameter<B, T>& final_norm() { return norm_; }
  std::vector<block>& blocks() { return blocks_; }
  attention_heads heads() const {
    return {config_.num_attention_heads, config_.num_key_value_heads, config_.head_dim,
            1.0 / std::sqrt(static_cast<double>(config_.head_dim))};
  }
  rotary_config rotary() const { return {config_.rope_theta, config_.head_dim, {}}; }

  /// Embedded tokens through all blocks; the final norm belongs to the head. With `rows`, the last block's output is
  /// theirs alone, (R, C): the other tokens are seen by attention, and nobody asks what becomes of them.
  variable<B, T> operator()(const forward_context<B>& context, variable<B, T> hidden, const token_places<B, T>& places,
                            const wanted_rows& rows = nullptr) {
    for (auto& b : blocks_) {
      const auto wanted = &b == &blocks_.back() ? rows : nullptr;
      const auto run = [this, &b, context, places, wanted](tape<B>& tape, const variable<B, T>& x) {
        return run_block(b, context.on(tape), x, places, wanted);
      };
      const bool again = context.recompute && (hidden.tracked() || learns(b, context));
      hidden = again ? recompute(context.tape, hidden, run) : run(context.tape, hidden);
    }
    return hidden;
  }

  /// What the head reads of embedded tokens, (R, C): the last block's output at `rows` (R), ascending, normalised.
  variable<B, T> head_rows(const forward_context<B>& context, const variable<B, T>& embedded,
                           const token_places<B, T>& places, const std::vector<std::int32_t>& rows) {
    const auto hidden = (*this)(context, embedded, places, std::make_shared<const std::vector<std::int32_t>>(rows));
    return rms_norm(context.tape, hidden, norm_, config_.rms_norm_eps);
  }

  /// log p(target | what came before) in nats, (N, 1), of embedded tokens. `rows` (R) says which tokens have targets.
  variable<B, accumulator_t<T>> log_probs(const forward_context<B>& context, const variable<B, T>& embedded,
                                          const token_places<B, T>& places, const std::vector<std::int32_t>& rows,
                                          const head_targets& targets) {
    return head_log_probs(context.tape, head_rows(context, embedded, places, rows), head(), targets);
  }

  template <class Visit>
  void for_parameters(Visit&& visit) {
    visit(embedding_);
    for (auto& b : blocks_) {
      for (auto* l : {&b.qkv, &b.out, &b.gate_up, &b.down}) l->for_parameters(visit);
      visit(b.norm1);
      visit(b.norm2);
    }
    visit(norm_);
    if (head_) visit(head_);
  }
  template <class Visit>
  void for_linears(Visit&& visit) {
    for (auto& b : blocks_)
      for (auto* l : {&b.qkv, &b.out, &b.gate_up, &b.down}) visit(*l);
  }

 private:
  /// Whether a block has anything that is trained: frozen ones before it need no backward pass.
  static bool learns(block& b, const forward_context<B>& context) {
    bool any = b.norm1.trainable() || b.norm2.trainable();
    for (auto* l : {&b.qkv, &b.out, &b.gate_up, &b.down})
      any = any || l->weight.trainable() || (context.adapters && !l->adapters.empty());
    return any;
  }

  variable<B, T> run_block(block& b, forward_context<B> context, variable<B, T> x, const token_places<B, T>& places,
                           const wanted_rows& rows) {
    const auto n1 = rms_norm(context.tape, x, b.norm1, config_.rms_norm_eps);
    auto attended = self_attention(context.tape, b.qkv(context, n1), heads(), places.layout, places.rotation);
    if (rows) {
      x = gather(context.tape, x, *rows);
      attended = gather(context.tape, attended, *rows);
      if (context.token_keys) context.token_keys = keys_of(*context.token_keys, *rows);
    }
    const auto h = b.out(context, attended, x);
    const auto n2 = rms_norm(context.tape, h, b.norm2, config_.rms_norm_eps);
    return b.down(context, swiglu(context.tape, b.gate_up(context, n2)), h);
  }

  static std::shared_ptr<const tensor<B, std::uint64_t>> keys_of(const tensor<B, std::uint64_t>& keys,
                                                                 const std::vector<std::int32_t>& rows) {
    B& backend = keys.backend();
    const auto index = to_backend(backend, rows);
    const auto count = static_cast<std::int64_t>(rows.size());
    const auto chosen = std::make_shared<tensor<B, std::uint64_t>>(backend, shape{count});
    const view<B, const std::uint64_t> all{keys.view().data, keys.size(), 1, 1};
    backend.rows(count, 1, gather_program<B, std::uint64_t>{all, index.view().data, {chosen->view().data, count, 1, 1}});
    return chosen;
  }

  text_config config_;
  parameter<B, T> embedding_, norm_, head_;
  std::vector<block> blocks_;
};

}  // namespace CANDOR_NS
