// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The host under the rules of a device. Memory of this backend cannot be reached while none of its members
/// runs, so host code that follows a tensor's pointer faults; row programs may hold no pointer to memory of
/// the host, and meet rows and elements in another order; fresh memory is full of NaN. What runs here as it
/// does on the host needs nothing that a device lacks.

#include <candor/backend/backend.hpp>
#include <candor/backend/host/host.hpp>
#include <candor/core/error.hpp>

#include <sys/mman.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <vector>

namespace candor_test {

/// Elements from the last to the first; sums in the order of every other team.
struct backward_team : candor::serial_team {
  template <class F>
  void each(std::int64_t n, F f) const {
    for (std::int64_t i = n; i-- > 0;) f(i);
  }
};

/// Row programs and attention as the host has them.
struct host_kernels {
  template <class Program>
  static void rows(candor::host& cpu, std::int64_t count, std::int64_t width, const Program& program) {
    const std::int64_t grain = 16384 / (width > 0 ? width : 1) + 1;
    cpu.for_ranges(count, grain, [&](std::int64_t begin, std::int64_t end) {
      const backward_team team;
      for (std::int64_t row = end; row-- > begin;) program(team, row);
    });
  }
  template <class T, class... Views>
  static void attention_forward(candor::host& cpu, const candor::attention_heads& heads,
                                const candor::attention_layout& layout, const Views&... views) {
    cpu.attention_forward<T>(heads, layout, views...);
  }
  template <class T, class... Views>
  static void attention_backward(candor::host& cpu, const candor::attention_heads& heads,
                                 const candor::attention_layout& layout, const Views&... views) {
    cpu.attention_backward<T>(heads, layout, views...);
  }
  template <class T, class... Views>
  static void attention_decode(candor::host& cpu, const candor::attention_heads& heads,
                               const candor::decode_layout& layout, const Views&... views) {
    cpu.attention_decode<T>(heads, layout, views...);
  }
};

/// Code that a device would not run.
struct guard_error : candor::error {
  explicit guard_error(const std::string& m) : candor::error(m) {}
};

/// `Kernels` computes, like host_kernels.
template <class Kernels>
class guarded_with {
 public:
  static constexpr std::string_view name = "guarded";

  explicit guarded_with(const candor::host_options& options = {}, std::size_t capacity = std::size_t{1} << 30)
      : cpu_(options), capacity_(capacity) {
    void* memory = ::mmap(nullptr, capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    candor::require<candor::memory_error>(memory != MAP_FAILED, "[guarded] cannot reserve ", capacity,
                                          " bytes");
    base_ = static_cast<unsigned char*>(memory);
  }
  guarded_with(const guarded_with&) = delete;
  guarded_with& operator=(const guarded_with&) = delete;
  ~guarded_with() { ::munmap(base_, capacity_); }

  void* allocate(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::size_t size = block_size(bytes);
    std::size_t at = top_;
    if (auto& list = free_[size]; !list.empty()) {
      at = list.back();
      list.pop_back();
    } else {
      candor::require<candor::memory_error>(size <= capacity_ - top_, "[guarded] ", capacity_,
                                            " bytes are full");
      top_ += size;
    }
    const opened open(*this);
    std::memset(base_ + at, 0xff, size);  // NaN in every element type, and an index that no table has
    return base_ + at;
  }
  void release(void* data, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    free_[block_size(bytes)].push_back(static_cast<std::size_t>(static_cast<unsigned char*>(data) - base_));
  }

  void zero(void* data, std::size_t bytes) {
    check("zero", data, bytes, true);
    const opened open(*this);
    cpu_.zero(data, bytes);
  }
  void copy(void* to, const void* from, std::size_t bytes) {
    check("copy, target", to, bytes, true);
    check("copy, source", from, bytes, true);
    const opened open(*this);
    cpu_.copy(to, from, bytes);
  }
  void copy_in(void* to, const void* from_host, std::size_t bytes) {
    check("copy_in, target", to, bytes, true);
    check("copy_in, source", from_host, bytes, false);
    const opened open(*this);
    cpu_.copy(to, from_host, bytes);
  }
  void copy_out(void* to_host, const void* from, std::size_t bytes) {
    check("copy_out, target", to_host, bytes, false);
    check("copy_out, source", from, bytes, true);
    const opened open(*this);
    cpu_.copy(to_host, from, bytes);
  }

  template <class Program>
  void rows(std::int64_t count, std::int64_t width, const Program& program) {
    static_assert(std::is_trivially_copyable_v<Program>, "a row program travels to the device as bytes");
    static_assert(sizeof(Program) <= 4096, "the arguments of a kernel have room for 4 KB");
    check_program(program);
    const opened open(*this);
    Kernels::rows(cpu_, count, width, program);
  }

  template <class T, class C>
  void matmul(candor::transpose ta, candor::view<guarded_with, const T> a, candor::transpose tb,
              candor::view<guarded_with, const T> b, candor::view<guarded_with, C> c,
              bool accumulate = false) {
    const opened open(*this);
    cpu_.matmul<T, C>(ta, inside("matmul", a), tb, inside("matmul", b), inside("matmul", c), accumulate);
  }
  template <class T>
  void matmul_onto(candor::view<guarded_with, const T> start, candor::transpose ta,
                   candor::view<guarded_with, const T> a, candor::transpose tb,
                   candor::view<guarded_with, const T> b, candor::view<guarded_with, T> c) {
    const opened open(*this);
    const auto from = inside("matmul_onto", start);
    const auto to = inside("matmul_onto", c);
    for (std::int64_t i = 0; i < c.rows; ++i)
      cpu_.copy(to.row(i), from.row(i), sizeof(T) * static_cast<std::size_t>(c.cols));
    cpu_.matmul<T, T>(ta, inside("matmul_onto", a), tb, inside("matmul_onto", b), to, true);
  }

  template <class T>
  void attention_forward(const candor::attention_heads& heads, const candor::attention_layout& layout,
                         candor::view<guarded_with, const T> q, candor::view<guarded_with, const T> k,
                         candor::view<guarded_with, const T> v, candor::view<guarded_with, T> out,
                         candor::view<guarded_with, candor::accumulator_t<T>> lse) {
    const opened open(*this);
    const char* what = "attention_forward";
    Kernels::template attention_forward<T>(cpu_, heads, layout, inside(what, q), inside(what, k),
                                           inside(what, v), inside(what, out), inside(what, lse));
  }
  template <class T>
  void attention_backward(const candor::attention_heads& heads, const candor::attention_layout& layout,
                          candor::view<guarded_with, const T> q, candor::view<guarded_with, const T> k,
                          candor::view<guarded_with, const T> v, candor::view<guarded_with, const T> out,
                          candor::view<guarded_with, const candor::accumulator_t<T>> lse,
                          candor::view<guarded_with, const T> d_out, candor::view<guarded_with, T> d_q,
                          candor::view<guarded_with, T> d_k, candor::view<guarded_with, T> d_v) {
    const opened open(*this);
    const char* what = "attention_backward";
    Kernels::template attention_backward<T>(
        cpu_, heads, layout, inside(what, q), inside(what, k), inside(what, v), inside(what, out),
        inside(what, lse), inside(what, d_out), inside(what, d_q), inside(what, d_k), inside(what, d_v));
  }
  template <class T>
  void attention_decode(const candor::attention_heads& heads, const candor::decode_layout& layout,
                        candor::view<guarded_with, const T> q, candor::view<guarded_with, const T> stem_k,
                        candor::view<guarded_with, const T> stem_v,
                        candor::view<guarded_with, const T> branch_k,
                        candor::view<guarded_with, const T> branch_v, candor::view<guarded_with, T> out) {
    const opened open(*this);
    const char* what = "attention_decode";
    Kernels::template attention_decode<T>(cpu_, heads, layout, inside(what, q), inside(what, stem_k),
                                          inside(what, stem_v), inside(what, branch_k),
                                          inside(what, branch_v), inside(what, out));
  }

 private:
  /// Memory is open while one of these lives.
  class opened {
   public:
    explicit opened(guarded_with& owner) : owner_(owner) {
      const std::lock_guard lock(owner.open_mutex_);
      if (owner.open_++ == 0) owner.protect(PROT_READ | PROT_WRITE);
    }
    opened(const opened&) = delete;
    opened& operator=(const opened&) = delete;
    ~opened() {
      const std::lock_guard lock(owner_.open_mutex_);
      if (--owner_.open_ == 0) owner_.protect(PROT_NONE);
    }

   private:
    guarded_with& owner_;
  };

  void protect(int how) { ::mprotect(base_, capacity_, how); }
  /// Never 0: an empty tensor has an address of its own too.
  static std::size_t block_size(std::size_t bytes) { return (bytes + 256) / 256 * 256; }

  bool here(std::uintptr_t address) const {
    const auto base = reinterpret_cast<std::uintptr_t>(base_);
    return address >= base && address <= base + capacity_;
  }
  void check(const char* what, const void* data, std::size_t bytes, bool wanted) const {
    const auto address = reinterpret_cast<std::uintptr_t>(data);
    candor::require<guard_error>(bytes == 0 || here(address) == wanted, "[guarded] ", what,
                                 ": memory of the ", wanted ? "backend" : "host", " is expected");
  }
  template <class T>
  candor::view<candor::host, T> inside(const char* what, candor::view<guarded_with, T> v) const {
    check(what, v.data, static_cast<std::size_t>(v.size()), true);
    return {v.data, v.rows, v.cols, v.stride};
  }

  /// Refuses a program among whose bytes is the address of memory that the host uses.
  template <class Program>
  void check_program(Program program) const {
    __builtin_clear_padding(&program);
    std::array<std::uintptr_t, sizeof(Program) / sizeof(std::uintptr_t) + 1> words{};
    std::memcpy(words.data(), &program, sizeof(Program));
    for (const auto word : words) {
      if (word < 65536 || word >= std::uintptr_t{1} << 47 || here(word)) continue;
      unsigned char resident = 0;
      const bool mapped = ::mincore(reinterpret_cast<void*>(word / 4096 * 4096), 1, &resident) == 0;
      candor::require<guard_error>(!mapped, "[guarded] a row program holds a pointer to the host's memory: ",
                                   candor::detail::program_name<Program>());
    }
  }

  candor::host cpu_;
  std::size_t capacity_, top_ = 0;  // bytes
  unsigned char* base_ = nullptr;
  std::map<std::size_t, std::vector<std::size_t>> free_;  // offsets, by size
  std::mutex mutex_, open_mutex_;
  int open_ = 0;
};

using guarded = guarded_with<host_kernels>;
static_assert(candor::backend<guarded, float> && candor::backend<guarded, candor::bfloat16>);

}  // namespace candor_test
