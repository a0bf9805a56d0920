// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of figures.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/figures.hpp>

#include <nlohmann/json.hpp>

namespace CANDOR_NS {

CANDOR_INLINE std::string figures_json(const figure_table& figures) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::object();
  for (const auto& row : figures.rows) {
    require<usage_error>(row.values.size() == figures.columns.size(), "the row ", row.name, " of ",
                         figures.title, " has ", row.values.size(), " figures for ", figures.columns.size(),
                         " columns");
    auto& cells = rows[row.name] = {{"n", row.count}};
    for (std::size_t c = 0; c < row.values.size(); ++c) cells[figures.columns[c].name] = row.values[c];
  }
  return nlohmann::ordered_json{{"title", figures.title}, {"rows", std::move(rows)}}.dump();
}

}  // namespace CANDOR_NS
