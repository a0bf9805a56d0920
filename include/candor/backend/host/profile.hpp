// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Where the time of a computation goes on the CPU: seconds, calls and work of each kind of operation.
///
///     candor::operation_profile profile;
///     candor::host cpu({.profile = &profile});
///     ...
///     for (const auto& [name, e] : profile.entries()) ...
///
/// Operations that others start on their threads are part of those that started them. Measuring costs two readings of
/// the clock an operation.

#include <candor/core/config.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace CANDOR_NS {

/// Used by the thread that calls the backend.
class operation_profile {
 public:
  struct entry {
    std::uint64_t calls = 0;
    double seconds = 0, flops = 0;  ///< flops: of products and attention, 0 for others
  };

  void add(std::string_view name, double seconds, double flops) {
    auto it = entries_.find(name);
    if (it == entries_.end()) it = entries_.emplace(std::string(name), entry{}).first;
    ++it->second.calls;
    it->second.seconds += seconds;
    it->second.flops += flops;
  }
  void clear() { entries_.clear(); }
  const std::map<std::string, entry, std::less<>>& entries() const { return entries_; }

 private:
  std::map<std::string, entry, std::less<>> entries_;
};

namespace detail {

/// Adds the life of this object to a profile, if there is one.
class timed_operation {
 public:
  timed_operation(operation_profile* profile, std::string_view name, double flops = 0)
      : profile_(profile), name_(name), flops_(flops) {
    if (profile_ != nullptr) start_ = std::chrono::steady_clock::now();
  }
  ~timed_operation() {
    if (profile_ == nullptr) return;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
    profile_->add(name_, seconds.count(), flops_);
  }
  timed_operation(const timed_operation&) = delete;
  timed_operation& operator=(const timed_operation&) = delete;

 private:
  operation_profile* profile_;
  std::string_view name_;
  double flops_;
  std::chrono::steady_clock::time_point start_;
};

/// The name of a row program without its namespace and arguments: rms_norm_program.
template <class Program>
constexpr std::string_view program_name() {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_prefix(name.find("Program = ") + 10);
  name = name.substr(0, name.find_first_of("<;]"));
  const auto colon = name.rfind(':');
  return colon == name.npos ? name : name.substr(colon + 1);
}

}  // namespace detail
}  // namespace CANDOR_NS
