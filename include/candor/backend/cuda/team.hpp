// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Teams of a device: a warp or a block, over a lane (lane.hpp), with the members of serial_team. The order
/// of a sum depends on the size of the team alone.

#include <candor/backend/cuda/lane.hpp>

#include <cstdint>

namespace CANDOR_NS::device {

/// The 32 threads of a warp.
template <class Lane>
class warp_team {
 public:
  CANDOR_DEVICE explicit warp_team(const Lane& lane) : lane_(lane) {}

  template <class F>
  CANDOR_DEVICE void each(std::int64_t n, F f) const {
    for (std::int64_t i = lane_.lane_index(); i < n; i += warp_size) f(i);
    lane_.sync_warp();
  }

  template <class F>
  CANDOR_DEVICE auto sum(std::int64_t n, F f) const {
    using S = decltype(f(std::int64_t{}));
    S partial = S(0);
    for (std::int64_t i = lane_.lane_index(); i < n; i += warp_size) partial += f(i);
    for (int mask = warp_size / 2; mask > 0; mask /= 2) partial += lane_.shuffle_xor(partial, mask);
    return partial;
  }

  template <class S, class F>
  CANDOR_DEVICE S max(std::int64_t n, S least, F f) const {
    S best = least;
    for (std::int64_t i = lane_.lane_index(); i < n; i += warp_size) best = larger(f(i), best);
    for (int mask = warp_size / 2; mask > 0; mask /= 2) best = larger(lane_.shuffle_xor(best, mask), best);
    return best;
  }

 private:
  /// NaN never wins, as on the host.
  template <class S>
  CANDOR_DEVICE static S larger(S candidate, S best) {
    return candidate > best ? candidate : best;
  }

  const Lane& lane_;
};

/// All threads of a block. Uses the first 256 bytes of the block's shared memory.
template <class Lane>
class block_team {
 public:
  static constexpr std::uint32_t shared_bytes = 32 * 8;  // a number of each warp

  CANDOR_DEVICE explicit block_team(const Lane& lane) : lane_(lane) {}

  template <class F>
  CANDOR_DEVICE void each(std::int64_t n, F f) const {
    for (std::int64_t i = lane_.thread_index(); i < n; i += lane_.block_size()) f(i);
    lane_.sync();
  }

  template <class F>
  CANDOR_DEVICE auto sum(std::int64_t n, F f) const {
    using S = decltype(f(std::int64_t{}));
    S partial = S(0);
    for (std::int64_t i = lane_.thread_index(); i < n; i += lane_.block_size()) partial += f(i);
    for (int mask = warp_size / 2; mask > 0; mask /= 2) partial += lane_.shuffle_xor(partial, mask);
    return across_warps(partial, [](S a, S b) { return a + b; });
  }

  template <class S, class F>
  CANDOR_DEVICE S max(std::int64_t n, S least, F f) const {
    S best = least;
    for (std::int64_t i = lane_.thread_index(); i < n; i += lane_.block_size()) best = larger(f(i), best);
    for (int mask = warp_size / 2; mask > 0; mask /= 2) best = larger(lane_.shuffle_xor(best, mask), best);
    return across_warps(best, [](S a, S b) { return larger(b, a); });
  }

 private:
  template <class S>
  CANDOR_DEVICE static S larger(S candidate, S best) {
    return candidate > best ? candidate : best;
  }

  /// Joins the numbers of all warps, the same in each of its threads, in the order of the warps.
  template <class S, class Join>
  CANDOR_DEVICE S across_warps(S mine, Join join) const {
    static_assert(sizeof(S) <= 8);
    const auto place = [](int warp) { return static_cast<shared_at>(warp) * 8; };
    if (lane_.lane_index() == 0) lane_.write(place(lane_.warp_index()), mine);
    lane_.sync();
    S all = lane_.template read<S>(place(0));
    for (int w = 1; w < lane_.block_size() / warp_size; ++w)
      all = join(all, lane_.template read<S>(place(w)));
    lane_.sync();  // before the next number of this team
    return all;
  }

  const Lane& lane_;
};

}  // namespace CANDOR_NS::device
