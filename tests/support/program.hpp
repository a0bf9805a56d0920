// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Runs candor's programs in child processes and keeps what they say.

#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/io/atomic_file.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace candor_test {

struct program_end : child_end {
  std::string out, err;
};

/// Starts a program of programs_folder(); stdout and stderr go to files in `folder`.
inline pid_t start_program(const std::string& name, const std::vector<std::string>& arguments,
                           const std::filesystem::path& folder) {
  const auto path = programs_folder() / name;
  REQUIRE(std::filesystem::exists(path));
  std::vector<std::string> words{path.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (auto& w : words) pointers.push_back(w.data());
  pointers.push_back(nullptr);
  const std::string out = folder / "stdout.txt", err = folder / "stderr.txt";
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
  ::execv(pointers[0], pointers.data());
  ::_exit(127);
}

inline program_end end_program(pid_t child, const std::filesystem::path& folder) {
  return {wait_for(child), candor::read_file(folder / "stdout.txt"),
          candor::read_file(folder / "stderr.txt")};
}

inline program_end run_program(const std::string& name, const std::vector<std::string>& arguments) {
  const scratch_folder folder;
  return end_program(start_program(name, arguments, folder.path()), folder.path());
}

/// Options with others behind them, which take the place of those of the same name.
inline std::vector<std::string> joined(std::vector<std::string> a, const std::vector<std::string>& b) {
  for (const auto& option : b) {
    const auto at = std::find(a.begin(), a.end(), option);
    if (option.starts_with("--") && at != a.end()) a.erase(at, at + 2);
  }
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// The numbers of the row that begins with `name` in a table that a program printed.
inline std::vector<double> table_row(const std::string& printed, const std::string& name) {
  std::istringstream lines(printed);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name + " ")) continue;
    std::istringstream cells(line.substr(name.size()));
    std::vector<double> out;
    for (double x; cells >> x;) out.push_back(x);
    return out;
  }
  return {};
}

}  // namespace candor_test
