// SPDX-License-Identifier: Apache-2.0
#include "compare/table.hpp"

#include <candor/core/error.hpp>
#include <candor/train/table.hpp>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

namespace compare {
namespace {

struct column {
  const char *title, *name;  ///< for people, and in the CSV file
  int digits;
  std::optional<double> (*value)(const row&);  ///< nothing: not measured
};

const scenes::caption_metrics& brief(const row& r) { return r.after.figures.brief; }

constexpr std::array columns{
    column{"mentions that are lies %", "mention_hallucination", 1,
           [](const row& r) { return std::optional(brief(r).mention_hallucination()); }},
    column{"captions with a lie %", "response_hallucination", 1,
           [](const row& r) { return std::optional(brief(r).response_hallucination()); }},
    column{"recall %", "recall", 1, [](const row& r) { return std::optional(brief(r).recall()); }},
    column{"words", "words", 1, [](const row& r) { return std::optional(brief(r).mean_words()); }},
    column{"yes/no %", "yes_no", 1, [](const row& r) { return std::optional(r.after.figures.yes_no); }},
    column{"imageless %", "imageless", 1, [](const row& r) { return std::optional(r.after.imageless); }},
    column{"nats a token", "image_nats", 2, [](const row& r) { return std::optional(r.after.image_nats); }},
    column{"records", "records", 0,
           [](const row& r) {
             return r.records > 0 ? std::optional(static_cast<double>(r.records)) : std::nullopt;
           }},
    column{"seconds", "seconds", 0, [](const row& r) { return r.seconds; }},
};

/// "5.1", or "5.1 (4.9 to 5.3)" over seeds that differ.
std::string cell(const line& l, const column& c) {
  std::vector<double> values;
  for (const auto& [seed, r] : l.rows)
    if (const auto value = c.value(r)) values.push_back(*value);
  if (values.empty()) return "";
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  const std::string shown = candor::fixed(mean, c.digits);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const std::string from = candor::fixed(*least, c.digits), to = candor::fixed(*most, c.digits);
  return from == to ? shown : candor::text(shown, " (", from, " to ", to, ")");
}

std::vector<std::string> header() {
  std::vector<std::string> out{""};
  for (const auto& c : columns) out.emplace_back(c.title);
  return out;
}

std::vector<std::string> cells(const line& l) {
  std::vector<std::string> out{l.title};
  for (const auto& c : columns) out.push_back(cell(l, c));
  return out;
}

std::string markdown_line(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const auto& c : cells) out += " " + c + " |";
  return out + "\n";
}

}  // namespace

std::string plain_table(std::span<const line> lines) {
  candor::table out(header());
  for (const auto& l : lines) out.add(cells(l));
  return out.str();
}

std::string markdown_table(std::span<const line> lines) {
  std::string out = markdown_line(header()) + "|";
  for (std::size_t i = 0; i <= columns.size(); ++i) out += "---|";
  out += "\n";
  for (const auto& l : lines) out += markdown_line(cells(l));
  return out;
}

std::string csv_table(std::span<const line> lines) {
  std::string out = "recipe,seed";
  for (const auto& c : columns) out += candor::text(",", c.name);
  out += "\n";
  for (const auto& l : lines)
    for (const auto& [seed, r] : l.rows) {
      out += l.name + "," + (l.name == "base" ? std::string() : std::to_string(seed));
      for (const auto& c : columns) {
        const auto value = c.value(r);
        out += "," + (value ? candor::fixed(*value, c.digits + 2) : std::string());
      }
      out += "\n";
    }
  return out;
}

}  // namespace compare
