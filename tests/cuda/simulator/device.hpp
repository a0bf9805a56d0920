// SPDX-License-Identifier: Apache-2.0
#pragma once
// The simulated device: its memory, its one error that stays, and the streams in which work waits until
// somebody waits for it. What the host changes too early, or frees too early, is found that way.

#include "cuda/simulator/device_memory.hpp"

#include <cuda_runtime.h>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

namespace simulator {

/// CANDOR_SIMULATOR_<name>, a whole number.
std::int64_t setting(const char* name, std::int64_t otherwise);

class device {
 public:
  static device& instance();

  device_memory memory;
  std::map<const void*, std::size_t> pinned;  ///< bytes of the host, by where they begin

  bool is_pinned(const void* data, std::size_t bytes) const;

  /// `work` enters the one queue that all streams share. It runs when somebody waits, or when much waits.
  void enqueue(std::function<void()> work);
  /// How much work has ever been enqueued.
  std::uint64_t enqueued() const { return enqueued_; }
  /// Runs what was enqueued first, until so much has run in all; else everything. Returns the error that
  /// stays.
  cudaError_t wait(std::uint64_t until = ~std::uint64_t{0});

  /// Notes what a call returns, for cudaGetLastError.
  cudaError_t answer(cudaError_t status);
  cudaError_t last_error();
  /// The device is lost: every later call says so. Told to the standard error once.
  void lose(cudaError_t why, const std::string& what);
  cudaError_t lost() const { return lost_; }
  const std::string& fault() const { return fault_; }
  /// As a new process finds it.
  void recover();

  /// A kernel begins. Throws device_fault where CANDOR_SIMULATOR_FAULT_AT, counted from 1, asks for it.
  void count_launch();

 private:
  static constexpr std::size_t most_waiting = 400;
  std::deque<std::function<void()>> waiting_;
  cudaError_t lost_ = cudaSuccess, last_ = cudaSuccess;
  std::string fault_;
  std::int64_t launches_ = 0;
  std::uint64_t enqueued_ = 0, done_ = 0;
};

}  // namespace simulator
