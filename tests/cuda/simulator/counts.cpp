// SPDX-License-Identifier: Apache-2.0
#include "cuda/simulator/counts.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <tuple>

namespace simulator {
namespace {

constexpr std::uintptr_t piece_bytes = 32;

std::string readable(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), std::free);
  std::string name = status == 0 ? plain.get() : mangled;
  name = name.substr(0, name.find(">("));  // the argument is the kernel again
  for (const std::string_view noise : {"candor::v0_1::", "device::", "void run_kernel<"})
    for (std::size_t at = name.find(noise); at != name.npos; at = name.find(noise))
      name.erase(at, noise.size());
  return name;
}

std::map<std::string, kernel_counts>& all() {
  static auto& counts = *new std::map<std::string, kernel_counts>;
  return counts;
}

void write() {
  std::FILE* out = std::fopen(std::getenv("CANDOR_SIMULATOR_COUNTS"), "w");
  if (out == nullptr) return std::perror("CANDOR_SIMULATOR_COUNTS");
  std::fprintf(out, "launches instructions bytes instructions_a_byte used_of_pieces kernel\n");
  for (const auto& [name, c] : all())
    std::fprintf(out, "%llu %llu %llu %.2f %.2f %s\n", static_cast<unsigned long long>(c.launches),
                 static_cast<unsigned long long>(c.instructions), static_cast<unsigned long long>(c.bytes),
                 static_cast<double>(c.instructions) / static_cast<double>(c.bytes),
                 static_cast<double>(c.bytes) / static_cast<double>(piece_bytes * c.pieces),
                 readable(name).c_str());
  std::fclose(out);
}

}  // namespace

bool counting() {
  static const bool wanted = std::getenv("CANDOR_SIMULATOR_COUNTS") != nullptr && std::atexit(write) == 0;
  return wanted;
}

kernel_counts& counts_of(const std::string& kernel) { return all()[kernel]; }

void add_traffic(std::span<std::vector<memory_access>> lanes, kernel_counts& to) {
  // Lanes that execute an instruction for the n-th time since they met do so together.
  std::vector<std::tuple<const instruction*, int, std::uintptr_t>> pieces;
  std::map<const instruction*, int> times;
  for (auto& lane : lanes) {
    times.clear();
    for (const memory_access& a : lane) {
      const int time = times[a.by]++;
      const auto begin = reinterpret_cast<std::uintptr_t>(a.from);
      for (auto p = begin / piece_bytes; a.bytes > 0 && p <= (begin + a.bytes - 1) / piece_bytes; ++p)
        pieces.emplace_back(a.by, time, p);
      to.bytes += a.bytes;
    }
    lane.clear();
  }
  std::ranges::sort(pieces);
  to.pieces += static_cast<std::uint64_t>(std::ranges::unique(pieces).begin() - pieces.begin());
}

}  // namespace simulator
