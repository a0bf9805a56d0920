// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// How a run evaluates its model: on records that are set aside, or on records of their own.

#include <candor/train/trainer_run.hpp>

namespace CANDOR_NS {

template <class Model, class Objective>
void trainer<Model, Objective>::run::set_up_evaluation() {
  if (const preference_data* apart = owner.evaluation_) {
    require<usage_error>(split.eval.empty(),
                         "evaluation has records of its own, and a share of the training records is set "
                         "aside for it too; give one of the two");
    separate.emplace(source{*apart, {owner.policy_, owner.reference_, owner.loss_, *apart, options}});
    for (std::int64_t i = 0; i < apart->size(); ++i) split.eval.push_back(i);
  }
  evaluates = !split.eval.empty();
  require<usage_error>(!evaluates || static_cast<int>(split.eval.size()) >= smallest_batch(owner.loss_),
                       "an evaluation on ", split.eval.size(),
                       " record: the loss compares records; set at least ", smallest_batch(owner.loss_),
                       " aside (--eval-fraction), or give as many (--eval-data)");
  if (!options.load_best_model_at_end) return;
  require<usage_error>(evaluates,
                       "the best model is wanted at the end, but nothing is evaluated: set a share of the "
                       "records aside (--eval-fraction 0.05), or give records for it (--eval-data)");
  best = best_model(options.metric_for_best_model, options.greater_is_better);
  metrics_window names;
  add_rewards(names, {.pairs = 1}, "eval_");
  best_model(best).offer(names.take(), 1);  // an unknown metric is told before the training, not after it
}

/// The means over the records that are set aside; nothing where a signal interrupted it.
template <class Model, class Objective>
std::optional<metrics_row> trainer<Model, Objective>::run::evaluate() {
  metrics_window window;
  step_values values;
  const auto statistics = step_runner.statistics();
  bool whole = true;
  const auto batch = static_cast<std::size_t>(options.batch_size);
  for (std::size_t at = 0; whole && at < split.eval.size();) {
    // No group of one is left at the end: some objectives' statistics need at least two records.
    const std::size_t left = split.eval.size() - at, count = left == batch + 1 ? left : std::min(left, batch);
    std::vector<item> group;
    for (std::size_t i = at; i < at + count; ++i) group.push_back(encode(evaluated(), split.eval[i], 0));
    whole = run_group(evaluated(), group, false, 0, values);
    at += count;
  }
  step_runner.statistics() = statistics;
  if (!whole) return std::nullopt;
  add_rewards(window, values, "eval_");
  return window.take();
}

}  // namespace CANDOR_NS
