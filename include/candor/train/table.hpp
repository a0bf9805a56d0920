// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Plain text tables with aligned columns, for the before/after results that the programs print.

#include <candor/core/config.hpp>

#include <string>
#include <vector>

namespace CANDOR_NS {

/// Collects rows and prints them:
///
///     table t({"metric", "before", "after"});
///     t.add({"hallucinated mentions", percent(0.248), percent(0.041)});
///     std::fputs(t.str().c_str(), stdout);
///
/// The first column is aligned to the left, the others to the right.
class table {
 public:
  explicit table(std::vector<std::string> header);
  /// One row; usage_error unless it has as many cells as the header.
  void add(std::vector<std::string> cells);
  /// Header, a line of dashes, the rows; each line ends with a newline.
  std::string str() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// A number with so many digits after the point: fixed(0.5, 3) is "0.500".
std::string fixed(double value, int digits);
/// A share in per cent with one digit after the point: percent(0.248) is "24.8 %".
std::string percent(double share, int digits = 1);
/// Seconds as 07:05 or 3:07:05; "?" where they are not finite or negative.
std::string clock_text(double seconds);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/table_impl.hpp>
#endif
