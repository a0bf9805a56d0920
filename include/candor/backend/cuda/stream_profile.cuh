// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Where the time of a stream goes: an event before and one behind each operation. Between them lies what the device did
/// for it, and what it waited for it where the host enqueues more slowly than the device works.

#include <candor/backend/cuda/device_objects.cuh>
#include <candor/backend/host/profile.hpp>

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace CANDOR_NS::device {

class stream_profile {
 public:
  /// Adds to `target`, if there is one; names of operations must live as long as this.
  stream_profile(operation_profile* target, cudaStream_t stream) : target_(target), stream_(stream) {}

  /// What enters the stream in the life of this object is one operation. They do not nest.
  class operation {
   public:
    operation(stream_profile& owner, std::string_view name, double flops = 0) : owner_(owner) {
      if (owner_.target_ != nullptr) owner_.begin({name, flops});
    }
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;
    ~operation() {  // what fails here fails again in collect()
      if (owner_.target_ != nullptr) cudaEventRecord(owner_.events_[2 * owner_.noted_.size() - 1]->get(), owner_.stream_);
    }

   private:
    stream_profile& owner_;
  };

  /// Waits for the operations that were noted and adds them to the profile.
  void collect() {
    if (noted_.empty()) return;
    check(cudaEventSynchronize(events_[2 * noted_.size() - 1]->get()), "profiling");
    for (std::size_t i = 0; i < noted_.size(); ++i) {
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, events_[2 * i]->get(), events_[2 * i + 1]->get()), "profiling");
      target_->add(noted_[i].name, 1e-3 * static_cast<double>(milliseconds), noted_[i].flops);
    }
    noted_.clear();
  }

 private:
  struct note {
    std::string_view name;
    double flops;
  };

  void begin(const note& n) {
    while (events_.size() < 2 * noted_.size() + 2) events_.push_back(std::make_unique<device_event>(true));
    check(cudaEventRecord(events_[2 * noted_.size()]->get(), stream_), "profiling");
    noted_.push_back(n);
  }

  operation_profile* target_;
  cudaStream_t stream_;
  std::vector<note> noted_;
  std::vector<std::unique_ptr<device_event>> events_;  // two a note; they are used again
};

}  // namespace CANDOR_NS::device
