// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A backend with exactly the members that backend/backend.hpp asks for, for one element type, and nothing
/// else. It is only compiled. A component that uses more does not compile with it; without any one member the
/// concept does not hold.

#include <candor/backend/backend.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace candor_test {

/// What a backend consists of. An archetype may lack one of them.
enum class member {
  none,
  name,
  allocate,
  release,
  zero,
  copy,
  copy_in,
  copy_out,
  rows,
  matmul,
  matmul_to_accumulator,
  attention_forward,
  attention_backward,
  attention_decode
};

/// The three members of a team.
struct archetype_team {
  template <class F>
  void each(std::int64_t n, F f) const {
    f(n);
  }
  template <class F>
  auto sum(std::int64_t n, F f) const {
    return f(n);
  }
  template <class S, class F>
  S max(std::int64_t n, S, F f) const {
    return f(n);
  }
};

template <bool>
struct archetype_name {
  static constexpr std::string_view name = "archetype";
};
template <>
struct archetype_name<false> {};

template <class T, member Lacks = member::none>
struct archetype : archetype_name<Lacks != member::name> {
  using A = candor::accumulator_t<T>;

  archetype() = default;
  archetype(const archetype&) = delete;
  archetype& operator=(const archetype&) = delete;

  void* allocate(std::size_t) requires(Lacks != member::allocate);
  void release(void*, std::size_t) noexcept requires(Lacks != member::release);
  void zero(void*, std::size_t) requires(Lacks != member::zero);
  void copy(void*, const void*, std::size_t) requires(Lacks != member::copy);
  void copy_in(void*, const void*, std::size_t) requires(Lacks != member::copy_in);
  void copy_out(void*, const void*, std::size_t) requires(Lacks != member::copy_out);

  template <class Program>
  void rows(std::int64_t count, std::int64_t, const Program& program) requires(Lacks != member::rows) {
    program(archetype_team{}, count);
  }

  template <class U, class C>
  void matmul(candor::transpose, candor::view<archetype, const U>, candor::transpose,
              candor::view<archetype, const U>, candor::view<archetype, C>,
              bool = false) requires(std::is_same_v<T, U> &&
                                     ((Lacks != member::matmul && std::is_same_v<C, T>) ||
                                      (Lacks != member::matmul_to_accumulator && std::is_same_v<C, A>)));
  template <class U>
  void attention_forward(const candor::attention_heads&, const candor::attention_layout&,
                         candor::view<archetype, const U>, candor::view<archetype, const U>,
                         candor::view<archetype, const U>, candor::view<archetype, U>,
                         candor::view<archetype, A>) requires(Lacks != member::attention_forward &&
                                                              std::is_same_v<T, U>);
  template <class U>
  void attention_backward(const candor::attention_heads&, const candor::attention_layout&,
                          candor::view<archetype, const U>, candor::view<archetype, const U>,
                          candor::view<archetype, const U>, candor::view<archetype, const U>,
                          candor::view<archetype, const A>, candor::view<archetype, const U>,
                          candor::view<archetype, U>, candor::view<archetype, U>,
                          candor::view<archetype, U>) requires(Lacks != member::attention_backward &&
                                                               std::is_same_v<T, U>);
  template <class U>
  void attention_decode(const candor::attention_heads&, const candor::decode_layout&,
                        candor::view<archetype, const U>, candor::view<archetype, const U>,
                        candor::view<archetype, const U>, candor::view<archetype, const U>,
                        candor::view<archetype, const U>,
                        candor::view<archetype, U>) requires(Lacks != member::attention_decode &&
                                                             std::is_same_v<T, U>);
};

}  // namespace candor_test
