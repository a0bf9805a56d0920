// SPDX-License-Identifier: Apache-2.0
// A unit of the standard library alone. Times of candor's headers are given as multiples of its time,
// compiled in turn with them, so that they say the same on a slow or a busy machine.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <ranges>
#include <regex>
#include <string>

int calibration(const std::string& text) {
  std::map<std::string, std::function<int(int)>> steps;
  steps.emplace("twice", [](int x) { return 2 * x; });
  const std::regex word("[a-z]+");
  std::string copy = text;
  std::ranges::sort(copy);
  return std::regex_search(copy, word) ? steps.at("twice")(1)
                                       : static_cast<int>(std::filesystem::path(text).string().size());
}
