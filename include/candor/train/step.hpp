// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The gradient of an objective over the pairs of one optimizer step: passes within a token budget, each with
/// log-probs, cell sums, the objective in dual numbers, and the backward pass. Gradients are divided by the
/// pairs of the step, so they do not depend on the budget beyond rounding.

#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/head_kl.hpp>
#include <candor/model/scoring.hpp>
#include <candor/objective/objective_program.hpp>
#include <candor/train/cell_sums.hpp>
#include <candor/train/cell_targets.hpp>

#include <iterator>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Runs one objective over records. `Objective` declares its cells; every record's forest has exactly these,
/// and behind them those that pick tokens.
template <class B, class T, class Objective>
class objective_step {
 public:
  using A = accumulator_t<T>;
  static constexpr int cells = cells_in<Objective>;
  using reference_table = std::vector<std::vector<std::span<const float>>>;  // [record][cell][place], nats

  /// A model whose log-probs are computed in every step; null: they come from a table.
  struct live_reference {
    llava_network<B, T>* network = nullptr;
    bool adapters = false;  ///< of the reference itself
  };

  objective_step(llava_network<B, T>& network, const Objective& loss, const pack_options& packing)
      : network_(network), loss_(loss), packing_(packing), places_(places_of(loss)), plan_(places_) {
    require<usage_error>(
        packing.layout != layout_kind::single,
        "layout single puts a pair's answers into different passes; train with shared, packed or padded");
  }

  void set_reference(const live_reference& reference) { reference_ = reference; }

  /// The statistics of the objective, kept from step to step.
  statistics_t<Objective>& statistics() { return statistics_; }

  /// Losses and, on a recording pass, gradients of all trained parameters. `references` are the reference's
  /// log-probs of the records' cells; empty where the objective needs none or where a live reference computes
  /// them. `proceed()` is asked after each pass; where it says false the step is given up and nothing is
  /// returned.
  template <class Proceed>
  bool run(std::span<const encoded_record* const> records, const reference_table& references,
           forward_context<B> settings, bool record_gradients, step_values& values, Proceed&& proceed) {
    seen_.reset();
    if (!plan_.picks.empty() || reference_.network == &network_ || reads_statistics(loss_))
      seen_ = encode_once(network_, records, packing_);
    const auto picked =
        pick_tokens(network_, records, plan_, {.packing = packing_, .adapters = settings.adapters}, seen());
    const cell_view view(records, plan_, plan_.policy, picked);
    const auto passes = pack(trees_of(view.records()), packing_);
    cell_sums sums(records, cells, references);
    require<usage_error>(!reads_kl(loss_) || reference_.network != nullptr,
                         "[objective_step] the loss reads the divergence from the reference, which no table "
                         "has; compute the reference with each step");
    if (reference_.network != nullptr && !reads_kl(loss_) &&
        !add_references(records, view, passes, picked, sums, proceed))
      return false;
    const double mean_tokens = sums.mean_tokens();
    std::vector<double> given;
    if constexpr (has_statistics<Objective>)
      if (reads_statistics(loss_)) given = update_statistics(view, passes, sums, mean_tokens, settings);
    for (const auto& batch : passes) {
      B& backend = network_.backend();
      tape<B> tape(backend, record_gradients ? tape_mode::record : tape_mode::evaluate);
      auto context = settings.on(tape);
      if (context.dropout)
        context.token_keys = std::make_shared<const tensor<B, std::uint64_t>>(
            tensor<B, std::uint64_t>::from(backend, shape{batch.tokens()}, batch.token_keys));
      const auto features = pass_features(network_, context, batch, view.records(), seen());
      const auto rows = network_.head_rows(context, batch, features);  // (R, C)
      tensor<B, A> squares;                                            // (R)
      if (reads_confidence(loss_)) squares = tensor<B, A>(backend, shape{rows.rows()});
      const auto log_probs = head_log_probs(tape, rows, network_.text().head(), batch.targets, {},
                                            squares ? &squares : nullptr);  // (N, 1)
      const auto found = log_probs.storage().to_vector();
      sums.add_policy(batch, found);
      if (squares) sums.add_confidence(batch, found, squares.to_vector());
      divergence_rows kl_rows;
      variable<B, A> kl;  // (K, 1)
      if constexpr (has_kl<Objective>)
        if (reads_kl(loss_)) {
          kl_rows = sums.rows_of_kl(batch, [this](int cell) { return reads_kl(loss_, cell); });
          kl = divergence(tape, rows, batch, view, kl_rows, sums);
        }
      const auto d = evaluate(batch, sums, records.size(), mean_tokens, given, values);
      values.tokens += static_cast<double>(batch.tokens());
      if (record_gradients) {
        set_gradients(batch, sums, d, log_probs, kl_rows, kl);
        tape.backward();
      }
      if (!proceed()) return false;
    }
    seen_.reset();
    return true;
  }

 private:
  using tape_mode = typename tape<B>::mode;

  /// Sums under the live reference, whose passes are the policy's wherever both score the same.
  template <class Proceed>
  bool add_references(std::span<const encoded_record* const> records, const cell_view& policy_view,
                      const std::vector<packed_batch>& policy_passes, const picked_tokens& policy_picked,
                      cell_sums& sums, Proceed&& proceed) {
    llava_network<B, T>& network = *reference_.network;
    std::optional<tower_cache<B, T>> own;
    if (&network != &network_ && !plan_.picks.empty()) own = encode_once(network, records, packing_);
    const auto* known = &network == &network_ ? seen() : own ? &*own : nullptr;
    const auto add = [&](const cell_view& view, const std::vector<packed_batch>& passes) {
      for (const auto& batch : passes) {
        tape<B> quiet(network.backend(), tape_mode::evaluate);
        const forward_context<B> context{.tape = quiet, .adapters = reference_.adapters};
        const auto log_probs =
            network.log_probs(context, batch, pass_features(network, context, batch, view.records(), known));
        sums.add_reference(batch, log_probs.storage().to_vector());
        if (!proceed()) return false;
      }
      return true;
    };
    if (plan_.whole()) return add(policy_view, policy_passes);
    auto picked =
        pick_tokens(network, records, plan_, {.packing = packing_, .adapters = reference_.adapters}, known);
    for (std::size_t r = 0; r < picked.size(); ++r)
      for (std::size_t k = 0; k < plan_.picks.size(); ++k)
        if (!plan_.picks[k].reference_picks) picked[r][k] = policy_picked[r][k];
    const cell_view view(records, plan_, plan_.reference, picked);
    return add(view, pack(trees_of(view.records()), packing_));
  }

  /// KL(reference || policy) over the vocabulary at those head rows of a pass at which it is read, (K, 1).
  /// The reference's sums come from all of them.
  variable<B, A> divergence(tape<B>& tape, const variable<B, T>& rows, const packed_batch& batch,
                            const cell_view& view, const divergence_rows& read, cell_sums& sums) {
    llava_network<B, T>& network = *reference_.network;
    candor::tape<B> quiet(network.backend(), tape_mode::evaluate);
    const forward_context<B> context{.tape = quiet, .adapters = reference_.adapters};
    const auto* known = &network == &network_ ? seen() : nullptr;
    const auto there = network.head_rows(
        context, batch, pass_features(network, context, batch, view.records(), known));  // (R, C)
    const auto log_probs = head_log_probs(quiet, there, network.text().head(), batch.targets);
    sums.add_reference(batch, log_probs.storage().to_vector());
    const auto at = [&](candor::tape<B>& t, const variable<B, T>& all) {  // (R, C) -> (K, C)
      return static_cast<std::int64_t>(read.rows.size()) == all.rows() ? all : gather(t, all, read.rows);
    };
    const auto kl =
        head_kl(tape, at(tape, rows), network_.text().head(), at(quiet, there), network.text().head());
    sums.add_kl(read, kl.storage().to_vector());
    return kl;
  }

  /// Derivatives of a step's loss for the cells of a pass's records, (items, C).
  struct cell_gradients {
    std::vector<A> sums, kls;
  };

  /// Hands the cells' derivatives to the scored tokens' log-probs and to the head rows' divergences.
  static void set_gradients(const packed_batch& batch, const cell_sums& sums, const cell_gradients& d,
                            const variable<B, A>& log_probs, const divergence_rows& kl_rows,
                            const variable<B, A>& kl) {
    const auto first = static_cast<std::size_t>(batch.forests.front() * cells);
    std::vector<A> d_log_probs(batch.scored.size()), d_kl(kl_rows.rows.size());
    sums.for_targets(batch, [&](std::size_t, std::size_t n, std::size_t i) {
      d_log_probs[n] = d.sums[i - first] * static_cast<A>(batch.scored[n].weight);
    });
    for (const auto& use : kl_rows.uses) d_kl[use.row] += d.kls[use.sum - first];
    const auto set = [](const variable<B, A>& y, const std::vector<A>& values) {
      y.storage().backend().copy_in(y.sink().d.data, values.data(), values.size() * sizeof(A));
    };
    set(log_probs, d_log_probs);
    if (kl) set(kl, d_kl);
  }

  /// The objective as a row program over the records of a pass; its derivatives are divided by the step's
  /// pairs.
  cell_gradients evaluate(const packed_batch& batch, const cell_sums& s, std::size_t pairs,
                          double mean_tokens, const std::vector<double>& given, step_values& values) {
    B& backend = network_.backend();
    const auto first = static_cast<std::size_t>(batch.forests.front());
    const std::size_t items = static_cast<std::size_t>(batch.forests.back()) + 1 - first;
    const auto upload = [&]<class From>(const std::vector<From>& v, std::size_t columns, auto zero) {
      using To = decltype(zero);
      const auto begin = v.begin() + static_cast<std::ptrdiff_t>(v.empty() ? 0 : first * columns);
      const std::vector<To> part(begin,
                                 v.empty() ? begin : begin + static_cast<std::ptrdiff_t>(items * columns));
      return tensor<B, To>::from(backend, shape{static_cast<std::int64_t>(part.size())}, part);
    };
    const auto sums = upload(s.sums, cells, A{}), references = upload(s.references, cells, A{});
    const auto tokens = upload(s.tokens, cells, float{}), weights = upload(s.weights, cells, float{});
    const auto given_there = upload(given, 2, double{}), margins = upload(s.margins, 1, double{}),
               confidence = upload(s.confidence, cells, double{});
    const auto kls = upload(s.kls, cells, A{});
    const auto count = static_cast<std::int64_t>(items);
    tensor<B, A> losses(backend, shape{count}), d_sums(backend, shape{count * cells}),
        d_kls = tensor<B, A>::zeros(backend, shape{count * cells}), chosen(backend, shape{count}),
        rejected = tensor<B, A>::zeros(backend, shape{count}),
        imageless = tensor<B, A>::zeros(backend, shape{count});
    const int imageless_at = imageless_cell(places_);
    backend.rows(count, 64,
                 objective_program<Objective, A>{.objective = loss_,
                                                 .sums = sums.view().data,
                                                 .references = references.view().data,
                                                 .tokens = tokens.view().data,
                                                 .weights = weights.view().data,
                                                 .losses = losses.view().data,
                                                 .d_sums = d_sums.view().data,
                                                 .rewards_chosen = chosen.view().data,
                                                 .rewards_rejected = rejected.view().data,
                                                 .scale = 1.0 / static_cast<double>(pairs),
                                                 .given = given.empty() ? nullptr : given_there.view().data,
                                                 .statistics = statistics_,
                                                 .mean_tokens = mean_tokens,
                                                 .imageless = imageless_at,
                                                 .rewards_imageless = imageless.view().data,
                                                 .kls = kls.view().data,
                                                 .d_kls = d_kls.view().data,
                                                 .confidence = confidence.view().data,
                                                 .margins = margins.view().data});
    const auto loss = losses.to_vector(), c = chosen.to_vector(), r = rejected.to_vector(),
               without = imageless.to_vector();
    for (const auto f : batch.forests) {
      const auto i = static_cast<std::size_t>(f) - first;
      const std::size_t at = static_cast<std::size_t>(f) * cells;
      values.add({.loss = static_cast<double>(loss[i]),
                  .reward_chosen = static_cast<double>(c[i]),
                  .reward_rejected = static_cast<double>(r[i]),
                  .correct = c[i] > r[i] ? 1.0 : 0.0,
                  .log_prob_chosen = s.plain[at],
                  .log_prob_rejected = cells > 1 ? s.plain[at + (cells > 1)] : 0.0,
                  .imageless_margin = imageless_at < 0 ? 0.0 : static_cast<double>(c[i] - without[i]),
                  .imageless_correct = imageless_at >= 0 && c[i] > without[i] ? 1.0 : 0.0,
                  .imageless_pairs = imageless_at >= 0 ? 1.0 : 0.0,
                  .kl_chosen = s.kls[at],
                  .kl_rejected = cells > 1 ? s.kls[at + (cells > 1)] : 0.0,
                  .pairs = 1.0,
                  .tokens = 0.0});
    }
    return {d_sums.to_vector(), d_kls.to_vector()};
  }

  /// Values of all items of the step, without gradients, for objectives that compare items with each other.
  std::vector<double> update_statistics(const cell_view& view, const std::vector<packed_batch>& passes,
                                        cell_sums s, double mean_tokens, const forward_context<B>& settings) {
    for (const auto& batch : passes) {
      tape<B> quiet(network_.backend(), tape_mode::evaluate);
      auto context = settings.on(quiet);
      context.dropout = false;
      const auto log_probs =
          network_.log_probs(context, batch, pass_features(network_, context, batch, view.records(), seen()));
      s.add_policy(batch, log_probs.storage().to_vector());
    }
    std::vector<candor::pair<double, cells>> items(view.records().size());
    for (std::size_t r = 0; r < items.size(); ++r) {
      for (int c = 0; c < cells; ++c) {
        const std::size_t i = r * cells + static_cast<std::size_t>(c);
        items[r].cells[c] = {s.sums[i], s.references[i], static_cast<double>(s.tokens[i]),
                             static_cast<double>(s.weights[i])};
      }
      items[r].mean_tokens = mean_tokens;
      items[r].set_ratios();
    }
    loss_.update(statistics_, std::span(items));
    std::vector<double> given;
    for (const auto& item : items) given.insert(given.end(), std::begin(item.given), std::end(item.given));
    return given;
  }

  const tower_cache<B, T>* seen() const { return seen_ ? &*seen_ : nullptr; }

  llava_network<B, T>& network_;
  Objective loss_;
  pack_options packing_;
  std::array<cell_place, static_cast<std::size_t>(cells)> places_;
  cell_plan plan_;
  live_reference reference_;
  std::optional<tower_cache<B, T>> seen_;  // of the policy's tower, of the step at work
  statistics_t<Objective> statistics_{};
};

}  // namespace CANDOR_NS
