// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What this process holds in memory.

#include <fstream>
#include <string>

namespace candor_test {

/// Memory of the process that is no file's, MiB.
inline double anonymous_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kib = 0; word == "RssAnon:" && status >> kib) return kib / 1024;
  return 0;
}

}  // namespace candor_test
