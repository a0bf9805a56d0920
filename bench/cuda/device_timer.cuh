// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Seconds of work on the device, numbers to work on, and results as lines of JSON.

#include <candor/backend/cuda/cuda.cuh>
#include <candor/core/random.hpp>
#include <candor/tensor/tensor.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace candor_bench {

/// The median of seven rounds, each of as many calls as take some milliseconds.
template <class Work>
double seconds(candor::cuda& gpu, Work work) {
  const candor::device::device_event begin(true), end(true);
  const auto time = [&](int calls) {
    candor::device::check(cudaEventRecord(begin.get(), gpu.stream()), "timing");
    for (int i = 0; i < calls; ++i) work();
    candor::device::check(cudaEventRecord(end.get(), gpu.stream()), "timing");
    candor::device::check(cudaEventSynchronize(end.get()), "timing");
    float milliseconds = 0;
    candor::device::check(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "timing");
    return static_cast<double>(milliseconds) * 1e-3 / calls;
  };
  time(2);
  const int calls = std::clamp(static_cast<int>(5e-3 / time(1)), 1, 200);
  std::vector<double> rounds;
  for (int i = 0; i < 7; ++i) rounds.push_back(time(calls));
  std::nth_element(rounds.begin(), rounds.begin() + 3, rounds.end());
  return rounds[3];
}

template <class T>
struct noise_program {
  T* out;
  std::int64_t size, row_size;
  std::uint64_t seed;
  float scale, base;
  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const noise_program p = *this;
    const std::int64_t first = row * row_size, n = size - first < row_size ? size - first : row_size;
    team.each(n, [=](std::int64_t i) {
      candor::random_stream random(p.seed, static_cast<std::uint64_t>(first + i));
      p.out[first + i] = static_cast<T>(p.base + p.scale * random.normal());
    });
  }
};

/// base + scale * normal numbers, drawn on the device.
template <class T>
candor::tensor<candor::cuda, T> noise(candor::cuda& gpu, const candor::shape& extents, float scale,
                                      float base = 0) {
  static std::uint64_t seed = 0;
  constexpr std::int64_t row = 8192;
  candor::tensor<candor::cuda, T> out(gpu, extents);
  gpu.rows((out.size() + row - 1) / row, row,
           noise_program<T>{out.view().data, out.size(), row, ++seed, scale, base});
  return out;
}

/// {"name": ..., numbers..., "note": ...}
inline void line(const std::string& name, const std::vector<std::pair<std::string, double>>& numbers,
                 const std::string& note = {}) {
  std::printf("{\"name\": \"%s\"", name.c_str());
  for (const auto& [key, value] : numbers) std::printf(", \"%s\": %.6g", key.c_str(), value);
  if (!note.empty()) std::printf(", \"note\": \"%s\"", note.c_str());
  std::printf("}\n");
  std::fflush(stdout);
}

}  // namespace candor_bench
