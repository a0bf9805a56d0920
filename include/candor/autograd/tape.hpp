// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The order in which operations ran. The backward pass undoes it, dropping each operation's memory as it goes.

#include <candor/core/config.hpp>

#include <functional>
#include <utility>
#include <vector>

namespace CANDOR_NS {

template <class B>
class tape {
 public:
  enum class mode { record, evaluate };

  explicit tape(B& backend, mode m = mode::record) : backend_(&backend), recording_(m == mode::record) {}

  B& backend() const { return *backend_; }
  bool recording() const { return recording_; }

  /// Keeps the backward step of an operation. Only called where `recording()`.
  void record(std::function<void()> step) { steps_.push_back(std::move(step)); }

  /// Runs all steps, last first. The gradient of the final value must have been set.
  void backward() {
    while (!steps_.empty()) {
      const auto step = std::move(steps_.back());
      steps_.pop_back();
      step();
    }
  }

 private:
  B* backend_;
  bool recording_;
  std::vector<std::function<void()>> steps_;
};

}  // namespace CANDOR_NS
