// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counts the passes that a warp's accesses to shared memory take. A pass serves each of 32 banks of 4 bytes
// once; an instruction of 16, 8 or at most 4 bytes a lane is served for 8, 16 or 32 lanes at a time.

#include <candor/backend/cuda/lane.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace candor_test {

class bank_counter {
 public:
  bool counting = false;    ///< costs as much as all the rest of the emulator
  std::int64_t least = 0;   ///< passes without any conflict
  std::int64_t passes = 0;  ///< passes taken

  /// The n-th access of a lane since the warp last met belongs to one instruction with the n-th of the other
  /// lanes.
  void note(int lane, candor::device::shared_at at, std::uint32_t size) {
    if (!counting) return;
    auto& mine = of_lane_[static_cast<std::size_t>(lane)];
    mine.push_back({at, size});
  }
  void meet() {
    if (!counting) return;
    std::size_t most = 0;
    for (const auto& list : of_lane_) most = std::max(most, list.size());
    for (std::size_t n = 0; n < most; ++n) {
      instruction_.clear();
      for (const auto& list : of_lane_)
        if (n < list.size()) instruction_.push_back(list[n]);
      count(instruction_);
    }
    for (auto& list : of_lane_) list.clear();
  }

 private:
  struct access {
    candor::device::shared_at at;
    std::uint32_t size;
  };

  void count(const std::vector<access>& lanes) {
    const std::size_t together = lanes.front().size == 16 ? 8 : lanes.front().size == 8 ? 16 : 32;
    for (std::size_t begin = 0; begin < lanes.size(); begin += together) {
      std::vector<std::uint32_t> words[32];
      for (std::size_t i = begin; i < std::min(begin + together, lanes.size()); ++i)
        for (std::uint32_t w = lanes[i].at / 4; w <= (lanes[i].at + lanes[i].size - 1) / 4; ++w) {
          auto& bank = words[w % 32];
          if (std::find(bank.begin(), bank.end(), w) == bank.end()) bank.push_back(w);
        }
      std::size_t most = 0;
      for (const auto& bank : words) most = std::max(most, bank.size());
      ++least;
      passes += static_cast<std::int64_t>(most);
    }
  }

  std::vector<access> of_lane_[32], instruction_;
};

}  // namespace candor_test
