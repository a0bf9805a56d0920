// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The body of fault.hpp; empty unless CANDOR_FAULT_POINTS is 1.

#include <candor/core/error.hpp>
#include <candor/core/fault.hpp>

#if CANDOR_FAULT_POINTS
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace CANDOR_NS {
namespace detail {

/// Passes of the point that CANDOR_FAULT names: state of the process, in builds for fault tests only.
inline std::atomic<std::uint64_t> fault_passes{0};

CANDOR_INLINE void log_fault_point(const char* path, std::string_view name) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "a"), &std::fclose);
  require<usage_error>(file != nullptr, "CANDOR_FAULT_LOG: cannot write ", path);
  std::fputs((std::string(name) + "\n").c_str(), file.get());
}

}  // namespace detail

CANDOR_INLINE void fault_point(std::string_view name) {
  if (const char* log = std::getenv("CANDOR_FAULT_LOG")) detail::log_fault_point(log, name);
  const char* variable = std::getenv("CANDOR_FAULT");
  if (variable == nullptr || *variable == '\0') return;
  const std::string_view whole = variable;
  const auto second = whole.rfind(':');
  const auto first = second == std::string_view::npos || second == 0 ? second : whole.rfind(':', second - 1);
  std::uint64_t wanted = 0;
  bool good = first != std::string_view::npos && first != 0 && first != second;
  if (good) {
    const auto number = whole.substr(first + 1, second - first - 1);
    const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), wanted);
    good = problem == std::errc() && end == number.data() + number.size() && wanted > 0;
  }
  const auto action = good ? whole.substr(second + 1) : std::string_view();
  const bool known = action == "kill" || action == "fail" || action == "term" || action == "int";
  require<usage_error>(known, "CANDOR_FAULT is \"", whole,
                       "\", expected <name>:<n>:<kill, fail, term or int>, n from 1");
  if (whole.substr(0, first) != name || ++detail::fault_passes != wanted) return;
  if (action == "kill") std::raise(SIGKILL);
  if (action == "term" || action == "int") {
    std::raise(action == "term" ? SIGTERM : SIGINT);
    return;
  }
  fail<io_error>("fault point ", name, ", pass ", wanted, ": failed because CANDOR_FAULT asks for it");
}

}  // namespace CANDOR_NS
#endif
