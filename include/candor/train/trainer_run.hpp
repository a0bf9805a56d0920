// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// One run of a trainer: its records, reference, optimizer, checkpoints and loop.

#include <candor/train/trainer.hpp>

namespace CANDOR_NS {

template <class Model, class Objective>
struct trainer<Model, Objective>::run {
  static constexpr bool has_rejected = cells_in<Objective> >= 2;
  using item = training_item;

  run(trainer& t, const preference_data& d, const fit_options& o)
      : owner(t),
        data(d),
        options(o),
        split(split_records(d.size(), {.eval_fraction = o.eval_fraction, .seed = o.seed})),
        folder(o.run_folder, !o.resume.empty()),
        optimizer(t.policy_.backend(), t.optimizer_options_, o.seed),
        step_runner(t.policy_.network(), t.loss_, {.layout = o.layout, .max_tokens = o.max_tokens}),
        reference(t.policy_, t.reference_, d, o) {
    require<usage_error>(o.batch_size > 0 && o.max_tokens > 0 && o.epochs >= 0 && o.logging_steps > 0,
                         "batch size, token budget and logging steps must be positive, epochs not negative");
    require<usage_error>(
        o.max_steps >= 0 && o.eval_steps >= 0 && o.save_steps >= 0 && o.save_total_limit >= 0,
        "numbers of steps and checkpoints must not be negative");
    t.policy_.network().for_parameters([&](parameter<B, T>& p) {
      if (p.trainable()) optimizer.add(p);
    });
    t.policy_.network().for_adapters([&](const std::string&, low_rank_adapter<B, T>& a) {
      optimizer.add(a.a);
      optimizer.add(a.b);
    });
    require<usage_error>(!optimizer.empty(),
                         "nothing is to be trained: all weights are frozen and there is no adapter");
    const auto pairs = static_cast<double>(split.train.size()) * o.epochs;
    total_steps =
        o.max_steps > 0
            ? o.max_steps
            : std::max<std::int64_t>(1, static_cast<std::int64_t>(pairs / static_cast<double>(o.batch_size)));
  }

  // ---- records ----

  /// The record of each place of the endless sequence of epochs.
  std::int64_t record_at(std::int64_t place) {
    const auto count = static_cast<std::int64_t>(split.train.size());
    const std::int64_t epoch = place / count;
    if (options.shuffle && epoch != shuffled_epoch) {
      constexpr std::uint64_t stream = 0x65706f6368;  // "epoch"
      order = random_stream(options.seed, stream + static_cast<std::uint64_t>(epoch)).permutation(count);
      shuffled_epoch = epoch;
    }
    const std::int64_t i = options.shuffle ? order[static_cast<std::size_t>(place % count)] : place % count;
    return split.train[static_cast<std::size_t>(i)];
  }

  item encode(std::int64_t index) const {
    const preference_record record = data.record(index);
    const auto& processor = owner.policy_.processor();
    item made{{preference_tree(processor, record, owner.loss_), processor.pixels(record.images)}, index};
    made.record.tree.key = static_cast<std::uint64_t>(index);
    return made;
  }

  // ---- steps ----

  /// Losses, and gradients where `training`, of one group; false where a signal interrupted it.
  bool run_group(const std::vector<item>& group, bool training, std::int64_t step, step_values& values) {
    std::vector<const encoded_record*> records;
    for (const auto& i : group) records.push_back(&i.record);
    const auto refs = reference.of(group);
    tape<B> unused(owner.policy_.backend(), tape<B>::mode::evaluate);
    const forward_context<B> settings{.tape = unused,
                                      .dropout = training,
                                      .recompute = options.recompute,
                                      .seed = options.seed,
                                      .step = static_cast<std::uint64_t>(step)};
    return step_runner.run(std::span<const encoded_record* const>(records), refs, settings, training, values,
                           [] {
                             fault_point("trainer.pass");
                             return !stop_requested();
                           });
  }

  static void add_rewards(metrics_window& window, const step_values& v, const std::string& prefix) {
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
    if (!run_group(group, true, step, values)) {
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
    return true;
  }

  /// The means over the records that are set aside; nothing where a signal interrupted it.
  std::optional<metrics_row> evaluate() {
    metrics_window window;
    step_values values;
    const auto statistics = step_runner.statistics();
    bool whole = true;
    for (std::size_t at = 0; whole && at < split.eval.size();
         at += static_cast<std::size_t>(options.batch_size)) {
      std::vector<item> group;
      for (std::size_t i = at;
           i < std::min(split.eval.size(), at + static_cast<std::size_t>(options.batch_size)); ++i)
        group.push_back(encode(split.eval[i]));
      whole = run_group(group, false, 0, values);
    }
    step_runner.statistics() = statistics;
    if (!whole) return std::nullopt;
    add_rewards(window, values, "eval_");
    return window.take();
  }

  // ---- checkpoints ----

  /// What decides the numbers of the run.
  run_config describe() const {
    run_config c;
    const auto& a = owner.optimizer_options_;
    c.add("total_steps", total_steps);
    c.add("batch_size", options.batch_size);
    c.add("max_tokens", options.max_tokens);
    c.add("layout", static_cast<int>(options.layout));
    c.add("shuffle", options.shuffle);
    c.add("seed", options.seed);
    c.add("learning_rate", a.learning_rate);
    c.add("lr_scheduler", static_cast<int>(options.schedule.kind));
    c.add("lr_floor", options.schedule.floor);
    c.add("warmup_ratio", options.schedule.warmup_ratio);
    c.add("warmup_steps", options.schedule.warmup_steps);
    c.add("adam_beta1", a.beta1);
    c.add("adam_beta2", a.beta2);
    c.add("adam_epsilon", a.epsilon);
    c.add("weight_decay", a.weight_decay);
    c.add("stochastic_rounding", a.stochastic_rounding);
    c.add("max_grad_norm", options.max_grad_norm);
    c.add("eval_fraction", options.eval_fraction);
    c.add("eval_steps", options.eval_steps);
    c.add("logging_steps", options.logging_steps);
    c.add("reference", options.reference == reference_source::cache ? "cache" : "adapters_off");
    c.add("dtype", name_of(dtype_v<T>));
    c.add("trained_parameters", optimizer.parameters());
    owner.policy_.network().for_adapters([&](const std::string& layer, low_rank_adapter<B, T>& adapter) {
      c.add("lora scale of " + layer, adapter.scale);
      c.add("lora dropout of " + layer, adapter.dropout);
    });
    c.add_objective(owner.loss_);
    fingerprint model;
    add_model_files(model, owner.policy_.source(), "model");
    c.add(model);
    c.add(reference.print());
    return c;
  }

  /// Bytes of a checkpoint's tensors.
  std::uint64_t checkpoint_bytes() {
    std::uint64_t bytes = 0;
    for (const auto& source : optimizer.sources()) bytes += source.bytes();
    if (!owner.policy_.network().has_adapters())
      for (const auto& source : weight_sources(owner.policy_.network(), dtype_v<T>)) bytes += source.bytes();
    return bytes;
  }

  void save(std::int64_t step, metrics_writer& writer, const metrics_window& window,
            bool evaluation_due = false) {
    writer.sync();
    save_checkpoint(
        folder.path(),
        {.step = step,
         .config_hash = config.hash(),
         .expected_bytes = checkpoint_bytes(),
         .keep = options.save_total_limit},
        [&](const std::filesystem::path& to) {
          if (owner.policy_.network().has_adapters())
            save_adapter(owner.policy_, to);
          else
            save_llava(owner.policy_, to);
          write_safetensors(to / "optimizer.safetensors", optimizer.sources());
          std::string statistics;
          if constexpr (has_statistics<Objective>) {
            const auto* bytes = reinterpret_cast<const unsigned char*>(&step_runner.statistics());
            for (std::size_t i = 0; i < sizeof(statistics_t<Objective>); ++i)
              statistics += {"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15]};
          }
          write_trainer_state(to / "trainer_state.json",
                              {step, optimizer.steps(), num_tokens, writer.offset(), evaluation_due,
                               guard.state(), window.sums(), statistics});
        });
  }

  void resume() {
    if (options.resume.empty()) return;
    std::optional<found_checkpoint> found;
    if (options.resume == "auto") {
      auto search = find_checkpoint(folder.path());
      for (const auto& warning : search.warnings)
        progress({.quiet = options.quiet}).message("warning: " + warning);
      found = std::move(search.found);
      if (!found) return;
    } else {
      found = open_checkpoint(options.resume);
    }
    if (found->manifest.config_hash != config.hash()) {
      const std::string other = config.difference_from(folder.config_path());
      fail<usage_error>(found->folder.string(), ": this checkpoint was made with other data or options",
                        other.empty() ? "" : " (", other, other.empty() ? "" : ")",
                        "; resume with the same ones, or begin in a new folder");
    }
    if (owner.policy_.network().has_adapters())
      load_adapter_values(owner.policy_.network(), adapter_folder(found->folder));
    else
      load_weights(owner.policy_.network(), found->folder);
    start = read_trainer_state(found->folder / "trainer_state.json");
    optimizer.load(safetensors_file(found->folder / "optimizer.safetensors"));
    optimizer.set_steps(start.optimizer_steps);
    num_tokens = start.num_tokens;
    guard = numeric_guard(5, start.guard);
    if constexpr (has_statistics<Objective>) {
      auto* bytes = reinterpret_cast<unsigned char*>(&step_runner.statistics());
      require<input_error>(
          start.statistics.size() == 2 * sizeof(statistics_t<Objective>), found->folder.string(),
          ": the objective's statistics have another size; the checkpoint belongs to another objective");
      const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
      for (std::size_t i = 0; i < sizeof(statistics_t<Objective>); ++i)
        bytes[i] = static_cast<unsigned char>(digit(start.statistics[2 * i]) * 16 +
                                              digit(start.statistics[2 * i + 1]));
    }
  }

  // ---- the loop ----

  fit_result loop() {
    const auto begin = std::chrono::steady_clock::now();
    const stop_signals signals;
    config = describe();
    resume();
    folder.write_config(config.document());
    reference.prepare(folder.path() / "reference.safetensors", start.global_step > 0,
                      [this](std::int64_t i) { return encode(i); });
    metrics_writer writer(folder.metrics_path(), start.metrics_offset);
    metrics_window window(start.window);
    progress shown({.title = "train",
                    .units_per_step = static_cast<double>(options.batch_size),
                    .total = total_steps,
                    .done = start.global_step,
                    .quiet = options.quiet});
    if (start.evaluation_due) after_step(start.global_step, writer, window, shown);
    const std::int64_t first_place = start.global_step * options.batch_size;
    auto items = [&] {
      const blocked_stop_signals quiet;  // the thread inherits it
      return prefetch<item>(
          total_steps * options.batch_size - first_place, 2 * options.batch_size,
          [this, first_place](std::int64_t i) { return encode(record_at(first_place + i)); });
    }();
    for (std::int64_t step = start.global_step; step < total_steps; ++step) {
      std::vector<item> group;
      try {
        for (std::int64_t i = 0; i < options.batch_size; ++i) group.push_back(std::move(*items.next()));
      } catch (const error&) {  // a picture that has gone, say: what was learnt until here is kept
        save(step, writer, window);
        throw;
      }
      if (stop_requested() || !train_step(group, step, window, shown)) stop(step, writer, window, shown);
      const std::int64_t done = step + 1;
      if (done % options.logging_steps == 0 || done == total_steps) {
        auto row = window.take();
        if (guard.skipped() > 0) row.set("skipped_steps", static_cast<double>(guard.skipped()));
        log(writer, std::move(row), done, shown);
      }
      after_step(done, writer, window, shown);
    }
    shown.finish();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    return {total_steps, seconds.count(), last_loss};
  }

  /// Evaluation and a checkpoint, each where it is due.
  void after_step(std::int64_t done, metrics_writer& writer, const metrics_window& window, progress& shown) {
    const bool last = done == total_steps;
    if (!split.eval.empty() && (last || (options.eval_steps > 0 && done % options.eval_steps == 0))) {
      auto row = evaluate();
      if (!row) stop(done, writer, window, shown, true);
      log(writer, std::move(*row), done, shown);
    }
    if (options.save_steps > 0 && (last || done % options.save_steps == 0)) save(done, writer, window);
  }

  [[noreturn]] void stop(std::int64_t step, metrics_writer& writer, const metrics_window& window,
                         progress& shown, bool evaluation_due = false) {
    save(step, writer, window, evaluation_due);
    shown.finish();
    fail<interrupted>("stopped by ", signal_name(stop_signal()), " after step ", step, " of ", total_steps,
                      "; saved as ", checkpoint_path(folder.path(), step).string(),
                      ", go on with --resume auto");
  }

  void log(metrics_writer& writer, metrics_row row, std::int64_t done, progress& shown) {
    const auto of_epoch =
        static_cast<double>(done * options.batch_size) / static_cast<double>(split.train.size());
    row.set("epoch", of_epoch);
    row.set("num_tokens", num_tokens);
    row.set("global_step", static_cast<double>(done));
    writer.write(row);
    std::vector<metric> some;
    for (const char* name : {"loss", "rewards/margins", "rewards/accuracies"})
      if (const auto v = row.find(name)) some.push_back({name, *v});
    shown.update(done, some);
  }

  trainer& owner;
  const preference_data& data;
  const fit_options& options;
  data_split split;
  run_folder folder;
  adamw_optimizer<B> optimizer;
  objective_step<B, T, Objective> step_runner;
  reference_log_probs<Model, Objective> reference;
  run_config config;
  trainer_state start;
  numeric_guard guard;
  std::vector<std::int64_t> order;  // of the epoch that is being read
  std::int64_t shuffled_epoch = -1, total_steps = 0;
  double num_tokens = 0, last_loss = 0;
};

template <class Model, class Objective>
fit_result trainer<Model, Objective>::fit(const preference_data& data, const fit_options& options) {
  return run(*this, data, options).loop();
}

}  // namespace CANDOR_NS
