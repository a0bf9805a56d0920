// SPDX-License-Identifier: Apache-2.0
#pragma once
// A thread of the simulated device, and how an instruction reaches its operands.

#include "cuda/simulator/program.hpp"
#include "cuda/simulator/shared_memory.hpp"

#include <cstring>
#include <deque>
#include <type_traits>

namespace simulator {

inline constexpr int warp_size = 32;

class device_memory;

/// What all threads of a block see.
struct block_view {
  shared_memory* shared = nullptr;
  device_memory* global = nullptr;
};

/// cp.async on its way: it arrives when its thread waits for it and not before.
struct async_copy {
  std::uint32_t to = 0;             // shared memory
  const std::byte* from = nullptr;  // not read where nothing is present
  std::uint32_t bytes = 0, present = 0;
};

enum class standing { runs, waits_for_warp, waits_for_block, ended };

/// What a thread asked of the device's memory.
struct memory_access {
  const instruction* by = nullptr;
  const std::byte* from = nullptr;
  std::size_t bytes = 0;
};

struct thread {
  slot* slots = nullptr;
  const instruction* next = nullptr;
  const kernel* body = nullptr;
  const instruction* waits_at = nullptr;  ///< the operation of the warp or the barrier
  standing state = standing::runs;
  visitor who;
  block_view* home = nullptr;
  std::vector<async_copy> open_copies;  ///< not yet in a group
  std::deque<std::vector<async_copy>> open_groups;
  std::uint64_t steps = 0;                        ///< instructions so far
  std::vector<memory_access>* traffic = nullptr;  ///< since its warp last met; null: nobody counts
};

struct warp_of_threads {
  thread* lanes[warp_size];
};

/// Operand n.
template <class T>
T get(const thread& t, const instruction& i, int n) {
  T value;
  std::memcpy(&value, &t.slots[i.at[n]], sizeof value);
  return value;
}
/// Signed numbers are extended by their sign, as a load into a wider register is.
template <class T>
slot bits_of(T value) {
  if constexpr (std::is_integral_v<T>) return static_cast<slot>(value);
  slot bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
void put(thread& t, const instruction& i, int n, T value) {
  if (i.at[n] >= 0) t.slots[i.at[n]] = bits_of(value);
}

}  // namespace simulator
