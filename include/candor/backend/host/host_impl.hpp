// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Threads and memory of the CPU backend.

#include <candor/backend/host/host.hpp>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <vector>

namespace CANDOR_NS {

namespace detail {
class onednn;

/// Blocks of this size come from the system and go back to it: malloc would keep freed ones among those in
/// use.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr std::size_t mapped_block =
    ~std::size_t{0};  // the sanitizer knows the ends of malloc's blocks only
#else
inline constexpr std::size_t mapped_block = std::size_t{1} << 20;
#endif

inline constexpr std::size_t block_alignment = 64;  // bytes: a cache line, and the widest vector

/// Aligned memory, or null.
inline void* take_block(std::size_t bytes) noexcept {
  if (bytes < mapped_block) return std::aligned_alloc(block_alignment, bytes);
  void* block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return block == MAP_FAILED ? nullptr : block;
}
inline void give_block(void* block, std::size_t bytes) noexcept {
  if (bytes < mapped_block)
    std::free(block);
  else
    ::munmap(block, bytes);
}

}  // namespace detail

/// Freed blocks wait in lists by size class (eight classes for each power of two), so that a training step
/// does not return its activations to the system and fault them in again. Waiting and used blocks together
/// stay within 9/8 of the most that was in use.
struct host::state {
  explicit state(const host_options& o)
      : options(o), arena(o.threads > 0 ? o.threads : tbb::info::default_concurrency()) {
    if (o.threads > tbb::info::default_concurrency())  // more threads than cores have to be asked for
      more_threads.emplace(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(o.threads));
  }
  ~state() {
    for (std::size_t c = 0; c < free_lists.size(); ++c)
      for (void* block : free_lists[c]) detail::give_block(block, size_of_class(c));
  }

  static constexpr std::size_t alignment = detail::block_alignment;
  static std::size_t class_of(std::size_t bytes) {
    const std::size_t units = (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment;
    if (units <= 8) return units - 1;
    const auto log = static_cast<std::size_t>(std::bit_width(units - 1)) - 1;  // units in (2^log, 2^(log+1)]
    return 8 + (log - 3) * 8 + ((units - 1) >> (log - 3)) - 8;
  }
  static std::size_t size_of_class(std::size_t c) {
    if (c < 8) return (c + 1) * alignment;
    const std::size_t log = (c - 8) / 8 + 3;
    return (((c - 8) % 8 + 9) << (log - 3)) * alignment;
  }

  static constexpr std::size_t largest_block = std::size_t{1}
                                               << 50;  // bytes: beyond what machines can address

  /// Frees waiting blocks, the largest first, until at most `bytes` wait.
  void shrink_pool(std::uint64_t bytes) {
    for (std::size_t c = free_lists.size(); c-- > 0 && pooled > bytes;)
      for (auto& list = free_lists[c]; !list.empty() && pooled > bytes; list.pop_back()) {
        detail::give_block(list.back(), size_of_class(c));
        pooled -= size_of_class(c);
      }
  }

  host_options options;
  std::optional<tbb::global_control> more_threads;
  tbb::task_arena arena;
  std::mutex mutex;
  std::array<std::vector<void*>, 360> free_lists;
  std::uint64_t in_use = 0, peak = 0, pooled = 0;  // bytes
  std::once_flag onednn_once;
  std::shared_ptr<detail::onednn> products;  // made by the first product that oneDNN may do
};

CANDOR_INLINE host::host(const host_options& options) {
  require<usage_error>(options.threads >= 0 && options.threads <= 4096,
                       "[host] threads must be 0 (all cores) to 4096, got ", options.threads);
  state_ = std::make_unique<state>(options);
}
CANDOR_INLINE host::~host() = default;
CANDOR_INLINE host::host(host&&) noexcept = default;
CANDOR_INLINE host& host::operator=(host&&) noexcept = default;

CANDOR_INLINE int host::threads() const { return state_->arena.max_concurrency(); }
CANDOR_INLINE operation_profile* host::profile() const { return state_->options.profile; }

CANDOR_INLINE void* host::allocate(std::size_t bytes) {
  state& s = *state_;
  const bool absurd = bytes > state::largest_block;  // no size class then
  const std::size_t c = absurd ? 0 : state::class_of(bytes);
  const std::size_t size = absurd ? bytes : state::size_of_class(c);
  const std::lock_guard lock(s.mutex);
  void* block = nullptr;
  if (auto& list = s.free_lists[c]; !absurd && !list.empty()) {
    block = list.back();
    list.pop_back();
    s.pooled -= size;
  } else if (const std::uint64_t limit = s.options.memory_limit, used = s.in_use + size;
             !absurd && (limit == 0 || used <= limit)) {
    // Steps of many lengths must not leave a pool of blocks behind for each of them.
    const std::uint64_t most = std::max(s.peak, used) + std::max(s.peak, used) / 8;
    s.shrink_pool((limit > 0 ? std::min(limit, most) : most) - used);
    block = detail::take_block(size);
    if (block == nullptr) {
      s.shrink_pool(0);
      block = detail::take_block(size);
    }
  }
  const auto amount = [](std::uint64_t b) {
    return b < (1 << 20) ? text(b >> 10, " KiB") : text(b >> 20, " MiB");
  };
  require<memory_error>(block != nullptr, "[host] cannot allocate ", amount(size), ": ", amount(s.in_use),
                        " are in use, the limit is ",
                        s.options.memory_limit > 0 ? amount(s.options.memory_limit) : "what the system gives",
                        "; lower --max-tokens, use --recompute true, or train with LoRA");
  s.in_use += size;
  s.peak = std::max(s.peak, s.in_use);
  return block;
}

CANDOR_INLINE void host::release(void* data, std::size_t bytes) noexcept {
  state& s = *state_;
  const std::size_t c = state::class_of(bytes);
  const std::size_t size = state::size_of_class(c);
  const std::lock_guard lock(s.mutex);
  s.in_use -= size;
  try {
    s.free_lists[c].push_back(data);
    s.pooled += size;
  } catch (const std::bad_alloc&) {  // of the list itself
    detail::give_block(data, size);
  }
}

CANDOR_INLINE void host::zero(void* data, std::size_t bytes) {
  if (bytes > 0) std::memset(data, 0, bytes);
}
CANDOR_INLINE void host::copy(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
CANDOR_INLINE std::uint64_t host::bytes_in_use() const {
  const std::lock_guard lock(state_->mutex);
  return state_->in_use;
}
CANDOR_INLINE std::uint64_t host::peak_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->peak;
}
CANDOR_INLINE std::uint64_t host::pooled_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->pooled;
}

CANDOR_INLINE void host::for_ranges(std::int64_t count, std::int64_t grain,
                                    function_ref<void(std::int64_t, std::int64_t)> work) {
  if (count <= 0) return;
  const std::int64_t parts = std::min<std::int64_t>(4 * threads(), count / std::max<std::int64_t>(grain, 1));
  if (threads() == 1 || parts <= 1) return work(0, count);
  state_->arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<std::int64_t>(0, parts, 1),
        [&](const tbb::blocked_range<std::int64_t>& r) {
          for (std::int64_t p = r.begin(); p < r.end(); ++p) work(count * p / parts, count * (p + 1) / parts);
        },
        tbb::simple_partitioner());
  });
}

}  // namespace CANDOR_NS
