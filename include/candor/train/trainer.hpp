// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The trainer: a policy, an objective, an optimizer. `fit` runs the optimizer's steps over preference records,
/// writes metrics.jsonl, TensorBoard events and checkpoints, and goes on bit for bit where an earlier process was stopped.

#include <candor/core/fault.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/data/prefetch.hpp>
#include <candor/data/split.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/best_model.hpp>
#include <candor/train/checkpoint_folder.hpp>
#include <candor/train/encode.hpp>
#include <candor/train/fit_options.hpp>
#include <candor/train/fit_result.hpp>
#include <candor/train/guard.hpp>
#include <candor/train/metrics.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/record_order.hpp>
#include <candor/train/reference_log_probs.hpp>
#include <candor/train/run_config.hpp>
#include <candor/train/run_folder.hpp>
#include <candor/train/run_log.hpp>
#include <candor/train/signals.hpp>
#include <candor/train/step.hpp>
#include <candor/train/trainer_state.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Holds a reference to the policy, which it changes.
template <class Model, class Objective>
class trainer {
  static_assert(check_objective<Objective>());

 public:
  using B = typename Model::backend_type;
  using T = typename Model::value_type;

  trainer(Model& policy, const Objective& loss, const adamw& optimizer)
      : policy_(policy), loss_(loss), optimizer_options_(optimizer) {}

  /// The log-probs of this model, with its adapters, are the reference. Without one it is the policy as it is
  /// before training, without adapters.
  void set_reference(Model& reference) { reference_ = &reference; }

  /// These records are what evaluations measure, instead of a share of the training records; they must outlive
  /// the training.
  void set_evaluation(const preference_data& records) { evaluation_ = &records; }

  /// Trains. Throws `interrupted` after saving a checkpoint where SIGTERM or SIGINT asked to stop.
  fit_result fit(const preference_data& data, const fit_options& options);

 private:
  struct run;

  Model& policy_;
  Objective loss_;
  adamw optimizer_options_;
  Model* reference_ = nullptr;
  const preference_data* evaluation_ = nullptr;
};

template <class Model, class Objective>
trainer(Model&, const Objective&, const adamw&) -> trainer<Model, Objective>;

}  // namespace CANDOR_NS

#include <candor/train/trainer_run.hpp>

#if CANDOR_COMPILED
#include <candor/train/compiled.hpp>
#endif
