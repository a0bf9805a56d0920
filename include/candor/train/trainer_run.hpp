// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// One run of a trainer: its records, reference, optimizer and loop. Evaluation stands in
/// trainer_evaluation.hpp, saving and resuming in trainer_checkpoints.hpp.

#include <candor/train/trainer.hpp>

namespace CANDOR_NS {

template <class Model, class Objective>
struct trainer<Model, Objective>::run {
  static constexpr bool has_rejected = cells_in<Objective> >= 2;
  using item = training_item;

  /// Records with the reference's log-probs of them.
  struct source {
    const preference_data& data;
    reference_log_probs<Model, Objective> reference;
  };

  run(trainer& t, const preference_data& d, const fit_options& o)
      : owner(t),
        options(o),
        split(split_records(d.size(), {.eval_fraction = o.eval_fraction, .seed = o.seed})),
        order(split.train, o.shuffle, o.seed),
        folder(o.run_folder, !o.resume.empty()),
        optimizer(t.policy_.backend(), t.optimizer_options_, o.seed),
        step_runner(t.policy_.network(), t.loss_, {.layout = o.layout, .max_tokens = o.max_tokens}),
        records{d, {t.policy_, t.reference_, t.loss_, d, o}} {
    require<usage_error>(o.batch_size > 0 && o.max_tokens > 0 && o.epochs >= 0 && o.logging_steps > 0,
                         "batch size, token budget and logging steps must be positive, epochs not negative");
    require<usage_error>(o.batch_size >= smallest_batch(t.loss_), "a batch of ", o.batch_size,
                         ": the loss compares the records of a step; use at least ", smallest_batch(t.loss_));
    require<usage_error>(
        o.max_steps >= 0 && o.eval_steps >= 0 && o.save_steps >= 0 && o.save_total_limit >= 0,
        "numbers of steps and checkpoints must not be negative");
    set_up_evaluation();
    t.policy_.network().for_parameters([&](parameter<B, T>& p) {
      if (p.trainable()) optimizer.add(p);
    });
    t.policy_.network().for_adapters([&](const std::string&, low_rank_adapter<B, T>& a) {
      optimizer.add(a.a);
      optimizer.add(a.b);
    });
    require<usage_error>(!optimizer.empty(),
                         "nothing is to be trained: all weights are frozen and there is no adapter");
    total_steps = total_steps_of(o, order.size());
  }

  item encode(const source& from, std::int64_t index, std::int64_t epoch) const {
    decoded_record unknown;
    return encode(from, index, epoch, unknown);
  }
  item encode(const source& from, std::int64_t index, std::int64_t epoch, decoded_record& known) const {
    const preference_record record = objective_record(from.data, index, owner.loss_);
    const auto& processor = owner.policy_.processor();
    const auto variants = from.reference.variants();
    const variant_draw draw{options.seed, index, from.reference.fresh() ? epoch : 0};
    item made{{preference_tree(processor, record, owner.loss_, variants),
               variant_pixels(processor.transform(), record, variants, draw, from.data, known),
               reads_margin(owner.loss_) ? record.margin : 0.0},
              index,
              static_cast<std::int64_t>(record.images.size()),
              draw.epoch};
    made.record.tree.key = static_cast<std::uint64_t>(index);
    return made;
  }
  /// The item at a place of the training's endless sequence.
  item encode_at(std::int64_t place) { return encode(records, order.at(place), place / order.size()); }

  // ---- steps ----

  /// Losses, and gradients where `training`, of one group; false where a signal interrupted it.
  bool run_group(source& from, const std::vector<item>& group, bool training, std::int64_t step,
                 step_values& values) {
    std::vector<const encoded_record*> encoded;
    for (const auto& i : group) encoded.push_back(&i.record);
    const auto refs = from.reference.of(group);
    if (from.reference.live())
      step_runner.set_reference({&from.reference.model().network(), from.reference.with_adapters()});
    tape<B> unused(owner.policy_.backend(), tape<B>::mode::evaluate);
    const forward_context<B> settings{.tape = unused,
                                      .dropout = training,
                                      .recompute = options.recompute,
                                      .seed = options.seed,
                                      .step = static_cast<std::uint64_t>(step)};
    return step_runner.run(std::span<const encoded_record* const>(encoded), refs, settings, training, values,
                           [] {
                             fault_point("trainer.pass");
                             return !stop_requested();
                           });
  }

  void add_rewards(metrics_window& window, const step_values& v, const std::string& prefix) const {
    if (v.pairs == 0) return;
    const auto mean = [&](const char* name, double sum) {
      window.add(prefix + name, sum / v.pairs, v.pairs);
    };
    mean("loss", v.loss);
    mean("rewards/chosen", v.reward_chosen);
    if constexpr (has_rejected) {
      mean("rewards/rejected", v.reward_rejected);
      mean("rewards/margins", v.reward_chosen - v.reward_rejected);
      mean("rewards/accuracies", v.correct);
    }
    mean("logps/chosen", v.log_prob_chosen);
    if constexpr (has_rejected) mean("logps/rejected", v.log_prob_rejected);
    if (reads_kl(owner.loss_, 0)) mean("kl/chosen", v.kl_chosen);
    if (has_rejected && reads_kl(owner.loss_, 1)) mean("kl/rejected", v.kl_rejected);
    if (v.imageless_pairs == 0) return;
    window.add(prefix + "rewards/imageless_margins", v.imageless_margin / v.imageless_pairs,
               v.imageless_pairs);
    window.add(prefix + "rewards/imageless_accuracies", v.imageless_correct / v.imageless_pairs,
               v.imageless_pairs);
  }

  /// One optimizer step; false where a signal interrupted it before the weights changed.
  bool train_step(const std::vector<item>& group, std::int64_t step, metrics_window& window,
                  progress& shown) {
    step_values values;
    const auto statistics = step_runner.statistics();
    const auto give_up = [&] {
      optimizer.drop_gradients();
      step_runner.statistics() = statistics;
    };
    if (!run_group(records, group, true, step, values)) {
      give_up();
      return false;
    }
    const double norm = optimizer.gradient_norm();
    const double rate =
        owner.optimizer_options_.learning_rate * schedule(options.schedule, total_steps).factor(step);
    last_loss = values.loss / values.pairs;
    if (guard.accepts(step + 1, last_loss, norm)) {
      const double clip = options.max_grad_norm > 0 && norm > options.max_grad_norm
                              ? options.max_grad_norm / (norm + 1e-6)
                              : 1.0;
      fault_point("trainer.before_update");
      optimizer.step(rate, clip);
      fault_point("trainer.after_update");
      add_rewards(window, values, "");
      window.add("grad_norm", norm, values.pairs);
    } else {
      give_up();
      shown.message(
          text("warning: step ", step + 1, " is skipped: loss ", last_loss, ", gradient norm ", norm));
    }
    num_tokens += values.tokens;
    window.add("learning_rate", rate, values.pairs);
    shown.count("tokens", values.tokens);
    for (const item& i : group) shown.count("images", static_cast<double>(i.images));
    return true;
  }

  // ---- trainer_evaluation.hpp ----

  void set_up_evaluation();
  source& evaluated() { return separate ? *separate : records; }
  std::optional<metrics_row> evaluate();

  // ---- trainer_checkpoints.hpp ----

  run_config describe();
  std::uint64_t checkpoint_bytes();
  void save(std::int64_t step, run_log& log, const metrics_window& window, bool evaluation_due = false);
  void load_policy(const std::filesystem::path& checkpoint);
  void resume();

  // ---- the loop ----

  fit_result loop() {
    const auto begin = std::chrono::steady_clock::now();
    const stop_signals signals;
    config = describe();
    resume();
    folder.write_config(config.document());
    for (const auto& [name, content] : options.documents) write_atomically(folder.path() / name, content);
    const bool changed = start.global_step > 0;
    const std::int64_t epochs = (total_steps * options.batch_size + order.size() - 1) / order.size();
    const auto prepare = [&](source& from, const char* file, std::int64_t draws) {
      decoded_record known;
      from.reference.prepare(folder.path() / file, changed, draws, [&](std::int64_t i, std::int64_t epoch) {
        return encode(from, i, epoch, known);
      });
    };
    prepare(records, "reference.safetensors", epochs);
    if (separate) prepare(*separate, "reference_eval.safetensors", 1);
    run_log log(folder, {.done = start.global_step,
                         .metrics_offset = start.metrics_offset,
                         .tensorboard = options.tensorboard,
                         .shown = {.title = "train",
                                   .units_per_step = static_cast<double>(options.batch_size),
                                   .total = total_steps,
                                   .done = start.global_step,
                                   .quiet = options.quiet,
                                   .peak_memory = peak_memory_of(owner.policy_.backend())}});
    if (start.global_step == 0) log.write_text("config", config.markdown());
    metrics_window window(start.window);
    if (start.evaluation_due) after_step(start.global_step, log, window);
    const std::int64_t first_place = start.global_step * options.batch_size;
    auto items = [&] {
      const blocked_stop_signals quiet;  // the thread inherits it
      return prefetch<item>(total_steps * options.batch_size - first_place, 2 * options.batch_size,
                            [this, first_place](std::int64_t i) { return encode_at(first_place + i); });
    }();
    for (std::int64_t step = start.global_step; step < total_steps; ++step) {
      std::vector<item> group;
      try {
        for (std::int64_t i = 0; i < options.batch_size; ++i) group.push_back(std::move(*items.next()));
      } catch (const error&) {  // a picture that has gone, say: what was learnt until here is kept
        save(step, log, window);
        throw;
      }
      if (stop_requested() || !train_step(group, step, window, log.shown())) stop(step, log, window);
      const std::int64_t done = step + 1;
      if (done % options.logging_steps == 0 || done == total_steps) {
        auto row = window.take();
        if (guard.skipped() > 0) row.set("skipped_steps", static_cast<double>(guard.skipped()));
        write(log, std::move(row), done);
      } else {
        log.shown().update(done);
      }
      after_step(done, log, window);
    }
    log.shown().finish();
    const best_model_state chosen = options.load_best_model_at_end ? best.state() : best_model_state{};
    if (chosen.step > 0 && chosen.step != total_steps)
      load_policy(open_checkpoint(checkpoint_path(folder.path(), chosen.step)).folder);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    return {total_steps, seconds.count(), last_loss, chosen.step, chosen.value};
  }

  /// Evaluation and a checkpoint, each where it is due. The best model so far and the last one are saved
  /// where the best is wanted at the end.
  void after_step(std::int64_t done, run_log& log, const metrics_window& window) {
    const bool last = done == total_steps;
    bool save_now = options.save_steps > 0 && (last || done % options.save_steps == 0);
    if (evaluates && (last || (options.eval_steps > 0 && done % options.eval_steps == 0))) {
      auto row = evaluate();
      if (!row) stop(done, log, window, true);
      if (options.load_best_model_at_end) save_now = best.offer(*row, done) || last || save_now;
      write(log, std::move(*row), done);
    }
    if (save_now) save(done, log, window);
  }

  [[noreturn]] void stop(std::int64_t step, run_log& log, const metrics_window& window,
                         bool evaluation_due = false) {
    save(step, log, window, evaluation_due);
    log.shown().finish();
    fail<interrupted>("stopped by ", signal_name(stop_signal()), " after step ", step, " of ", total_steps,
                      "; saved as ", checkpoint_path(folder.path(), step).string(),
                      ", go on with --resume auto");
  }

  void write(run_log& log, metrics_row row, std::int64_t done) {
    row.set("epoch", static_cast<double>(done * options.batch_size) / static_cast<double>(order.size()));
    row.set("num_tokens", num_tokens);
    row.set("global_step", static_cast<double>(done));
    log.write(row, done);
  }

  trainer& owner;
  const fit_options& options;
  data_split split;
  record_order order;
  run_folder folder;
  adamw_optimizer<B> optimizer;
  objective_step<B, T, Objective> step_runner;
  source records;
  std::optional<source> separate;  // for evaluation
  run_config config;
  trainer_state start;
  numeric_guard guard;
  best_model best;
  bool evaluates = false;
  std::int64_t total_steps = 0;
  double num_tokens = 0, last_loss = std::numeric_limits<double>::quiet_NaN();
};

template <class Model, class Objective>
fit_result trainer<Model, Objective>::fit(const preference_data& data, const fit_options& options) {
  return run(*this, data, options).loop();
}

}  // namespace CANDOR_NS

#include <candor/train/trainer_checkpoints.hpp>
#include <candor/train/trainer_evaluation.hpp>
