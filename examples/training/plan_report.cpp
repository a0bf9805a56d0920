// SPDX-License-Identifier: Apache-2.0
#include "training/plan_report.hpp"

#include <candor/core/error.hpp>
#include <candor/train/schedule.hpp>
#include <candor/train/table.hpp>

#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

namespace training {
namespace {

using candor::text;

std::string gib(double bytes) { return candor::fixed(bytes / (1 << 30), 3); }

using size_rows = std::vector<std::pair<std::string, double>>;  // bytes; the last one is the largest

/// In GiB, or in MiB where the largest is less than a tenth of one.
std::string sizes_table(const std::string& title, const size_rows& sizes) {
  const bool small = sizes.back().second < 0.1 * (1 << 30);
  candor::table rows({title, small ? "MiB" : "GiB"});
  for (const auto& [name, bytes] : sizes)
    rows.add({name, candor::fixed(bytes / (small ? 1 << 20 : 1 << 30), 3)});
  return rows.str();
}

/// 1234567 -> "1.235 M"
std::string short_count(double n) {
  if (n >= 1e9) return candor::fixed(n / 1e9, 3) + " G";
  if (n >= 1e6) return candor::fixed(n / 1e6, 3) + " M";
  return candor::fixed(n, 0);
}

/// "1 step", "2 steps"
std::string counted(std::int64_t n, const std::string& thing) {
  return text(n, " ", thing, n == 1 ? "" : "s");
}

/// "every 50 steps and at the end 9 times", or "never".
std::string how_often(std::int64_t every, std::int64_t total, bool at_end) {
  if (every == 0) return at_end ? "at the end" : "only where a signal stops the run";
  const std::int64_t times = total / every + (at_end && total % every != 0);
  return text("every ", counted(every, "step"), at_end ? " and at the end" : "", ", ",
              counted(times, "time"));
}

/// MemAvailable of the system in bytes, 0 where it does not say.
double available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("MemAvailable:")) return 1024.0 * std::stod(line.substr(13));
  return 0.0;
}

/// Free bytes where the run folder will be, 0 where the system does not say.
double free_disk(std::filesystem::path folder) {
  std::error_code failed;
  folder = std::filesystem::absolute(folder, failed);
  while (!failed && !std::filesystem::exists(folder) && folder.has_relative_path())
    folder = folder.parent_path();
  const auto space = std::filesystem::space(folder, failed);
  return failed ? 0.0 : static_cast<double>(space.available);
}

std::string steps_report(const options& o, const plan_facts& facts, const memory_plan& memory) {
  const auto& f = o.fit;
  const std::int64_t steps = candor::total_steps_of(f, facts.trained_on);
  const candor::schedule rates(f.schedule, steps);
  const double step_tokens = facts.tokens_of_record * static_cast<double>(f.batch_size);
  std::string out = "Steps\n";
  out += text("  records     ", facts.records, ", ", facts.trained_on, " of them to train on, ",
              facts.evaluated_on, " to evaluate on\n");
  out += text("  steps       ", steps, f.max_steps > 0 ? " as asked for" : "",
              f.max_steps > 0 ? ""
                              : text(" = ", facts.trained_on, " records x ", f.epochs, " epochs / ",
                                     f.batch_size, " pairs a step"),
              ", ", rates.warmup_steps(), " of them warm up, ", o.scheduler, ", peak rate ",
              o.optimizer.learning_rate, "\n");
  out += text("  tokens      ", candor::fixed(facts.tokens_of_record, 0),
              " a record on average, each stem once; ", candor::fixed(step_tokens, 0),
              " a step, in passes of at most ", f.max_tokens, "\n");
  out +=
      text("  work        ", candor::fixed(memory.flops * step_tokens / memory.tokens / 1e12, 2),
           " TFLOP in matrix products a step, ",
           candor::fixed(memory.flops * step_tokens / memory.tokens / 1e15 * static_cast<double>(steps), 3),
           " PFLOP in all\n");
  out +=
      text("  evaluation  ", facts.evaluated_on > 0 ? how_often(f.eval_steps, steps, true) : "never", "\n");
  out += text("  checkpoint  ", how_often(f.save_steps, steps, f.save_steps > 0), "\n");
  return out;
}

std::string memory_report(const options& o, const plan_facts& facts, const memory_plan& m) {
  size_rows rows;
  const auto add = [&](const std::string& name, double bytes) {
    if (bytes > 0) rows.emplace_back(name, bytes);
  };
  add(text("weights, ", short_count(m.parameters), " in ", o.dtype), m.weights);
  add(text("adapters, ", short_count(m.trained), " in f32"), m.adapters);
  add("master copy in f32", m.masters);
  add(text("moments of AdamW, f32 x 2 x ", short_count(m.trained)), m.moments);
  add("gradients in f32", m.gradients);
  add(text("activations of the longest step", o.fit.recompute ? ", recomputed" : "", ", on top"),
      m.activations);
  add("second model as reference", m.reference);
  add("the largest tensor while a checkpoint is written", m.saving);
  add("pictures decoded ahead", image_bytes(o, facts));
  add("program and libraries", program_bytes);
  const double total = m.total() + image_bytes(o, facts) + program_bytes;
  rows.emplace_back("peak", total);
  std::string out = sizes_table("Memory", rows);
  const double available = available_memory();
  out += text("this machine has ", gib(available), " GiB available",
              total > available ? ": too little. Take --dtype bf16, --lora-r, a smaller --max-tokens, "
                                  "or --recompute true\n"
                                : "\n");
  return out;
}

std::string disk_report(const options& o, const plan_facts& facts, const memory_plan& m) {
  const auto& f = o.fit;
  const std::int64_t steps = candor::total_steps_of(f, facts.trained_on);
  std::int64_t kept = f.save_steps > 0 ? (steps + f.save_steps - 1) / f.save_steps : 1;
  if (f.save_total_limit > 0)
    kept = std::min(kept, std::max<std::int64_t>(f.save_total_limit, f.load_best_model_at_end ? 2 : 1));
  const double cache = 4.0 * facts.scored_of_record * facts.cached_records;
  const double checkpoints = m.checkpoint * static_cast<double>(kept + 1),
               total = checkpoints + m.result + cache, free = free_disk(o.output);
  const auto rows =
      sizes_table("Disk", {{counted(kept, "checkpoint") + " kept, and one being written", checkpoints},
                           {o.lora.rank > 0 ? "adapter" : "model", m.result},
                           {"reference log-probs", cache},
                           {"in all", total}});
  return rows + text("the disk of ", o.output.string(), " has ", gib(free), " GiB free",
                     total > free ? ": too little\n" : "\n");
}

}  // namespace

double image_bytes(const options& o, const plan_facts& facts) {
  // Two steps wait decoded, one is at work, and a pass has its pictures together once more.
  return 4.0 * static_cast<double>(o.fit.batch_size) * facts.pixel_bytes_of_record;
}

std::string plan_report(const options& o, const plan_facts& facts, const memory_plan& memory) {
  return steps_report(o, facts, memory) + "\n" + memory_report(o, facts, memory) + "\n" +
         disk_report(o, facts, memory) +
         "\nNothing was trained or written (--dry-run). The memory is that of the tensors, counted; expect "
         "15 % either way.\n";
}

}  // namespace training
