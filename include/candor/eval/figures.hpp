// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a benchmark reports: rows of figures under named columns, one row a category, for tables and for
/// JSON.

#include <candor/core/config.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

struct figure_column {
  std::string name;  ///< "F1"
  int digits = 1;    ///< after the point, when it is shown
};

struct figure_row {
  std::string name;            ///< "adversarial", "all"
  std::int64_t count = 0;      ///< answers that the row was computed from
  std::vector<double> values;  ///< one a column, not rounded
};

struct figure_table {
  std::string title;  ///< "POPE"
  std::vector<figure_column> columns;
  std::vector<figure_row> rows;
};

/// {"title": "POPE", "rows": {"all": {"n": 3000, "F1": 85.1, ...}, ...}}, with all digits.
std::string figures_json(const figure_table& figures);

/// part / whole, and 0 where the whole is 0: a benchmark whose category nobody answered shows 0 of n = 0.
inline double share_of(double part, double whole) { return whole > 0 ? part / whole : 0.0; }

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/figures_impl.hpp>
#endif
