// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// From logits to the next token, as row programs: repetition penalty, contrast with a second image,
/// temperature, top-k and top-p with transformers' meaning, and the draw. Nothing is sorted: the least logit
/// that is kept is found by bisection over the floats in order, so the same source runs on host and device.
/// Shapes: logits (n, V).

#include <candor/autograd/ops/gather.hpp>
#include <candor/backend/log_sum_exp.hpp>
#include <candor/core/bits.hpp>
#include <candor/core/math.hpp>
#include <candor/core/random.hpp>
#include <candor/tensor/view.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

namespace CANDOR_NS {

/// Integers that order as the floats do: bisecting over them ends after as many steps as there are bits.
template <class A>
struct float_order {
  using key = std::conditional_t<sizeof(A) == 4, std::int32_t, std::int64_t>;
  using word = std::make_unsigned_t<key>;

  CANDOR_HD static key of(A x) { return flip(bit_cast<key>(x)); }
  CANDOR_HD static A value(key k) { return bit_cast<A>(flip(k)); }
  /// Between low < high, never low itself.
  CANDOR_HD static key middle(key low, key high) {
    return high - static_cast<key>((static_cast<word>(high) - static_cast<word>(low)) / 2);
  }

 private:
  CANDOR_HD static key flip(key k) { return k < 0 ? k ^ std::numeric_limits<key>::max() : k; }
};

/// Which logits may be drawn.
template <class A>
struct token_filter {
  A inverse_temperature = 1;
  std::int32_t top_k = 0;  ///< so many, and those equal to the last of them; 0: all
  A top_p = 1;             ///< the fewest with at least this much of the probability; 1: all
};

/// The least logit of a row that may be drawn: z[i] is kept where z[i] >= it. top-k comes first and top-p
/// reads the probabilities of what is left at the temperature, as transformers' warpers do; of equal logits
/// either all or none are kept. `weights` (V) is room for top-p.
template <class Team, class A>
CANDOR_HD A least_kept(const Team& team, const A* z, std::int64_t count, A top, const token_filter<A>& filter,
                       A* weights) {
  using order = float_order<A>;
  A least = -std::numeric_limits<A>::infinity();
  if (filter.top_k > 0 && filter.top_k < count) {
    const std::int32_t k = filter.top_k;
    auto low = order::of(
        -team.max(count, -std::numeric_limits<A>::infinity(), [=](std::int64_t i) { return -z[i]; }));
    auto high = order::of(top);
    while (low < high) {  // at least k are >= low, fewer than k are > high
      const auto middle = order::middle(low, high);
      const A bound = order::value(middle);
      const std::int32_t above =
          team.sum(count, [=](std::int64_t i) { return static_cast<std::int32_t>(z[i] >= bound); });
      if (above >= k)
        low = middle;
      else
        high = middle - 1;
    }
    least = order::value(low);
  }
  if (filter.top_p < A(1)) {
    const A inverse = filter.inverse_temperature, from = least;
    team.each(count,
              [=](std::int64_t i) { weights[i] = z[i] >= from ? math::exp((z[i] - top) * inverse) : A(0); });
    const A cut = (A(1) - filter.top_p) * team.sum(count, [=](std::int64_t i) { return weights[i]; });
    auto low = order::of(-team.max(count, -std::numeric_limits<A>::infinity(),
                                   [=](std::int64_t i) { return z[i] >= from ? -z[i] : -top; })) -
               1;
    auto high = order::of(top);
    while (low + 1 < high) {  // what is <= low has too little probability, what is <= high enough
      const auto middle = order::middle(low, high - 1);
      const A bound = order::value(middle);
      const A below = team.sum(count, [=](std::int64_t i) { return z[i] <= bound ? weights[i] : A(0); });
      if (below > cut)
        high = middle;
      else
        low = middle;
    }
    least = order::value(high);
  }
  return least;
}

/// One step's choice for each row: the largest logit, or at a temperature the largest of logit / T + Gumbel
/// noise, which draws from the softmax (Gumbel, 1954). The noise is -log(-log(1 - v)) with v uniform in
/// [2^-33, 1]: floats are dense near 0, where the large noise comes from, and it is never +infinity. -1 where
/// all logits are NaN.
template <class B, class A>
struct choose_token_program {
  view<B, const A> logits;     // (n, V)
  const std::uint64_t* seeds;  // (n)
  const std::int32_t* places;  // (n): tokens of the text so far
  std::int32_t* chosen;        // (n)
  token_filter<A> filter;      // an inverse temperature of 0: greedy
  view<B, A> weights;          // (n, V), empty where filter.top_p is 1

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const A* z = logits.row(row);
    const auto seed = seeds[row];
    const auto place = static_cast<std::uint32_t>(places[row]);
    const A inverse = filter.inverse_temperature;
    const A highest =
        team.max(logits.cols, -std::numeric_limits<A>::infinity(), [=](std::int64_t i) { return z[i]; });
    const A least = inverse == A(0) ? highest
                                    : least_kept(team, z, logits.cols, highest, filter,
                                                 weights.data == nullptr ? nullptr : weights.row(row));
    const auto score = [=](std::int64_t i) {
      if (!(z[i] >= least)) return -std::numeric_limits<A>::infinity();
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
    chosen[row] = static_cast<std::int32_t>(
        first == none || !(highest > -std::numeric_limits<A>::infinity()) ? -1 : -first);
  }
};

/// The logits of tokens that a text has already, divided by the penalty where positive, else multiplied
/// (Keskar et al., 2019). Tokens of row r are tokens[starts[r] .. starts[r+1]), none twice.
template <class B, class A>
struct repetition_penalty_program {
  view<B, A> logits;
  const std::int32_t *starts, *tokens;
  A penalty;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    A* z = logits.row(row);
    const std::int32_t* token = tokens + starts[row];
    const A by = penalty;
    team.each(starts[row + 1] - starts[row], [=](std::int64_t t) {
      A& x = z[token[t]];
      x = x > A(0) ? x / by : x * by;
    });
  }
};

/// The same for `words[r]` of each row r; nothing where the penalty is 1.
template <class B, class A>
void penalise_repetition(B& backend, view<B, A> logits,
                         const std::vector<std::span<const std::int32_t>>& words, double penalty) {
  if (penalty == 1) return;
  std::vector<std::int32_t> starts = {0}, tokens;
  for (const auto& of_row : words) {
    tokens.insert(tokens.end(), of_row.begin(), of_row.end());
    starts.push_back(static_cast<std::int32_t>(tokens.size()));
  }
  const auto starts_there = to_backend(backend, starts), tokens_there = to_backend(backend, tokens);
  backend.rows(logits.rows, 256,
               repetition_penalty_program<B, A>{logits, starts_there.view().data, tokens_there.view().data,
                                                static_cast<A>(penalty)});
}

/// z = (1 + alpha) z - alpha other, and -infinity where z is less than the row's largest + log beta.
template <class B, class A>
struct contrast_program {
  view<B, A> logits;
  view<B, const A> other;
  A alpha, log_beta;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    A* z = logits.row(row);
    const A* o = other.row(row);
    const A a = alpha;
    const A least = log_beta + team.max(logits.cols, -std::numeric_limits<A>::infinity(),
                                        [=](std::int64_t i) { return z[i]; });
    team.each(logits.cols, [=](std::int64_t i) {
      z[i] = z[i] < least ? -std::numeric_limits<A>::infinity() : (A(1) + a) * z[i] - a * o[i];
    });
  }
};

/// Logits become log-probs, nats.
template <class B, class A>
struct log_softmax_program {
  view<B, A> logits;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    A* z = logits.row(row);
    const A log_sum = log_sum_exp(team, logits.cols, z);
    team.each(logits.cols, [=](std::int64_t i) { z[i] -= log_sum; });
  }
};

/// The largest values of each row in falling order, the first of equal ones first; -1 where no more are
/// numbers.
template <class B, class A>
struct largest_program {
  view<B, const A> x;            // (n, V)
  view<B, A> values;             // (n, k)
  view<B, std::int32_t> places;  // (n, k)

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const A* z = x.row(row);
    const auto none = std::numeric_limits<std::int64_t>::min();
    A last = std::numeric_limits<A>::infinity();
    std::int64_t at = -1;
    for (std::int64_t k = 0; k < values.cols; ++k) {
      const auto behind = [=](std::int64_t i) { return z[i] < last || (z[i] == last && i > at); };
      const A best = team.max(x.cols, -std::numeric_limits<A>::infinity(), [=](std::int64_t i) {
        return behind(i) ? z[i] : -std::numeric_limits<A>::infinity();
      });
      const std::int64_t first =
          team.max(x.cols, none, [=](std::int64_t i) { return behind(i) && z[i] == best ? -i : none; });
      values(row, k) = last = best;
      at = first == none ? x.cols : -first;
      places(row, k) = static_cast<std::int32_t>(first == none ? -1 : -first);
    }
  }
};

}  // namespace CANDOR_NS
