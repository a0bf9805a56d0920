// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The gradient of an objective over the pairs of one optimizer step: passes within a token budget, each with
/// log-probs, cell sums, the objective in dual numbers, and the backward pass. Gradients are divided by the pairs
/// of the step, so they do not depend on the budget beyond rounding.

#include <candor/model/scoring.hpp>
#include <candor/objective/objective_program.hpp>

#include <cmath>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// What a step says about its pairs; sums over pairs.
struct step_values {
  double loss = 0, reward_chosen = 0, reward_rejected = 0;
  double correct = 0;                        ///< pairs whose chosen answer has the larger reward
  double log_prob_chosen = 0, log_prob_rejected = 0;  ///< unweighted, nats
  double pairs = 0, tokens = 0;

  void add(const step_values& other) {
    loss += other.loss;
    reward_chosen += other.reward_chosen;
    reward_rejected += other.reward_rejected;
    correct += other.correct;
    log_prob_chosen += other.log_prob_chosen;
    log_prob_rejected += other.log_prob_rejected;
    pairs += other.pairs;
    tokens += other.tokens;
  }
};

/// Cell sums of records, (records, C) each.
struct cell_sums {
  explicit cell_sums(std::size_t count) : sums(count), references(count), plain(count), tokens(count), weights(count) {}
  std::vector<double> sums, references, plain;  ///< weighted under the policy, under the reference; unweighted
  std::vector<float> tokens, weights;
};

/// Runs one objective over records. `Objective` declares its cells; every record's forest has exactly these.
template <class B, class T, class Objective>
class objective_step {
 public:
  using A = accumulator_t<T>;
  static constexpr int cells = cells_in<Objective>;

  objective_step(llava_network<B, T>& network, const Objective& loss, const pack_options& packing)
      : network_(network), loss_(loss), packing_(packing) {
    require<usage_error>(packing.layout != layout_kind::single,
                         "layout single puts a pair's answers into different passes; train with shared, packed or padded");
  }

  /// The statistics of the objective, kept from step to step.
  statistics_t<Objective>& statistics() { return statistics_; }

  /// Losses and, on a recording pass, gradients of all trained parameters. `references[r][c]` are the reference's
  /// log-probs of cell c of record r; empty where the objective needs none. `proceed()` is asked after each pass;
  /// where it says false the step is given up and nothing is returned.
  template <class Proceed>
  bool run(std::span<const encoded_record* const> records, const std::vector<std::vector<std::span<const float>>>& references,
           forward_context<B> settings, bool record_gradients, step_values& values, Proceed&& proceed) {
    const auto trees = trees_of(records);
    const auto passes = pack(trees, packing_);
    const double mean_tokens = mean_answer(passes, records.size());
    std::vector<double> given;
    if constexpr (has_statistics<Objective>)
      if (reads_statistics(loss_)) given = update_statistics(records, passes, references, mean_tokens, settings);
    for (const auto& batch : passes) {
      B& backend = network_.backend();
      tape<B> tape(backend, record_gradients ? tape_mode::record : tape_mode::evaluate);
      auto context = settings.on(tape);
      if (context.dropout)
        context.token_keys = std::make_shared<const tensor<B, std::uint64_t>>(
            tensor<B, std::uint64_t>::from(backend, shape{batch.tokens()}, batch.token_keys));
      const auto log_probs = network_.log_probs(context, batch, pass_features(network_, context, batch, records));
      const auto sums = sum_cells(batch, log_probs.storage().to_vector(), references);
      const auto d_sums = evaluate(batch, sums, records.size(), mean_tokens, given, values);
      values.tokens += static_cast<double>(batch.tokens());
      if (record_gradients) {
        std::vector<A> d(batch.scored.size());
        for (std::size_t n = 0; n < d.size(); ++n) {
          const auto& s = batch.scored[n];
          d[n] = d_sums[static_cast<std::size_t>(s.forest * cells + s.cell)] * static_cast<A>(s.weight);
        }
        log_probs.sink();
        backend.copy_in(log_probs.gradient().data, d.data(), d.size() * sizeof(A));
        tape.backward();
      }
      if (!proceed()) return false;
    }
    return true;
  }

 private:
  using tape_mode = typename tape<B>::mode;

  cell_sums sum_cells(const packed_batch& batch, const std::vector<A>& log_probs,
                      const std::vector<std::vector<std::span<const float>>>& references) const {
    std::int32_t last = 0;
    for (const auto f : batch.forests) last = std::max(last, f);
    cell_sums s(static_cast<std::size_t>((last + 1) * cells));
    for (std::size_t n = 0; n < log_probs.size(); ++n) {
      const auto& t = batch.scored[n];
      const auto i = static_cast<std::size_t>(t.forest * cells + t.cell);
      s.sums[i] += static_cast<double>(log_probs[n]) * static_cast<double>(t.weight);
      s.plain[i] += static_cast<double>(log_probs[n]);
      s.tokens[i] += 1.0f;
      s.weights[i] += t.weight;
      if (references.empty()) continue;
      const auto& reference = references[static_cast<std::size_t>(t.forest)][static_cast<std::size_t>(t.cell)];
      require<input_error>(static_cast<std::size_t>(t.place) < reference.size(), "[reference] cell ", t.cell, " of a record has ",
                           reference.size(), " reference log-probs, but a token ", t.place + 1, " that is scored");
      s.references[i] += static_cast<double>(reference[static_cast<std::size_t>(t.place)]) * static_cast<double>(t.weight);
    }
    return s;
  }

  /// Scored tokens of cell 0, mean over the step's records.
  static double mean_answer(const std::vector<packed_batch>& passes, std::size_t records) {
    double tokens = 0;
    for (const auto& batch : passes)
      for (const auto& s : batch.scored) tokens += s.cell == 0 ? 1 : 0;
    return tokens / static_cast<double>(records);
  }

  /// The objective as a row program; d loss / d sum of every cell, divided by the step's pairs.
  std::vector<A> evaluate(const packed_batch& batch, const cell_sums& s, std::size_t pairs, double mean_tokens,
                          const std::vector<double>& given, step_values& values) {
    B& backend = network_.backend();
    const auto items = static_cast<std::int64_t>(s.sums.size()) / cells;
    const auto upload = [&]<class From>(const std::vector<From>& v, auto zero) {
      const std::vector<decltype(zero)> converted(v.begin(), v.end());
      return tensor<B, decltype(zero)>::from(backend, shape{static_cast<std::int64_t>(v.size())}, converted);
    };
    const auto sums = upload(s.sums, A{}), references = upload(s.references, A{});
    const auto tokens = upload(s.tokens, float{}), weights = upload(s.weights, float{});
    const auto given_there = upload(given, double{});
    tensor<B, A> losses(backend, shape{items}), d_sums(backend, shape{items * cells}), chosen(backend, shape{items}),
        rejected = tensor<B, A>::zeros(backend, shape{items});
    backend.rows(items, 64, objective_program<Objective, A>{
                                loss_, sums.view().data, references.view().data, tokens.view().data, weights.view().data,
                                losses.view().data, d_sums.view().data, chosen.view().data, rejected.view().data,
                                1.0 / static_cast<double>(pairs), given.empty() ? nullptr : given_there.view().data,
                                statistics_, mean_tokens});
    const auto loss = losses.to_vector(), c = chosen.to_vector(), r = rejected.to_vector();
    for (const auto f : batch.forests) {
      const auto i = static_cast<std::size_t>(f);
      values.add({.loss = static_cast<double>(loss[i]),
                  .reward_chosen = static_cast<double>(c[i]),
                  .reward_rejected = static_cast<double>(r[i]),
                  .correct = c[i] > r[i] ? 1.0 : 0.0,
                  .log_prob_chosen = s.plain[i * cells],
                  .log_prob_rejected = cells > 1 ? s.plain[i * cells + (cells > 1)] : 0.0,
                  .pairs = 1.0,
                  .tokens = 0.0});
    }
    return d_sums.to_vector();
  }

  /// Values of all items of the step, without gradients, for objectives that compare items with each other.
  std::vector<double> update_statistics(std::span<const encoded_record* const> records, const std::vector<packed_batch>& passes,
                                        const std::vector<std::vector<std::span<const float>>>& references,
                                        double mean_tokens, const forward_context<B>& settings) {
    std::vector<candor::pair<double, cells>> items(records.size());
    for (const auto& batch : passes) {
      tape<B> quiet(network_.backend(), tape_mode::evaluate);
      auto context = settings.on(quiet);
      context.dropout = false;
      const auto log_probs = network_.log_probs(context, batch, pass_features(network_, context, batch, records));
      const auto s = sum_cells(batch, log_probs.storage().to_vector(), references);
      for (const auto f : batch.forests) {
        auto& item = items[static_cast<std::size_t>(f)];
        for (int c = 0; c < cells; ++c) {
          const auto i = static_cast<std::size_t>(f * cells + c);
          item.cells[c] = {s.sums[i], s.references[i], static_cast<double>(s.tokens[i]), static_cast<double>(s.weights[i])};
        }
        item.mean_tokens = mean_tokens;
        item.set_ratios();
      }
    }
    loss_.update(statistics_, std::span(items));
    std::vector<double> given;
    for (const auto& item : items) given.insert(given.end(), std::begin(item.given), std::end(item.given));
    return given;
  }

  llava_network<B, T>& network_;
  Objective loss_;
  pack_options packing_;
  statistics_t<Objective> statistics_{};
};

}  // namespace CANDOR_NS
