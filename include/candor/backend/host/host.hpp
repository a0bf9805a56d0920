// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The CPU backend: a oneTBB arena, pooled memory, products by Eigen or oneDNN, row programs over threads.
/// No sum is ever cut between threads and products are cut between panels, so the same binary on the same
/// machine gives the same bits with any number of threads.

#include <candor/backend/attention_layout.hpp>
#include <candor/backend/backend.hpp>
#include <candor/backend/host/profile.hpp>
#include <candor/backend/team.hpp>
#include <candor/core/function_ref.hpp>
#include <candor/core/scalar.hpp>
#include <candor/tensor/tensor.hpp>
#include <candor/tensor/view.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace CANDOR_NS {

struct host_options {
  int threads = 0;                 ///< 0: one for each core
  std::uint64_t memory_limit = 0;  ///< bytes, 0: none
  bool use_onednn = true;          ///< where the build has it
  operation_profile* profile = nullptr;  ///< where each operation notes its time, if given
};

class host {
 public:
  static constexpr std::string_view name = "host";

  explicit host(const host_options& options = {});
  ~host();
  /// Only while nothing that was made with it lives: tensors and networks keep its address.
  host(host&&) noexcept;
  host& operator=(host&&) noexcept;

  int threads() const;
  operation_profile* profile() const;

  // Storage. Blocks come from a pool; `release` takes the same size as `allocate`.
  void* allocate(std::size_t bytes);
  void release(void* data, std::size_t bytes) noexcept;
  void zero(void* data, std::size_t bytes);
  void copy(void* to, const void* from, std::size_t bytes);
  void copy_in(void* to, const void* from_host, std::size_t bytes) { copy(to, from_host, bytes); }
  void copy_out(void* to_host, const void* from, std::size_t bytes) { copy(to_host, from, bytes); }
  std::uint64_t bytes_in_use() const;
  std::uint64_t peak_bytes() const;
  std::uint64_t pooled_bytes() const;  ///< of released blocks that wait to be used again

  /// Calls work(begin, end) over [0, count) cut into ranges of at least `grain`, on the arena's threads.
  void for_ranges(std::int64_t count, std::int64_t grain,
                  function_ref<void(std::int64_t, std::int64_t)> work);

  /// Runs a row program: program(team, row) for each row of [0, count). `width` is the work of a row, in
  /// elements.
  template <class Program>
  void rows(std::int64_t count, std::int64_t width, const Program& program) {
    const detail::timed_operation timed(profile(), detail::program_name<Program>());
    const std::int64_t grain = 16384 / (width > 0 ? width : 1) + 1;
    for_ranges(count, grain, [&](std::int64_t begin, std::int64_t end) {
      const serial_team team;
      for (std::int64_t row = begin; row < end; ++row) program(team, row);
    });
  }

  /// c = op(a) op(b), or c += op(a) op(b) where `accumulate`. Sums in the accumulator type.
  template <class T, class C>
  void matmul(transpose ta, view<host, const T> a, transpose tb, view<host, const T> b, view<host, C> c,
              bool accumulate = false);

  /// Attention over stems and branches: attention.hpp.
  template <class T>
  void attention_forward(const attention_heads& heads, const attention_layout& layout, view<host, const T> q,
                         view<host, const T> k, view<host, const T> v, view<host, T> out,
                         view<host, accumulator_t<T>> lse);
  template <class T>
  void attention_backward(const attention_heads& heads, const attention_layout& layout, view<host, const T> q,
                          view<host, const T> k, view<host, const T> v, view<host, const T> out,
                          view<host, const accumulator_t<T>> lse, view<host, const T> d_out,
                          view<host, T> d_q, view<host, T> d_k, view<host, T> d_v);
  template <class T>
  void attention_decode(const attention_heads& heads, const decode_layout& layout, view<host, const T> q,
                        view<host, const T> stem_k, view<host, const T> stem_v, view<host, const T> branch_k,
                        view<host, const T> branch_v, view<host, T> out);

  struct state;
  state& internals() { return *state_; }

 private:
  std::unique_ptr<state> state_;
};

}  // namespace CANDOR_NS

#include <candor/backend/host/attention.hpp>
#include <candor/backend/host/matmul.hpp>

namespace CANDOR_NS {
static_assert(backend<host, float> && backend<host, bfloat16> && backend<host, double>);
}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/backend/host/host_impl.hpp>
#endif
