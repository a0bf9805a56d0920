// SPDX-License-Identifier: Apache-2.0
// Curves of metrics.jsonl, all rounds in a row.
#include <candor/core/error.hpp>
#include <candor/data/record_file.hpp>
#include <candor/io/json_field_impl.hpp>

#include "report/run_files.hpp"

#include <array>
#include <limits>

namespace report {
namespace {

using candor::detail::json_field;

struct metrics_log {
  std::vector<double> steps;
  std::vector<double> borders;
  std::map<std::string, candor::report_series> series;
};

metrics_log read_log(const run_files& files) {
  metrics_log out;
  double before = 0, last = 0;
  for (std::size_t f = 0; f < files.metrics.size(); ++f) {
    if (f > 0) out.borders.push_back(before = last);
    const candor::record_file records(files.metrics[f]);
    for (std::int64_t i = 0; i < records.size(); ++i) {
      const std::string line = records.read(i);
      const auto document = candor::detail::parse_json(
          line,
          {.file = files.metrics[f].string(), .first_line = static_cast<std::size_t>(records.range(i).line)});
      const json_field row(document, records.source(i));
      last = before + row.number_or("global_step", row.number_or("step", static_cast<double>(i + 1)));
      for (const auto& [name, value] : row.object().value().items()) {
        auto& series = out.series[name];
        series.x.push_back(last);
        series.y.push_back(value.is_number() ? value.get<double>()
                                             : std::numeric_limits<double>::quiet_NaN());
      }
    }
  }
  return out;
}

}  // namespace

std::vector<candor::report_chart> read_charts(const run_files& files) {
  struct line {
    const char *metric, *name;
  };
  struct plan {
    const char* title;
    std::vector<line> lines;
  };
  const std::vector<plan> plans{
      {"Loss", {{"loss", "training"}, {"eval_loss", "evaluation"}}},
      {"Rewards, nats",
       {{"rewards/margins", "margin"},
        {"rewards/chosen", "chosen"},
        {"rewards/rejected", "rejected"},
        {"eval_rewards/margins", "margin, evaluation"}}},
      {"Accuracy of rewards",
       {{"rewards/accuracies", "training"}, {"eval_rewards/accuracies", "evaluation"}}},
      {"Log-probs, nats", {{"logps/chosen", "chosen"}, {"logps/rejected", "rejected"}}},
      {"KL to the reference, nats",
       {{"kl/chosen", "chosen"}, {"kl/rejected", "rejected"}, {"eval_kl/chosen", "chosen, evaluation"}}},
      {"Gradient norm", {{"grad_norm", "before clipping"}}},
      {"Learning rate", {{"learning_rate", "AdamW"}}}};
  auto log = read_log(files);
  std::vector<candor::report_chart> out;
  for (const auto& p : plans) {
    candor::report_chart chart{p.title, "step", {}, log.borders};
    for (const auto& [metric, name] : p.lines)
      if (const auto at = log.series.find(metric); at != log.series.end()) {
        at->second.name = name;
        chart.series.push_back(at->second);
      }
    if (!chart.series.empty()) out.push_back(std::move(chart));
  }
  return out;
}

}  // namespace report
