// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A backend that computes nothing and has no memory: it keeps the books. A model built on it and run once
/// tells how many bytes the same run takes on a real backend and how much its matrix products work, in an
/// instant and without weights:
///
///     candor::ledger books;
///     candor::llava_network<candor::ledger, float> network(books, candor::read_llava_config(folder));
///     books.peak_bytes();

#include <candor/backend/attention_layout.hpp>
#include <candor/backend/backend.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace CANDOR_NS {

/// All values that are read back are zero. What a backend takes as workspace of its own is not known here.
class ledger {
 public:
  static constexpr std::string_view name = "ledger";

  /// The pointer is no memory: it is only ever compared with null and moved.
  void* allocate(std::size_t bytes) {
    in_use_ += bytes;
    peak_ = std::max(peak_, in_use_);
    return reinterpret_cast<void*>(std::uintptr_t{1} << 40);
  }
  void release(void*, std::size_t bytes) noexcept { in_use_ -= bytes; }
  void zero(void*, std::size_t) {}
  void copy(void*, const void*, std::size_t) {}
  void copy_in(void*, const void*, std::size_t) {}
  void copy_out(void* to_host, const void*, std::size_t bytes) {
    if (bytes > 0) std::memset(to_host, 0, bytes);
  }

  std::uint64_t bytes_in_use() const { return in_use_; }
  std::uint64_t peak_bytes() const { return peak_; }
  /// Multiplications and additions of all matrix products so far, those of attention left out.
  double product_flops() const { return flops_; }

  template <class Program>
  void rows(std::int64_t, std::int64_t, const Program&) {}

  template <class T, class C>
  void matmul(transpose ta, view<ledger, const T> a, transpose, view<ledger, const T>, view<ledger, C> c,
              bool = false) {
    const std::int64_t inner = ta == transpose::no ? a.cols : a.rows;
    flops_ += 2.0 * static_cast<double>(c.rows) * static_cast<double>(c.cols) * static_cast<double>(inner);
  }

  template <class T>
  void attention_forward(const attention_heads&, const attention_layout&, view<ledger, const T>,
                         view<ledger, const T>, view<ledger, const T>, view<ledger, T>,
                         view<ledger, accumulator_t<T>>) {}
  template <class T>
  void attention_backward(const attention_heads&, const attention_layout&, view<ledger, const T>,
                          view<ledger, const T>, view<ledger, const T>, view<ledger, const T>,
                          view<ledger, const accumulator_t<T>>, view<ledger, const T>, view<ledger, T>,
                          view<ledger, T>, view<ledger, T>) {}
  template <class T>
  void attention_decode(const attention_heads&, const decode_layout&, view<ledger, const T>,
                        view<ledger, const T>, view<ledger, const T>, view<ledger, const T>,
                        view<ledger, const T>, view<ledger, T>) {}

 private:
  std::uint64_t in_use_ = 0, peak_ = 0;
  double flops_ = 0;
};

static_assert(backend<ledger, float> && backend<ledger, bfloat16>);

}  // namespace CANDOR_NS
