// SPDX-License-Identifier: Apache-2.0
// Curves of metrics.jsonl, all rounds in a row.
#include <candor/core/error.hpp>
#include <candor/data/record_file.hpp>
#include <candor/io/json_field_impl.hpp>

#include "report/run_files.hpp"

#include <cstdlib>
#include <limits>
#include <optional>

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

constexpr const char* drift_name = "estimate: mean log π_ref − log π of chosen and rejected";

/// How far the policy has gone: log pi_ref - log pi = - reward / beta, the mean over both answers of the
/// pairs at a step. It estimates KL(pi_ref || pi) where the reference drew the answers, as in rlaif_v's
/// rounds. None where the reward is no log-ratio of the whole answer.
std::optional<candor::report_series> drift(const metrics_log& log, const run_files& files) {
  const auto option = [&](const char* name) {
    const auto at = files.options.find(name);
    return at == files.options.end() ? std::string() : at->second;
  };
  const double beta = std::strtod(option("beta").c_str(), nullptr);
  const std::string loss = option("loss-type");
  const auto chosen = log.series.find("rewards/chosen"), rejected = log.series.find("rewards/rejected");
  if (beta <= 0 || !(loss.empty() || loss == "sigmoid" || loss == "[\"sigmoid\"]") ||
      !option("gamma").empty() || chosen == log.series.end() || rejected == log.series.end() ||
      chosen->second.x != rejected->second.x)
    return std::nullopt;
  candor::report_series out{drift_name, chosen->second.x, {}};
  for (std::size_t i = 0; i < out.x.size(); ++i)
    out.y.push_back(-(chosen->second.y[i] + rejected->second.y[i]) / (2 * beta));
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
       {{"kl/chosen", "chosen"},
        {"kl/rejected", "rejected"},
        {"eval_kl/chosen", "chosen, evaluation"},
        {"drift", drift_name}}},
      {"Gradient norm", {{"grad_norm", "before clipping"}}},
      {"Learning rate", {{"learning_rate", "AdamW"}}}};
  auto log = read_log(files);
  if (auto estimate = log.series.contains("kl/chosen") ? std::nullopt : drift(log, files))
    log.series["drift"] = std::move(*estimate);
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
