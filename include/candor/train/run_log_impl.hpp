// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of run_log.hpp.

#include <candor/train/run_log.hpp>

#include <algorithm>
#include <vector>

namespace CANDOR_NS {

CANDOR_INLINE run_log::run_log(const run_folder& folder, const run_log_options& options)
    : metrics_(folder.metrics_path(), options.metrics_offset), shown_(options.shown) {
  // A run that begins again at step 0 voids all earlier events, its configuration included.
  if (options.tensorboard) events_.emplace(folder.path(), options.done > 0 ? options.done + 1 : 0);
}

CANDOR_INLINE void run_log::write(const metrics_row& row, std::int64_t step) {
  metrics_.write(row);
  if (events_) {
    // The row of an evaluation repeats where the training is; one point a step is enough.
    const auto evaluated = [](const metric& m) { return m.name.starts_with("eval_"); };
    const bool evaluation = std::any_of(row.entries().begin(), row.entries().end(), evaluated);
    std::vector<event_file::scalar> scalars;
    for (const metric& m : row.entries())
      if (m.name != "global_step" && evaluation == evaluated(m)) scalars.push_back({m.name, m.value});
    events_->add_scalars(step, scalars);
  }
  std::vector<metric> telling;
  for (const char* name : {"loss", "rewards/margins", "rewards/accuracies", "learning_rate", "eval_loss",
                           "eval_rewards/margins", "eval_rewards/accuracies"})
    if (const auto value = row.find(name)) telling.push_back({name, *value});
  shown_.update(step, telling);
}

CANDOR_INLINE void run_log::write_text(std::string_view tag, std::string_view markdown) {
  if (events_) events_->add_text(0, tag, markdown);
}

CANDOR_INLINE void run_log::sync() {
  metrics_.sync();
  if (events_) events_->sync();
}

}  // namespace CANDOR_NS
