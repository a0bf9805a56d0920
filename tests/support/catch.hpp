// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Catch2 version 2 or 3 under one include, a visible skip for both, and where tests find their files.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

/// Leaves the test case, which is reported as skipped where nothing in it has failed.
#define CANDOR_SKIP(reason)    \
  do {                         \
    candor_test::skip(reason); \
    return;                    \
  } while (false)

namespace candor_test {

/// Remembers why (a part of) the running test case is left out. The mark by which ctest knows skipped cases
/// is printed when the case ends, and only where no assertion failed: ctest looks for it before it looks at
/// the exit code.
void skip(const std::string& reason);

/// Matches a text that contains `part`; the two versions name this matcher differently.
inline auto contains(const std::string& part) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}

/// tests/ and examples/ of the source tree, and where the programs are built.
std::filesystem::path tests_folder();
std::filesystem::path examples_folder();
std::filesystem::path programs_folder();

/// A golden file: golden("room/file") is tests/room/golden/file.
inline std::filesystem::path golden(std::string_view name) {
  const std::string_view room = name.substr(0, name.find('/'));
  return tests_folder() / room / "golden" / name.substr(room.size() + 1);
}

/// A file of the optional real data, or an empty path where it is absent.
inline std::filesystem::path shared_data(std::string_view name) {
  const char* given = std::getenv("CANDOR_SHARED_DATA");
  const auto root = given != nullptr ? std::filesystem::path(given) : tests_folder() / "../../shared/data";
  const auto path = root / name;
  return std::filesystem::exists(path) ? path : std::filesystem::path();
}

}  // namespace candor_test
