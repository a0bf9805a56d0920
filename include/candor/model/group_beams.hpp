// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Diverse beam search (Vijayakumar et al., 2016) with the scoring of transformers 4's
/// `generate(num_beam_groups, diversity_penalty)`: a prompt's beams are groups that move one after the other,
/// and a token that g beams of earlier groups have just taken costs a later group g times the penalty. The
/// penalties stay in the scores. This is the core; it goes on from any branches of a decoder, so that a tree
/// of texts can be searched on one stem.

#include <candor/model/decoder.hpp>
#include <candor/model/generate_options.hpp>
#include <candor/model/token_choice.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

namespace CANDOR_NS {

template <class B, class T>
class group_beams {
 public:
  using A = accumulator_t<T>;

  /// A text and, where branches are kept, the decoder's branch that holds it.
  struct found_text {
    generated_text text;
    double log_prob = 0;  // nats, of the whole text under the model: no penalty, not divided
    std::int32_t branch = -1;
  };

  /// With `keep_branches`, each found text has a branch of its own, for the caller to close.
  group_beams(decoder<B, T>& state, B& backend, const generate_options& options, bool keep_branches)
      : state_(state), backend_(backend), options_(options), keep_branches_(keep_branches) {}

  /// A search for texts that go on from a branch on this stem; the branch is the search's from here on.
  void begin(std::size_t name, std::int32_t stem, std::int32_t branch) {
    search s{name, stem, {}};
    std::vector<std::int32_t> from, to;
    for (std::int64_t g = 0; g < options_.num_beam_groups; ++g) {
      group own;
      own.running.push_back({branch, A(0), A(0), {}});
      if (g > 0) {
        from.push_back(branch);
        to.push_back(own.running.front().branch = state_.open(stem));
      }
      s.groups.push_back(std::move(own));
    }
    state_.copy_branches(from, to);
    searches_.push_back(std::move(s));
  }

  std::int64_t searches() const { return static_cast<std::int64_t>(searches_.size()); }

  /// One token more for every search. ended(name, std::vector<found_text>) takes the texts, best first, of
  /// those that are over.
  template <class Ended>
  void step(const Ended& ended) {
    const auto top = likeliest();
    moves m;
    std::size_t row = 0;
    for (auto& s : searches_) {
      std::map<std::int32_t, int> taken;  // tokens of earlier groups, and how many beams took them
      for (auto& g : s.groups) {
        const auto all = continuations(g, top, row, taken, s.name);
        row += g.running.size();
        if (!g.running.empty()) advance(s, g, all, m, taken);
      }
    }
    state_.copy_branches(m.from, m.to);
    if (!m.branches.empty()) state_.append(m.branches, m.tokens);
    for (const auto branch : m.dropped) state_.close(branch);
    const auto first =
        std::stable_partition(searches_.begin(), searches_.end(), [](const search& s) { return !s.over(); });
    std::vector<search> over(std::make_move_iterator(first), std::make_move_iterator(searches_.end()));
    searches_.erase(first, searches_.end());
    for (auto& s : over) ended(s.name, texts_of(s));
  }

 private:
  struct beam {
    std::int32_t branch;
    A score, log_prob;  // nats, with and without penalties
    std::vector<std::int32_t> tokens;
  };
  struct group {
    std::vector<beam> running;         // best first; none: the group is done
    std::vector<found_text> finished;  // best first, at most as many as the group has beams
  };
  struct search {
    std::size_t name;
    std::int32_t stem;
    std::vector<group> groups;
    bool over() const {
      return std::all_of(groups.begin(), groups.end(), [](const group& g) { return g.running.empty(); });
    }
  };
  struct continuation {
    A score, log_prob;
    std::size_t parent;
    std::int32_t token;
  };
  /// What the branches of the decoder become after a step.
  struct moves {
    std::vector<std::int32_t> from, to, branches, tokens, dropped;
  };
  struct candidates {
    std::vector<A> log_probs;
    std::vector<std::int32_t> tokens;
    std::size_t width;
  };

  std::size_t group_size() const {
    return static_cast<std::size_t>(options_.num_beams / options_.num_beam_groups);
  }
  /// Continuations that a group looks at: enough that each beam can go on whatever ends.
  std::size_t wanted() const { return (options_.stop ? 3 : 2) * group_size(); }

  /// The likeliest tokens of every running beam: as many as are wanted, and as many more as penalties may set
  /// back.
  candidates likeliest() {
    std::vector<std::int32_t> branches;
    for (const auto& s : searches_)
      for (const auto& g : s.groups)
        for (const auto& b : g.running) branches.push_back(b.branch);
    auto z = state_.logits(branches);  // (n, V)
    const auto count = static_cast<std::int64_t>(branches.size());
    const auto width = static_cast<std::int64_t>(wanted()) + options_.num_beams;
    backend_.rows(count, 4 * z.view().cols, log_softmax_program<B, A>{z.view()});
    tensor<B, A> values(backend_, shape{count, width});
    tensor<B, std::int32_t> places(backend_, shape{count, width});
    backend_.rows(count, 2 * width * z.view().cols,
                  largest_program<B, A>{z.view(), values.view(), places.view()});
    return {values.to_vector(), places.to_vector(), static_cast<std::size_t>(width)};
  }

  std::vector<continuation> continuations(const group& g, const candidates& top, std::size_t row,
                                          const std::map<std::int32_t, int>& taken, std::size_t name) const {
    std::vector<continuation> all;
    for (std::size_t b = 0; b < g.running.size(); ++b, ++row)
      for (std::size_t k = 0; k < top.width; ++k) {
        const std::int32_t token = top.tokens[row * top.width + k];
        require<numeric_error>(token >= 0 || k > 0, "[generate] the logits of token ",
                               g.running[b].tokens.size() + 1, " of search ", name,
                               " are not numbers; the weights are damaged, or overflow in this element type");
        if (token < 0) break;
        const auto before = taken.find(token);
        const A penalty =
            before == taken.end() ? A(0) : static_cast<A>(before->second * options_.diversity_penalty);
        const A gained = top.log_probs[row * top.width + k];
        all.push_back({g.running[b].score + gained - penalty, g.running[b].log_prob + gained, b, token});
      }
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    all.resize(std::min(all.size(), wanted()));
    return all;
  }

  /// Sorts the continuations into finished and running texts, and notes what that means for the branches.
  void advance(search& s, group& g, const std::vector<continuation>& all, moves& m,
               std::map<std::int32_t, int>& taken) {
    const auto length = static_cast<double>(g.running.front().tokens.size() + 1);
    const bool last = static_cast<std::int64_t>(length) >= options_.max_new_tokens;
    std::vector<beam> next;
    std::vector<std::size_t> parents;  // of `next`
    for (std::size_t i = 0; i < all.size() && next.size() < group_size(); ++i) {
      const beam& parent = g.running[all[i].parent];
      beam b{-1, all[i].score, all[i].log_prob, parent.tokens};
      b.tokens.push_back(all[i].token);
      if (const auto end = end_of(b.tokens); end != text_end::length) {
        if (i < group_size()) keep(s, g, parent.branch, std::move(b), end, length, m);
        continue;
      }
      next.push_back(std::move(b));
      parents.push_back(all[i].parent);
    }
    for (const auto& b : next) ++taken[b.tokens.back()];
    const bool done = is_done(g, all.front().score, length);
    if (done || last) {
      if (!done)
        for (std::size_t i = 0; i < next.size(); ++i)
          keep(s, g, g.running[parents[i]].branch, std::move(next[i]), text_end::length, length, m);
      for (const auto& b : g.running) m.dropped.push_back(b.branch);
      g.running.clear();
      return;
    }
    std::vector<bool> used(g.running.size(), false);
    for (std::size_t i = 0; i < next.size(); ++i) {
      const std::int32_t branch = g.running[parents[i]].branch;
      next[i].branch = used[parents[i]] ? copy_of(s, branch, m) : branch;
      used[parents[i]] = true;
      m.branches.push_back(next[i].branch);
      m.tokens.push_back(next[i].tokens.back());
    }
    for (std::size_t p = 0; p < used.size(); ++p)
      if (!used[p]) m.dropped.push_back(g.running[p].branch);
    g.running = std::move(next);
  }

  text_end end_of(const std::vector<std::int32_t>& tokens) const {
    if (tokens.back() == options_.stop_token) return text_end::stop_token;
    return options_.stop && options_.stop(tokens) ? text_end::stop_string : text_end::length;
  }

  /// A new branch that becomes what another is when the step's moves are made.
  std::int32_t copy_of(const search& s, std::int32_t branch, moves& m) {
    const std::int32_t copy = state_.open(s.stem);
    m.from.push_back(branch);
    m.to.push_back(copy);
    return copy;
  }

  A scored(A score, double length) const {
    return score / static_cast<A>(std::pow(length, options_.length_penalty));
  }

  void keep(const search& s, group& g, std::int32_t parent, beam b, text_end end, double length, moves& m) {
    found_text found{{std::move(b.tokens), {}, end, static_cast<double>(scored(b.score, length))},
                     static_cast<double>(b.log_prob)};
    const auto behind = std::find_if(g.finished.begin(), g.finished.end(),
                                     [&](const auto& f) { return f.text.score < found.text.score; });
    if (behind == g.finished.end() && g.finished.size() == group_size()) return;
    if (keep_branches_) {
      found.branch = copy_of(s, parent, m);
      m.branches.push_back(found.branch);
      m.tokens.push_back(found.text.tokens.back());
    }
    g.finished.insert(behind, std::move(found));
    if (g.finished.size() > group_size()) {
      if (keep_branches_) m.dropped.push_back(g.finished.back().branch);
      g.finished.pop_back();
    }
  }

  /// Whether no text that goes on could come before the worst finished one, as transformers 4 asks: `best` is
  /// the best continuation of this step, one that ends included.
  bool is_done(const group& g, A best, double length) const {
    if (g.finished.size() < group_size()) return false;
    if (options_.stopping == early_stopping::yes) return true;
    const bool longest = options_.stopping == early_stopping::never && options_.length_penalty > 0;
    const double at = longest ? static_cast<double>(options_.max_new_tokens) : length;
    return g.finished.back().text.score >= static_cast<double>(scored(best, at));
  }

  static std::vector<found_text> texts_of(search& s) {
    std::vector<found_text> all;
    for (auto& g : s.groups)
      for (auto& f : g.finished) all.push_back(std::move(f));
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.text.score > b.text.score; });
    return all;
  }

  decoder<B, T>& state_;
  B& backend_;
  const generate_options& options_;
  bool keep_branches_;
  std::vector<search> searches_;
};

}  // namespace CANDOR_NS
