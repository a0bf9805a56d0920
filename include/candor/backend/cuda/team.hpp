// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Teams of a device: a warp or a block, over a lane (lane.hpp), with the members of serial_team and those
/// that elements.hpp asks for. The order of a sum depends on the size of the team alone (and on whether the
/// arrays begin at multiples of 16 bytes).

#include <candor/backend/cuda/lane.hpp>
#include <candor/backend/cuda/packs.hpp>
#include <candor/core/scalar.hpp>

#include <cstdint>

namespace CANDOR_NS::device {

/// What warps and blocks have in common. `Team` says which of how many threads runs, meets the others, and
/// joins their numbers.
template <class Team>
class team_loops {
 public:
  static constexpr bool moves_packs = true;

  /// f(i) for i in [0, n), in any order.
  template <class F>
  CANDOR_DEVICE void each(std::int64_t n, F f) const {
    for (std::int64_t i = me().index(); i < n; i += me().threads()) f(i);
    me().meet();
  }

  template <class F>
  CANDOR_DEVICE auto sum(std::int64_t n, F f) const {
    using S = decltype(f(std::int64_t{}));
    S partial = S(0);
    for (std::int64_t i = me().index(); i < n; i += me().threads()) partial += f(i);
    return me().join(partial, [](S a, S b) { return a + b; });
  }

  template <class S, class F>
  CANDOR_DEVICE S max(std::int64_t n, S least, F f) const {
    const auto larger = [](S best, S candidate) {
      return candidate > best ? candidate : best;
    };  // NaN never wins
    S best = least;
    for (std::int64_t i = me().index(); i < n; i += me().threads()) best = larger(best, f(i));
    return me().join(best, larger);
  }

  /// out[i] = f(in[i]...)
  template <class O, class F, class... I>
  CANDOR_DEVICE void map(std::int64_t n, O* out, F f, const I*... in) const {
    constexpr int size = pack_size<O, I...>;
    in_packs<size>(
        n, all_aligned(out, in...),
        [=](std::int64_t at) {
          pack<O, size> y;
          apply_packs<size>([&](int k, auto... x) { y.values[k] = static_cast<O>(f(x...)); },
                            pack<I, size>::load(in + at)...);
          y.store(out + at);
        },
        [=](std::int64_t i) { out[i] = static_cast<O>(f(static_cast<accumulator_t<I>>(in[i])...)); });
    me().meet();
  }

  /// (first[i], second[i]) = f(in[i]...)
  template <class O, class F, class... I>
  CANDOR_DEVICE void map_two(std::int64_t n, O* first, O* second, F f, const I*... in) const {
    constexpr int size = pack_size<O, I...>;
    in_packs<size>(
        n, all_aligned(first, second, in...),
        [=](std::int64_t at) {
          pack_two<size>(f, first + at, second + at, pack<I, size>::load(in + at)...);
        },
        [=](std::int64_t i) {
          const auto both = f(static_cast<accumulator_t<I>>(in[i])...);
          first[i] = static_cast<O>(both.first);
          second[i] = static_cast<O>(both.second);
        });
    me().meet();
  }

  /// map_two in place over `runs` runs of n elements, each `stride` behind the last; `shared` is the same for all.
  template <class O, class F, class... I>
  CANDOR_DEVICE void map_two_of_runs(std::int64_t runs, std::int64_t stride, std::int64_t n, O* first, O* second, F f,
                                     const I*... shared) const {
    constexpr int size = pack_size<O, I...>;
    const bool whole = all_aligned(first, second, shared...) && n % size == 0 && stride % size == 0;
    const auto length = static_cast<int>(n), units = whole ? length / size : length;  // of a run
    for (int u = me().index(); u < static_cast<int>(runs) * units; u += me().threads()) {
      const int run = u / units, unit = u % units;
      O *one = first + run * stride, *other = second + run * stride;
      if (whole) {
        const int at = unit * size;
        pack_two<size>(f, one + at, other + at, pack<O, size>::load(one + at), pack<O, size>::load(other + at),
                       pack<I, size>::load(shared + at)...);
      } else {
        const auto both = f(static_cast<accumulator_t<O>>(one[unit]), static_cast<accumulator_t<O>>(other[unit]),
                            static_cast<accumulator_t<I>>(shared[unit])...);
        one[unit] = static_cast<O>(both.first);
        other[unit] = static_cast<O>(both.second);
      }
    }
    me().meet();
  }

  /// Sum of f(in[i]...)
  template <class F, class... I>
  CANDOR_DEVICE auto sum_of(std::int64_t n, F f, const I*... in) const {
    using S = decltype(f(accumulator_t<I>{}...));
    constexpr int size = pack_size<I...>;
    S partial = S(0);
    in_packs<size>(
        n, all_aligned(in...),
        [&](std::int64_t at) {
          apply_packs<size>([&](int, auto... x) { partial += f(x...); }, pack<I, size>::load(in + at)...);
        },
        [&](std::int64_t i) { partial += f(static_cast<accumulator_t<I>>(in[i])...); });
    return me().join(partial, [](S a, S b) { return a + b; });
  }

 private:
  CANDOR_DEVICE const Team& me() const { return static_cast<const Team&>(*this); }

  /// whole(at) for every run of Size elements, one(i) for those that are left, and for all where `aligned` is
  /// false.
  template <int Size, class Whole, class One>
  CANDOR_DEVICE void in_packs(std::int64_t n, bool aligned, Whole whole, One one) const {
    const std::int64_t packs = aligned ? n / Size : 0;
    for (std::int64_t p = me().index(); p < packs; p += me().threads()) whole(p * Size);
    for (std::int64_t i = packs * Size + me().index(); i < n; i += me().threads()) one(i);
  }

  /// (first[k], second[k]) = f(the k-th element of each pack...) for every k.
  template <int Size, class F, class O, class... I>
  CANDOR_DEVICE static void pack_two(F f, O* first, O* second, const pack<I, Size>&... x) {
    pack<O, Size> y, z;
    apply_packs<Size>(
        [&](int k, auto... v) {
          const auto both = f(v...);
          y.values[k] = static_cast<O>(both.first);
          z.values[k] = static_cast<O>(both.second);
        },
        x...);
    y.store(first);
    z.store(second);
  }

  /// f(k, the k-th element of each pack...) for every k.
  template <int Size, class F, class... I>
  CANDOR_DEVICE static void apply_packs(F f, const pack<I, Size>&... x) {
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
    for (int k = 0; k < Size; ++k) f(k, static_cast<accumulator_t<I>>(x.values[k])...);
  }
};

/// The 32 threads of a warp.
template <class Lane>
class warp_team : public team_loops<warp_team<Lane>> {
 public:
  CANDOR_DEVICE explicit warp_team(const Lane& lane) : lane_(lane) {}

  CANDOR_DEVICE int index() const { return lane_.lane_index(); }
  CANDOR_DEVICE int threads() const { return warp_size; }
  CANDOR_DEVICE void meet() const { lane_.sync_warp(); }
  template <class S, class Join>
  CANDOR_DEVICE S join(S mine, Join with) const {
    for (int mask = warp_size / 2; mask > 0; mask /= 2) mine = with(mine, lane_.shuffle_xor(mine, mask));
    return mine;
  }

 private:
  const Lane& lane_;
};

/// All threads of a block. Uses the first `shared_bytes` of the block's shared memory.
template <class Lane>
class block_team : public team_loops<block_team<Lane>> {
 public:
  static constexpr int most_warps = 8;
  static constexpr std::uint32_t shared_bytes = most_warps * warp_size * 8;  // a number of each thread

  CANDOR_DEVICE explicit block_team(const Lane& lane) : lane_(lane) {}

  CANDOR_DEVICE int index() const { return lane_.thread_index(); }
  CANDOR_DEVICE int threads() const { return lane_.block_size(); }
  CANDOR_DEVICE void meet() const { lane_.sync(); }
  /// Joins the numbers of all threads, warp after warp.
  template <class S, class Join>
  CANDOR_DEVICE S join(S mine, Join with) const {
    static_assert(sizeof(S) <= 8);
    mine = warp_team<Lane>(lane_).join(mine, with);
    if (lane_.lane_index() == 0) lane_.write(place(lane_.warp_index()), mine);
    lane_.sync();
    S all = lane_.template read<S>(place(0));
    for (int w = 1; w < warps(); ++w) all = with(all, lane_.template read<S>(place(w)));
    lane_.sync();  // before the next number of this team
    return all;
  }

  /// d[i] = [d[i] +] sum of f(row, i) over the rows, for n <= 32: a lane has a column, the warps share the
  /// rows.
  template <class A, class F>
  CANDOR_DEVICE void sum_down(std::int64_t n, std::int64_t rows, A* d, bool add, F f) const {
    const std::int64_t column = lane_.lane_index();
    A partial = A(0);
    if (column < n) {
#if defined(__CUDA_ARCH__)
#pragma unroll 8
#endif
      for (std::int64_t row = lane_.warp_index(); row < rows; row += warps()) partial += f(row, column);
    }
    lane_.write(place(lane_.thread_index()), partial);
    lane_.sync();
    if (lane_.warp_index() == 0 && column < n) {
      A sum = add ? d[column] : A(0);
      for (int w = 0; w < warps(); ++w)
        sum += lane_.template read<A>(place(w * warp_size + lane_.lane_index()));
      d[column] = sum;
    }
    lane_.sync();
  }

 private:
  CANDOR_DEVICE int warps() const { return lane_.block_size() / warp_size; }
  CANDOR_DEVICE static shared_at place(int number) { return static_cast<shared_at>(number) * 8; }

  const Lane& lane_;
};

}  // namespace CANDOR_NS::device
