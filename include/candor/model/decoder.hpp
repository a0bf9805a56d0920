// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The state of texts that are being written: keys and values of stems (image and question, computed once)
/// and of the branches that hang on them. Branches and stems come and go at any time; what they leave is used
/// again, and memory grows with what is really there. Which branch lies where changes no number.

#include <candor/data/pack.hpp>
#include <candor/model/llava_network.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// y(to[i], :) = x(from[i], :); rows that are written must not be read.
template <class B, class T>
struct move_rows_program {
  view<B, const T> x;
  const std::int32_t *from, *to;
  view<B, T> y;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t i) const {
    const T* source = x.row(from[i]);
    T* target = y.row(to[i]);
    team.each(y.cols, [=](std::int64_t j) { target[j] = source[j]; });
  }
};

template <class B, class T>
void move_rows(B& backend, view<B, const T> x, const std::vector<std::int32_t>& from, view<B, T> y,
               const std::vector<std::int32_t>& to) {
  if (from.empty()) return;
  const auto source = to_backend(backend, from), target = to_backend(backend, to);
  backend.rows(static_cast<std::int64_t>(from.size()), y.cols,
               move_rows_program<B, T>{x, source.view().data, target.view().data, y});
}

template <class B, class T>
class decoder {
 public:
  using A = accumulator_t<T>;

  decoder(llava_network<B, T>& network, const forward_context<B>& context)
      : network_(network),
        context_(context),
        backend_(network.backend()),
        caches_(network.text().blocks().size()) {}

  std::int64_t stem_tokens() const { return stem_tokens_; }

  /// Computes stems together. Each prompt is a forest of one segment; `features` are the images' of all
  /// prompts, in order. Their names, to be handed to `open` and `close_stem`.
  std::vector<std::int32_t> add_stems(std::span<const forest* const> prompts,
                                      const variable<B, T>& features) {
    for (const forest* p : prompts)
      require<shape_error>(p->segments.size() == 1, "[generate] a prompt has ", p->segments.size(),
                           " segments, expected one");
    const packed_batch batch =
        pack(prompts, {.max_tokens = std::numeric_limits<std::int64_t>::max()}).front();
    const auto& trees = batch.layout->trees;
    std::vector<std::int32_t> names, rows(static_cast<std::size_t>(batch.tokens())), last;
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      const segment& s = prompts[p]->segments.front();
      const std::int32_t count = trees[p + 1] - trees[p], begin = room_for_stem(count);
      std::iota(rows.begin() + trees[p], rows.begin() + trees[p + 1], begin);
      names.push_back(static_cast<std::int32_t>(next_stem_++));
      stems_.emplace(names.back(), stem{begin, begin + count, s.advance >= 0 ? s.advance : count, {}});
      stem_tokens_ += count;
      last.push_back(trees[p + 1] - 1);
    }
    const auto hidden = run_stems(batch, features, rows, last);  // (P, C)
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      tensor<B, T> own(backend_, shape{1, hidden.cols()});
      backend_.copy(own.view().data, hidden.value().row(static_cast<std::int64_t>(p)),
                    sizeof(T) * static_cast<std::size_t>(hidden.cols()));
      stems_.at(names[p]).hidden = std::move(own);
    }
    return names;
  }

  /// Forgets a stem whose branches are all closed.
  void close_stem(std::int32_t name) {
    const stem& s = stems_.at(name);
    stem_tokens_ -= s.end - s.begin;
    stems_.erase(name);
  }

  /// A new branch on a stem, without tokens yet.
  std::int32_t open(std::int32_t stem_name) {
    if (free_.empty()) grow_branches(std::max<std::int64_t>(2 * slots(), 8), capacity_);
    const std::int32_t slot = free_.back();
    free_.pop_back();
    stem_of_[static_cast<std::size_t>(slot)] = stem_name;
    length_[static_cast<std::size_t>(slot)] = 0;
    const auto& own = stems_.at(stem_name).hidden;
    backend_.copy(hidden_.view().row(slot), own.view().data, own.bytes());
    return slot;
  }
  void close(std::int32_t branch) {
    length_[static_cast<std::size_t>(branch)] = 0;
    free_.push_back(branch);
  }

  /// Logits of the next token of each branch, (n, V).
  tensor<B, A> logits(const std::vector<std::int32_t>& branches) {
    llama<B, T>& text = network_.text();
    const auto count = static_cast<std::int64_t>(branches.size());
    const variable<B, T> rows(backend_, shape{count, text.config().hidden_size}, false);
    const auto index = to_backend(backend_, branches);
    backend_.rows(count, rows.cols(),
                  gather_program<B, T>{std::as_const(hidden_).view(), index.view().data, rows.value()});
    const auto normal = rms_norm(context_.tape, rows, text.final_norm(), text.config().rms_norm_eps);
    tensor<B, A> z(backend_, shape{count, text.config().vocab_size});
    backend_.template matmul<T, A>(transpose::no, normal.value(), transpose::yes, text.head().value(),
                                   z.view());
    return z;
  }

  /// Appends one token to each of the branches.
  void append(const std::vector<std::int32_t>& branches, const std::vector<std::int32_t>& tokens) {
    llama<B, T>& text = network_.text();
    const auto at = [](const auto& values, std::int32_t i) { return values[static_cast<std::size_t>(i)]; };
    std::vector<std::int32_t> order(branches.size()), words, positions, rows;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return at(stem_of_, at(branches, a)) < at(stem_of_, at(branches, b));
    });
    std::int32_t longest = 0;
    for (const auto slot : branches) longest = std::max(longest, at(length_, slot) + 1);
    if (longest > capacity_) grow_branches(slots(), std::max<std::int64_t>(2 * capacity_, 16));
    decode_layout layout;
    layout.capacity = capacity_;
    for (const auto i : order) {
      const std::int32_t slot = at(branches, i), name = at(stem_of_, slot);
      const stem& s = stems_.at(name);
      if (layout.groups.empty() || layout.groups.back().stem_begin != s.begin)
        layout.groups.push_back({s.begin, s.end, static_cast<std::int32_t>(words.size()), 0});
      ++layout.groups.back().branches;
      std::int32_t& length = length_[static_cast<std::size_t>(slot)];
      words.push_back(at(tokens, i));
      positions.push_back(s.next_position + length);
      rows.push_back(static_cast<std::int32_t>(slot * capacity_ + length));
      layout.length.push_back(++length);
      layout.slots.push_back(slot);
    }
    const auto rotation =
        rotation_table<B, A>(backend_, text.rotary(), positions, static_cast<std::int64_t>(words.size()));
    const auto row_index = to_backend(backend_, rows), every = to_backend(backend_, counting(words.size()));
    auto hidden = embed(context_.tape, text.embedding(), words);
    for (std::size_t i = 0; i < caches_.size(); ++i)
      hidden = run_branch_block(text.blocks()[i], caches_[i], hidden, rotation, layout, every, row_index);
    move_rows<B, T>(backend_, hidden.value(), counting(words.size()), hidden_.view(), layout.slots);
  }

  /// Branch `to[i]` becomes what branch `from[i]` is; both hang on the same stem, and no branch is in both
  /// lists.
  void copy_branches(const std::vector<std::int32_t>& from, const std::vector<std::int32_t>& to) {
    std::vector<std::int32_t> source, target;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::int32_t length = length_[static_cast<std::size_t>(from[i])];
      length_[static_cast<std::size_t>(to[i])] = length;
      for (std::int32_t j = 0; j < length; ++j) {
        source.push_back(static_cast<std::int32_t>(from[i] * capacity_ + j));
        target.push_back(static_cast<std::int32_t>(to[i] * capacity_ + j));
      }
    }
    for (auto& c : caches_)
      move_rows<B, T>(backend_, std::as_const(c.branch).view(), source, c.branch.view(), target);
    move_rows<B, T>(backend_, std::as_const(hidden_).view(), from, hidden_.view(), to);
  }

 private:
  struct stem {
    std::int32_t begin, end;     // rows of the stem cache
    std::int32_t next_position;  // of the first token of its branches
    tensor<B, T> hidden;         // (1, C): of its last token
  };
  struct layer_cache {
    tensor<B, T> stem;    // (stem rows, 2 K D): keys, then values
    tensor<B, T> branch;  // (slots * capacity, 2 K D)
  };

  static std::vector<std::int32_t> counting(std::size_t count) {
    std::vector<std::int32_t> out(count);
    std::iota(out.begin(), out.end(), 0);
    return out;
  }
  std::int64_t slots() const { return static_cast<std::int64_t>(length_.size()); }
  std::int64_t kv_width() const {
    const auto heads = network_.text().heads();
    return heads.kv_count * heads.size;
  }

  /// The first free run of so many rows of the stem cache, which grows where there is none.
  std::int32_t room_for_stem(std::int32_t count) {
    std::vector<std::pair<std::int32_t, std::int32_t>> taken;
    for (const auto& [name, s] : stems_) taken.emplace_back(s.begin, s.end);
    std::sort(taken.begin(), taken.end());
    std::int32_t begin = 0;
    for (const auto& [first, end] : taken) {
      if (first - begin >= count) break;
      begin = std::max(begin, end);
    }
    if (begin + count > stem_rows_) {
      const std::int64_t before = stem_rows_;
      stem_rows_ = std::max<std::int64_t>(begin + count, before + before / 2);
      std::vector<std::int32_t> kept;  // of the stems that have run
      for (const auto& [name, s] : stems_)
        for (std::int32_t r = s.begin; s.hidden && r < s.end; ++r) kept.push_back(r);
      for (auto& c : caches_) move_cache(c.stem, stem_rows_, kept, kept);
    }
    return begin;
  }

  /// More slots, or more rows for each; the branches keep what they have.
  void grow_branches(std::int64_t slots, std::int64_t capacity) {
    std::vector<std::int32_t> from, to;
    for (std::int64_t slot = 0; slot < this->slots(); ++slot)
      for (std::int64_t j = 0; j < length_[static_cast<std::size_t>(slot)]; ++j) {
        from.push_back(static_cast<std::int32_t>(slot * capacity_ + j));
        to.push_back(static_cast<std::int32_t>(slot * capacity + j));
      }
    for (auto& c : caches_) move_cache(c.branch, slots * capacity, from, to);
    if (slots > this->slots()) {
      tensor<B, T> hidden(backend_, shape{slots, network_.text().config().hidden_size});
      if (hidden_) backend_.copy(hidden.view().data, hidden_.view().data, hidden_.bytes());
      hidden_ = std::move(hidden);
      for (std::int64_t slot = slots - 1; slot >= this->slots(); --slot)
        free_.push_back(static_cast<std::int32_t>(slot));
      length_.resize(static_cast<std::size_t>(slots), 0);
      stem_of_.resize(static_cast<std::size_t>(slots), -1);
    }
    capacity_ = capacity;
  }

  void move_cache(tensor<B, T>& cache, std::int64_t rows, const std::vector<std::int32_t>& from,
                  const std::vector<std::int32_t>& to) {
    tensor<B, T> moved(backend_, shape{rows, 2 * kv_width()});
    if (cache) move_rows<B, T>(backend_, std::as_const(cache).view(), from, moved.view(), to);
    cache = std::move(moved);
  }

  /// Hidden rows `last` of the stems, (P, C); their keys and values go to `rows` of the caches.
  variable<B, T> run_stems(const packed_batch& batch, const variable<B, T>& features,
                           const std::vector<std::int32_t>& rows, const std::vector<std::int32_t>& last) {
    llama<B, T>& text = network_.text();
    const auto heads = text.heads();
    const auto places = network_.places(batch);
    const auto index = to_backend(backend_, rows), every = to_backend(backend_, counting(rows.size()));
    auto hidden = embed(context_.tape, text.embedding(), batch.words, features, batch.patches);
    for (std::size_t i = 0; i < caches_.size(); ++i) {
      auto& b = text.blocks()[i];
      const auto n1 = rms_norm(context_.tape, hidden, b.norm1, text.config().rms_norm_eps);
      const auto qkv = b.qkv(context_, n1);
      auto attended = self_attention(context_.tape, qkv, heads, places.layout, places.rotation);
      keep(caches_[i].stem, qkv, every, index);
      if (i + 1 == caches_.size()) {  // nobody sees what becomes of the other tokens
        hidden = gather(context_.tape, hidden, last);
        attended = gather(context_.tape, attended, last);
      }
      hidden = finish_block(b, attended, hidden);
    }
    return hidden;
  }

  variable<B, T> run_branch_block(typename llama<B, T>::block& b, layer_cache& cache, const variable<B, T>& x,
                                  const tensor<B, A>& rotation, const decode_layout& layout,
                                  const tensor<B, std::int32_t>& every, const tensor<B, std::int32_t>& rows) {
    llama<B, T>& text = network_.text();
    const auto heads = text.heads();
    const std::int64_t q_width = heads.count * heads.size, kv = kv_width();
    const auto n1 = rms_norm(context_.tape, x, b.norm1, text.config().rms_norm_eps);
    const auto qkv = b.qkv(context_, n1);
    rotate_heads<B, T>(backend_, qkv.value(), rotation.view(), heads.count + heads.kv_count, 1);
    keep(cache.branch, qkv, every, rows);
    const variable<B, T> attended(backend_, shape{x.rows(), q_width}, false);
    const view<B, const T> stem = std::as_const(cache.stem).view(),
                           branch = std::as_const(cache.branch).view();
    backend_.template attention_decode<T>(
        heads, layout, qkv.value().slice_cols(0, q_width), stem.slice_cols(0, kv), stem.slice_cols(kv, kv),
        branch.slice_cols(0, kv), branch.slice_cols(kv, kv), attended.value());
    return finish_block(b, attended, x);
  }

  /// The keys and values of qkv into rows of a cache.
  void keep(tensor<B, T>& cache, const variable<B, T>& qkv, const tensor<B, std::int32_t>& every,
            const tensor<B, std::int32_t>& rows) {
    const auto kv = qkv.value().slice_cols(qkv.cols() - 2 * kv_width(), 2 * kv_width());
    backend_.rows(kv.rows, kv.cols,
                  move_rows_program<B, T>{kv, every.view().data, rows.view().data, cache.view()});
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
  std::vector<layer_cache> caches_;  // one a block
  std::map<std::int32_t, stem> stems_;
  std::int64_t next_stem_ = 0, stem_tokens_ = 0, stem_rows_ = 0;
  std::vector<std::int32_t> free_;              // slots
  std::vector<std::int32_t> length_, stem_of_;  // of each slot
  std::int64_t capacity_ = 0;                   // rows of the cache of a slot
  tensor<B, T> hidden_;                         // (slots, C): of the last token of each branch
};

}  // namespace CANDOR_NS
