// SPDX-License-Identifier: Apache-2.0
#include "cuda/simulator/device.hpp"

#include "cuda/simulator/program.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace simulator {

std::int64_t setting(const char* name, std::int64_t otherwise) {
  const char* value = std::getenv((std::string("CANDOR_SIMULATOR_") + name).c_str());
  return value != nullptr ? std::atoll(value) : otherwise;
}

device& device::instance() {
  static device* const one = new device;  // outlives all that other units destroy at the end
  return *one;
}

bool device::is_pinned(const void* data, std::size_t size) const {
  const auto after = pinned.upper_bound(data);
  if (after == pinned.begin()) return false;
  const auto& [begin, bytes] = *std::prev(after);
  return static_cast<const std::byte*>(data) + size <= static_cast<const std::byte*>(begin) + bytes;
}

void device::enqueue(std::function<void()> work) {
  waiting_.push_back(std::move(work));
  if (++enqueued_ > done_ + most_waiting) wait(done_ + 1);
}

cudaError_t device::wait(std::uint64_t until) {
  while (!waiting_.empty() && done_ < until) {
    const auto work = std::move(waiting_.front());
    waiting_.pop_front();
    ++done_;
    if (lost_ != cudaSuccess) continue;
    try {
      work();
    } catch (const device_fault& e) {
      lose(cudaErrorLaunchFailure, e.what());
    } catch (const unknown_ptx& e) {
      lose(cudaErrorInvalidPtx, e.what());
    }
  }
  return lost_;
}

cudaError_t device::answer(cudaError_t status) {
  if (lost_ != cudaSuccess) status = lost_;
  if (status != cudaSuccess) last_ = status;
  return status;
}

cudaError_t device::last_error() { return lost_ != cudaSuccess ? lost_ : std::exchange(last_, cudaSuccess); }

void device::lose(cudaError_t why, const std::string& what) {
  if (lost_ != cudaSuccess) return;
  std::fprintf(stderr, "simulated device: %s\n", what.c_str());
  lost_ = why;
  fault_ = what;
}

void device::recover() {
  lost_ = last_ = cudaSuccess;
  fault_.clear();
  launches_ = 0;
}

void device::count_launch() {
  if (++launches_ == setting("FAULT_AT", 0)) throw device_fault("CANDOR_SIMULATOR_FAULT_AT");
}

}  // namespace simulator
