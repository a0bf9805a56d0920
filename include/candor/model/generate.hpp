// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Greedy decoding and sampling. Each stem (image and question) is computed once, its keys and values are
/// kept once, and all its samples hang on it. A sample's random numbers depend on its prompt's key, its own
/// index and its place alone, so the text does not depend on what else is in the batch.

#include <candor/core/random.hpp>
#include <candor/model/llava_network.hpp>
#include <candor/model/scoring.hpp>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace CANDOR_NS {

struct generate_options {
  std::int64_t max_new_tokens = 256;
  double temperature = 0.0;  ///< 0: greedy, the most likely token
  std::int64_t samples = 1;  ///< of each prompt
  std::uint64_t seed = 0;
  std::int32_t stop_token = 2;  ///< ends a text and is kept as its last token; -1: none
};

/// One step's choice for each row: the largest logit, or at a temperature the largest of logit / T + Gumbel
/// noise, which draws from the softmax (Gumbel, 1954). The noise is -log(-log(1 - v)) with v uniform in
/// [2^-33, 1]: floats are dense near 0, where the large noise comes from, and it is never +infinity. -1 where
/// all logits are NaN.
template <class B, class A>
struct choose_token_program {
  view<B, const A> logits;     // (n, V)
  const std::uint64_t* seeds;  // (n)
  std::int32_t* chosen;        // (n)
  std::uint32_t step;
  A inverse_temperature;  // 0: greedy

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const A* z = logits.row(row);
    const auto seed = seeds[row];
    const std::uint32_t place = step;
    const A inverse = inverse_temperature;
    const auto score = [=](std::int64_t i) {
      if (inverse == A(0)) return z[i];
      const uint32x4 words = philox({{static_cast<std::uint32_t>(i / 4), place, 0, 0x5a3b1e}},
                                    static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
      const float v = math::fma(static_cast<float>(words[static_cast<int>(i % 4)]), 0x1p-32f, 0x1p-33f);
      return z[i] * inverse - static_cast<A>(math::log(-math::log1p(-v)));
    };
    const A top = team.max(logits.cols, -std::numeric_limits<A>::infinity(), score);
    const auto none = std::numeric_limits<std::int64_t>::min();
    const std::int64_t first =
        team.max(logits.cols, none, [=](std::int64_t i) { return score(i) == top ? -i : none; });
    chosen[row] = static_cast<std::int32_t>(first == none ? -1 : -first);
  }
};

/// The state of a batch of texts that are being written.
template <class B, class T>
class decoder {
 public:
  using A = accumulator_t<T>;

  /// Computes the stems. Each prompt is a forest of one segment; `features` are the images' of all prompts.
  decoder(llava_network<B, T>& network, const forward_context<B>& context,
          std::span<const forest* const> prompts, const variable<B, T>& features, std::int64_t samples,
          std::int64_t capacity)
      : network_(network), context_(context), backend_(network.backend()) {
    pack_options options;
    options.max_tokens = std::numeric_limits<std::int64_t>::max();
    const packed_batch batch = pack(prompts, options).front();
    const auto& trees = batch.layout->trees;
    layout_.capacity = capacity;
    std::vector<std::int32_t> last_rows;
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      require<shape_error>(prompts[p]->segments.size() == 1, "[generate] a prompt has ",
                           prompts[p]->segments.size(), " segments, expected one");
      layout_.groups.push_back({trees[p], trees[p + 1], static_cast<std::int32_t>(last_rows.size()),
                                static_cast<std::int32_t>(samples)});
      const segment& s = prompts[p]->segments.front();
      for (std::int64_t i = 0; i < samples; ++i) {
        last_rows.push_back(trees[p + 1] - 1);
        next_position_.push_back(s.advance >= 0 ? s.advance : static_cast<std::int32_t>(s.tokens.size()));
      }
    }
    layout_.length.assign(last_rows.size(), 0);
    hidden_ = run_stems(batch, features);
    hidden_ = gather(context_.tape, hidden_, last_rows);
  }

  std::int64_t branches() const { return static_cast<std::int64_t>(layout_.length.size()); }

  /// Logits of the next token of every branch, (n, V).
  tensor<B, A> logits() {
    llama<B, T>& text = network_.text();
    const auto normal = rms_norm(context_.tape, hidden_, text.final_norm(), text.config().rms_norm_eps);
    tensor<B, A> z(backend_, shape{branches(), text.config().vocab_size});
    backend_.template matmul<T, A>(transpose::no, normal.value(), transpose::yes, text.head().value(),
                                   z.view());
    return z;
  }

  /// Appends one token to every branch.
  void append(const std::vector<std::int32_t>& tokens) {
    llama<B, T>& text = network_.text();
    hidden_ = embed(context_.tape, text.embedding(), tokens);
    const auto rotation = rotation_table<B, A>(backend_, text.rotary(), next_position_, branches());
    for (auto& length : layout_.length) ++length;
    for (auto& position : next_position_) ++position;
    for (std::size_t i = 0; i < text.blocks().size(); ++i)
      hidden_ = run_branch_block(text.blocks()[i], i, rotation);
  }

 private:
  struct layer_cache {
    tensor<B, T> stem;    // (T, 2 K D): keys, then values
    tensor<B, T> branch;  // (n capacity, 2 K D)
  };

  variable<B, T> run_stems(const packed_batch& batch, const variable<B, T>& features) {
    llama<B, T>& text = network_.text();
    const auto heads = text.heads();
    const std::int64_t q_width = heads.count * heads.size, kv_width = heads.kv_count * heads.size;
    const auto places = network_.places(batch);
    auto hidden = embed(context_.tape, text.embedding(), batch.words, features, batch.patches);
    for (auto& b : text.blocks()) {
      const auto n1 = rms_norm(context_.tape, hidden, b.norm1, text.config().rms_norm_eps);
      const auto qkv = b.qkv(context_, n1);
      const auto attended = self_attention(context_.tape, qkv, heads, places.layout, places.rotation);
      layer_cache cache{tensor<B, T>(backend_, shape{batch.tokens(), 2 * kv_width}),
                        tensor<B, T>(backend_, shape{branches() * layout_.capacity, 2 * kv_width})};
      backend_.rows(
          batch.tokens(), 2 * kv_width,
          add_rows_program<B, T>{qkv.value().slice_cols(q_width, 2 * kv_width), {cache.stem.view(), false}});
      caches_.push_back(std::move(cache));
      hidden = finish_block(b, attended, hidden);
    }
    return hidden;
  }

  variable<B, T> run_branch_block(typename llama<B, T>::block& b, std::size_t index,
                                  const tensor<B, A>& rotation) {
    llama<B, T>& text = network_.text();
    const auto heads = text.heads();
    const std::int64_t q_width = heads.count * heads.size, kv_width = heads.kv_count * heads.size;
    const auto n1 = rms_norm(context_.tape, hidden_, b.norm1, text.config().rms_norm_eps);
    const auto qkv = b.qkv(context_, n1);
    backend_.rows(branches(), qkv.cols(),
                  rotate_program<B, T>{qkv.value(), rotation.view(), heads.count + heads.kv_count, A(1)});
    layer_cache& cache = caches_[index];
    // Row `length - 1` of each branch's part of the cache.
    view<B, T> to = cache.branch.view();
    to.data += (layout_.length.front() - 1) * to.stride;
    to.rows = branches();
    to.stride *= layout_.capacity;
    backend_.rows(branches(), 2 * kv_width,
                  add_rows_program<B, T>{qkv.value().slice_cols(q_width, 2 * kv_width), {to, false}});
    const variable<B, T> attended(backend_, shape{branches(), q_width}, false);
    const view<B, const T> stem = cache.stem.view(), branch = cache.branch.view();
    backend_.template attention_decode<T>(heads, layout_, qkv.value().slice_cols(0, q_width),
                                          stem.slice_cols(0, kv_width), stem.slice_cols(kv_width, kv_width),
                                          branch.slice_cols(0, kv_width),
                                          branch.slice_cols(kv_width, kv_width), attended.value());
    return finish_block(b, attended, hidden_);
  }

  variable<B, T> finish_block(typename llama<B, T>::block& b, const variable<B, T>& attended,
                              const variable<B, T>& x) {
    const auto h = b.out(context_, attended, x);
    const auto n2 = rms_norm(context_.tape, h, b.norm2, network_.text().config().rms_norm_eps);
    return b.down(context_, swiglu(context_.tape, b.gate_up(context_, n2)), h);
  }

  llava_network<B, T>& network_;
  forward_context<B> context_;
  B& backend_;
  decode_layout layout_;
  std::vector<std::int32_t> next_position_;  // (n)
  std::vector<layer_cache> caches_;          // one a block
  variable<B, T> hidden_;                    // (n, C): of the last token of every branch
};

/// Texts as token ids: result[prompt][sample]. `features` are the image features of all prompts, in order;
/// the stop token, where it came, is the last id. numeric_error where the logits are NaN.
template <class B, class T>
std::vector<std::vector<std::vector<std::int32_t>>> generate(llava_network<B, T>& network,
                                                             std::span<const forest* const> prompts,
                                                             const variable<B, T>& features,
                                                             const generate_options& options,
                                                             bool adapters = true) {
  require<usage_error>(options.samples > 0 && options.temperature >= 0 && std::isfinite(options.temperature),
                       "[generate] ", options.samples, " samples at temperature ", options.temperature,
                       "; expected at least one, and a temperature from 0");
  std::vector<std::vector<std::vector<std::int32_t>>> texts(prompts.size());
  for (auto& t : texts) t.resize(static_cast<std::size_t>(options.samples));
  if (prompts.empty() || options.max_new_tokens <= 0) return texts;
  B& backend = network.backend();
  tape<B> quiet(backend, tape<B>::mode::evaluate);
  const forward_context<B> context{.tape = quiet, .adapters = adapters};
  decoder<B, T> state(network, context, prompts, features, options.samples, options.max_new_tokens);
  std::vector<std::uint64_t> seeds;
  for (const forest* p : prompts)
    for (std::int64_t s = 0; s < options.samples; ++s)
      seeds.push_back(
          random_stream(options.seed, p->key * 0x9e3779b97f4a7c15ull + static_cast<std::uint64_t>(s))
              .next_double_word());
  const auto seeds_there = tensor<B, std::uint64_t>::from(backend, shape{state.branches()}, seeds);
  tensor<B, std::int32_t> chosen(backend, shape{state.branches()});
  std::vector<bool> done(seeds.size(), false);
  for (std::int64_t step = 0;; ++step) {
    const auto z = state.logits();
    using A = accumulator_t<T>;
    const A inverse = options.temperature > 0 ? static_cast<A>(1.0 / options.temperature) : A(0);
    backend.rows(state.branches(), 4 * z.view().cols,
                 choose_token_program<B, A>{z.view(), seeds_there.view().data, chosen.view().data,
                                            static_cast<std::uint32_t>(step), inverse});
    const auto tokens = chosen.to_vector();
    bool all_done = true;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      require<numeric_error>(tokens[i] >= 0, "[generate] the logits of token ", step + 1, " of text ", i,
                             " are not numbers; the weights are damaged, or overflow in this element type");
      if (!done[i])
        texts[i / static_cast<std::size_t>(options.samples)][i % static_cast<std::size_t>(options.samples)]
            .push_back(tokens[i]);
      done[i] = done[i] || tokens[i] == options.stop_token;
      all_done = all_done && done[i];
    }
    if (all_done || step + 1 >= options.max_new_tokens) return texts;
    state.append(tokens);
  }
}

/// The same for records with their pictures.
template <class B, class T>
std::vector<std::vector<std::vector<std::int32_t>>> generate(llava_network<B, T>& network,
                                                             std::span<const encoded_record* const> prompts,
                                                             const generate_options& options,
                                                             bool adapters = true) {
  const auto trees = trees_of(prompts);
  tape<B> quiet(network.backend(), tape<B>::mode::evaluate);
  packed_batch images;
  for (std::size_t i = 0; i < prompts.size(); ++i) images.forests.push_back(static_cast<std::int32_t>(i));
  const auto features =
      pass_features(network, forward_context<B>{.tape = quiet, .adapters = adapters}, images, prompts);
  return generate(network, std::span<const forest* const>(trees), features, options, adapters);
}

}  // namespace CANDOR_NS
