// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The options in effect of a run, as an ordered list of names and values: written to config.json, and hashed
/// into checkpoints, so that a run is only continued with what decides its numbers unchanged.

#include <candor/core/dual.hpp>
#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/model/llava_source.hpp>
#include <candor/objective/objective.hpp>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace CANDOR_NS {

class run_config {
 public:
  /// Adds a value; numbers with all their digits.
  template <class Value>
  void add(std::string name, const Value& value) {
    if constexpr (std::is_same_v<Value, bool>) {
      entries_.emplace_back(std::move(name), value ? "true" : "false");
    } else if constexpr (std::is_arithmetic_v<Value>) {
      char digits[64];
      entries_.emplace_back(std::move(name),
                            std::string(digits, std::to_chars(digits, digits + sizeof digits, value).ptr));
    } else {
      entries_.emplace_back(std::move(name), std::string(std::string_view(value)));
    }
  }
  /// Each part of a fingerprint as a value of its own, with a prefix before its label.
  void add(const fingerprint& f, std::string_view prefix = "") {
    for (const auto& part : f.parts()) add(text(prefix, part.label), part.digest);
  }
  /// An objective by its numbers: losses and derivatives of a fixed step's items, whose cells have all that
  /// an objective may read, with the statistics of that step; what it says it reads; and the token weights
  /// that it asks for.
  template <class Objective>
  void add_objective(const Objective& loss);

  /// One digest of all values.
  std::string hash() const;
  /// As a JSON object.
  std::string document() const;
  /// As a table in Markdown.
  std::string markdown() const;
  /// `learning_rate: 1e-06, was 5e-07` for the first value that differs from those of a config.json, or empty
  /// where none does or the file is missing.
  std::string difference_from(const std::filesystem::path& saved) const;

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

/// Adds config.json and the weights of all folders of a model to a fingerprint, by size and time.
void add_model_files(fingerprint& f, const llava_source& source, std::string_view label);

template <class Objective>
void run_config::add_objective(const Objective& loss) {
  constexpr int cells = cells_in<Objective>;
  using S = objective_scalar<Objective>;
  // Each item is made twice: with derivatives, and with plain numbers for the statistics.
  const auto item_of = [&]<class Number>(int at, Number) {
    pair<Number, cells> item;
    for (int c = 0; c < cells; ++c) {
      const double apart = (at - 1.0) * (2 * c - 1.0);  // the chosen answer better, as good, worse
      const double sum = -5.0 + 2.0 * apart, kl = 0.25 + 0.5 * c + 0.125 * at;
      auto& cell = item.cells[c];
      cell = {sum, -5.5, 5.0 + c, 7.5 + c, kl, -0.5 - 0.25 * c};
      if constexpr (!std::is_same_v<Number, double>) {
        cell.sum = Number::variable(sum, c);
        if constexpr (has_kl<Objective>) cell.kl = Number::variable(kl, cells + c);
      }
    }
    item.mean_tokens = 6.0;
    item.margin = 1.5;
    item.set_ratios();
    return item;
  };
  const int items = std::max(3, smallest_batch(loss));
  statistics_t<Objective> statistics{};
  std::vector<pair<double, cells>> step;
  for (int at = 0; at < items; ++at) step.push_back(item_of(at, double()));
  if constexpr (has_statistics<Objective>)
    if (reads_statistics(loss)) loss.update(statistics, step);
  for (int at = 0; at < 3; ++at) {
    auto item = item_of(at, S());
    std::copy(std::begin(step[static_cast<std::size_t>(at)].given),
              std::end(step[static_cast<std::size_t>(at)].given), item.given);
    const S value = loss_of(loss, item, statistics);
    const std::string name = "objective " + std::to_string(at);
    add(name, value.value);
    for (int d = 0; d < derivatives_in<Objective>; ++d) add(name + " d" + std::to_string(d), value.d[d]);
  }
  std::string reads;
  const auto note = [&](bool is, const char* what) {
    reads += is ? (reads.empty() ? "" : " ") + std::string(what) : "";
  };
  note(reads_reference(loss), "reference");
  note(reads_statistics(loss), "statistics");
  note(reads_confidence(loss), "confidence");
  note(reads_margin(loss), "margin");
  note(reads_mismatched(loss), "mismatched");
  for (int c = 0; c < cells; ++c) note(reads_kl(loss, c), "kl");
  add("objective reads", reads);
  const token_weights w = token_weights_of(loss);
  add("token weight", w.gamma);
  add("token comparison", std::to_string(w.whole_sequence) + std::to_string(w.min_match) +
                              std::to_string(w.autojunk) + std::to_string(w.weight_insertions));
  add("token ld_alpha", w.ld_alpha);
}

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/run_config_impl.hpp>
#endif
