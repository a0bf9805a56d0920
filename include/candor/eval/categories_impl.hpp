// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Rows of figures by category, for implementation files of this room.

#include <candor/eval/figures.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

/// Groups by category in the order of their first value, and "all" before them.
template <class Value>
class by_category {
 public:
  void add(const std::string& category, const Value& value) {
    all_.push_back(value);
    if (category.empty()) return;
    const auto at =
        std::find_if(groups_.begin(), groups_.end(), [&](const auto& g) { return g.first == category; });
    (at == groups_.end() ? groups_.emplace_back(category, std::vector<Value>()) : *at)
        .second.push_back(value);
  }
  template <class Figures>
  void fill(figure_table& table, Figures figures) const {
    const auto row = [&](const std::string& name, const std::vector<Value>& values) {
      table.rows.push_back({name, std::ssize(values), figures(values)});
    };
    row("all", all_);
    for (const auto& [category, values] : groups_) row(category, values);
  }

 private:
  std::vector<Value> all_;
  std::vector<std::pair<std::string, std::vector<Value>>> groups_;
};

/// The mean of f over the values, 0 of none.
template <class Value, class F>
double mean_of(const std::vector<Value>& values, F f) {
  double sum = 0;
  for (const auto& v : values) sum += static_cast<double>(f(v));
  return share_of(sum, static_cast<double>(values.size()));
}

}  // namespace CANDOR_NS::detail
