// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Beam search with the scoring of transformers' `generate` (version 5): of the 2 n likeliest continuations
/// of a prompt's n running texts, those that end among the first n are finished and compete by log-prob /
/// length^penalty; the first n that go on are the next running texts. Prompts do not see each other.

#include <candor/model/prompts_in_flight.hpp>
#include <candor/model/token_choice.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace CANDOR_NS {

template <class B, class T>
class beam_search {
 public:
  using A = accumulator_t<T>;

  beam_search(decoder<B, T>& state, B& backend, prompts_in_flight<B, T>& prompts,
              const generate_options& options)
      : state_(state), backend_(backend), prompts_(prompts), options_(options) {}

  void run() {
    for (;;) {
      const std::int64_t most = std::max<std::int64_t>(options_.max_branches / options_.num_beams, 1);
      const auto room = most - static_cast<std::int64_t>(searches_.size());
      if (room > 0 && (searches_.empty() || 8 * room >= most))
        for (open_prompt* prompt : prompts_.admit(room))
          searches_.push_back({prompt, {{state_.open(prompt->stem), A(0), {}}}, {}});
      if (searches_.empty()) return;
      step();
    }
  }

 private:
  struct beam {
    std::int32_t branch;
    A log_prob;  // nats
    std::vector<std::int32_t> tokens;
  };
  struct search {
    open_prompt* prompt;
    std::vector<beam> running;             // likeliest first
    std::vector<generated_text> finished;  // best first, at most num_beams
  };
  struct continuation {
    A log_prob;
    std::size_t parent;
    std::int32_t token;
  };

  void step() {
    std::vector<std::int32_t> branches;
    for (const auto& s : searches_)
      for (const auto& b : s.running) branches.push_back(b.branch);
    auto z = state_.logits(branches);  // (n, V)
    const auto count = static_cast<std::int64_t>(branches.size()), wanted = 2 * options_.num_beams;
    backend_.rows(count, 4 * z.view().cols, log_softmax_program<B, A>{z.view()});
    penalise(z);
    tensor<B, A> values(backend_, shape{count, wanted});
    tensor<B, std::int32_t> places(backend_, shape{count, wanted});
    backend_.rows(count, 2 * wanted * z.view().cols,
                  largest_program<B, A>{z.view(), values.view(), places.view()});
    const auto log_probs = values.to_vector();
    const auto tokens = places.to_vector();
    std::vector<search> going;
    std::vector<std::int32_t> from, to, words;
    branches.clear();
    std::size_t row = 0;
    for (auto& s : searches_) {
      std::vector<continuation> all;
      for (std::size_t b = 0; b < s.running.size(); ++b, ++row)
        for (std::size_t k = 0; k < static_cast<std::size_t>(wanted); ++k) {
          const std::size_t at = row * static_cast<std::size_t>(wanted) + k;
          require<numeric_error>(
              tokens[at] >= 0 || k > 0, "[generate] the logits of token ", s.running[b].tokens.size() + 1,
              " of prompt ", s.prompt->index,
              " are not numbers; the weights are damaged, or overflow in this element type");
          if (tokens[at] >= 0) all.push_back({s.running[b].log_prob + log_probs[at], b, tokens[at]});
        }
      std::stable_sort(all.begin(), all.end(),
                       [](const auto& a, const auto& b) { return a.log_prob > b.log_prob; });
      all.resize(std::min(all.size(), static_cast<std::size_t>(wanted)));
      if (!advance(s, all, from, to)) {
        end(s);
        continue;
      }
      for (const auto& b : s.running) {
        branches.push_back(b.branch);
        words.push_back(b.tokens.back());
      }
      going.push_back(std::move(s));
    }
    searches_ = std::move(going);
    state_.copy_branches(from, to);
    if (!branches.empty()) state_.append(branches, words);
  }

  /// Sorts the continuations into finished and running texts; false where the search is over.
  bool advance(search& s, const std::vector<continuation>& all, std::vector<std::int32_t>& from,
               std::vector<std::int32_t>& to) {
    const auto beams = static_cast<std::size_t>(options_.num_beams);
    const auto length = static_cast<double>(s.running.front().tokens.size() + 1);
    const bool last = static_cast<std::int64_t>(length) >= options_.max_new_tokens;
    const bool closed = options_.stopping == early_stopping::yes && s.finished.size() == beams;
    std::vector<beam> next;
    for (std::size_t i = 0; i < all.size(); ++i) {
      beam b{-1, all[i].log_prob, s.running[all[i].parent].tokens};
      b.tokens.push_back(all[i].token);
      auto end = text_end::length;
      if (all[i].token == options_.stop_token)
        end = text_end::stop_token;
      else if (options_.stop && options_.stop(b.tokens))
        end = text_end::stop_string;
      if (end == text_end::length && !last) {
        b.branch = static_cast<std::int32_t>(all[i].parent);  // for now
        if (next.size() < beams) next.push_back(std::move(b));
      } else if (i < beams && !closed) {
        keep(s, {std::move(b.tokens), {}, end, static_cast<double>(scored(b.log_prob, length))});
      }
    }
    if (next.empty() || (options_.stopping == early_stopping::yes && s.finished.size() == beams) ||
        !can_improve(s, next.front(), length)) {
      for (const auto& b : s.running) state_.close(b.branch);
      return false;
    }
    share_branches(s, next, from, to);
    s.running = std::move(next);
    return true;
  }

  A scored(A log_prob, double length) const {
    return log_prob / static_cast<A>(std::pow(length, options_.length_penalty));
  }

  void keep(search& s, generated_text text) {
    const auto behind = std::find_if(s.finished.begin(), s.finished.end(),
                                     [&](const auto& f) { return f.score < text.score; });
    s.finished.insert(behind, std::move(text));
    if (s.finished.size() > static_cast<std::size_t>(options_.num_beams)) s.finished.pop_back();
  }

  /// Whether the best running text could come before the worst finished one.
  bool can_improve(const search& s, const beam& best, double length) const {
    if (s.finished.size() < static_cast<std::size_t>(options_.num_beams)) return true;
    const bool longest = options_.stopping == early_stopping::never && options_.length_penalty > 0;
    const double at = longest ? static_cast<double>(options_.max_new_tokens) : length;
    return static_cast<double>(scored(best.log_prob, at)) > s.finished.back().score;
  }

  /// The first continuation of a text goes on in its branch, the others in copies.
  void share_branches(const search& s, std::vector<beam>& next, std::vector<std::int32_t>& from,
                      std::vector<std::int32_t>& to) {
    std::vector<bool> used(s.running.size(), false);
    for (const auto& b : next) used[static_cast<std::size_t>(b.branch)] = true;
    for (std::size_t p = 0; p < s.running.size(); ++p)
      if (!used[p]) state_.close(s.running[p].branch);
    used.assign(s.running.size(), false);
    for (auto& b : next) {
      const auto parent = static_cast<std::size_t>(b.branch);
      b.branch = s.running[parent].branch;
      if (used[parent]) {
        from.push_back(b.branch);
        to.push_back(b.branch = state_.open(s.prompt->stem));
      }
      used[parent] = true;
    }
  }

  void end(search& s) {
    auto& texts = s.finished;
    texts.resize(std::min(texts.size(), static_cast<std::size_t>(options_.samples)));
    for (const auto& text : texts) prompts_.count(text);
    s.prompt->texts = std::move(texts);
    prompts_.finish(*s.prompt);
  }

  void penalise(tensor<B, A>& z) {
    if (options_.repetition_penalty == 1) return;
    std::vector<std::vector<std::int32_t>> words;
    for (const auto& s : searches_)
      for (const auto& b : s.running) {
        auto& own = words.emplace_back(s.prompt->words);
        own.insert(own.end(), b.tokens.begin(), b.tokens.end());
        std::sort(own.begin(), own.end());
        own.erase(std::unique(own.begin(), own.end()), own.end());
      }
    penalise_repetition(backend_, z.view(), {words.begin(), words.end()}, options_.repetition_penalty);
  }

  decoder<B, T>& state_;
  B& backend_;
  prompts_in_flight<B, T>& prompts_;
  const generate_options& options_;
  std::vector<search> searches_;
};

}  // namespace CANDOR_NS
