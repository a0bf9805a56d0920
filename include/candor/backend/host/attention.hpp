// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention on the CPU over stems and branches: out = softmax(scale * q k^T, visible keys) v.
/// Work is cut by tree and key head. A block of queries gathers the blocks of keys that it can see, so blocks
/// that nobody sees cost nothing, and the backward pass recomputes the weights from lse.
/// Shapes: q, out (T, H*D); k, v (T, K*D); lse (H, T) in nats. Views may be columns of a wider matrix.

#include <candor/backend/attention_check.hpp>
#include <candor/backend/host/host.hpp>

#include <algorithm>

namespace CANDOR_NS {
namespace detail {

template <class T>
struct attention_call {
  attention_heads heads;
  const attention_layout* layout;
  view<host, const T> q, k, v;
  view<host, T> out;
  view<host, accumulator_t<T>> lse;
  view<host, const T> d_out;  // the rest for the backward pass only
  view<host, T> d_q, d_k, d_v;
};

template <class T>
struct decode_call {
  attention_heads heads;
  const decode_layout* layout;
  view<host, const T> q, stem_k, stem_v, branch_k, branch_v;
  view<host, T> out;
};

void run_attention_forward(host& backend, const attention_call<float>& c);
void run_attention_forward(host& backend, const attention_call<double>& c);
void run_attention_forward(host& backend, const attention_call<bfloat16>& c);
void run_attention_backward(host& backend, const attention_call<float>& c);
void run_attention_backward(host& backend, const attention_call<double>& c);
void run_attention_backward(host& backend, const attention_call<bfloat16>& c);
void run_attention_decode(host& backend, const decode_call<float>& c);
void run_attention_decode(host& backend, const decode_call<double>& c);
void run_attention_decode(host& backend, const decode_call<bfloat16>& c);

}  // namespace detail

template <class T>
void host::attention_forward(const attention_heads& heads, const attention_layout& layout,
                             view<host, const T> q, view<host, const T> k, view<host, const T> v,
                             view<host, T> out, view<host, accumulator_t<T>> lse) {
  detail::check_attention(heads, layout, q, k, v, lse);
  const detail::timed_operation timed(profile(), "attention forward");
  detail::run_attention_forward(*this,
                                detail::attention_call<T>{heads, &layout, q, k, v, out, lse, {}, {}, {}, {}});
}

template <class T>
void host::attention_backward(const attention_heads& heads, const attention_layout& layout,
                              view<host, const T> q, view<host, const T> k, view<host, const T> v,
                              view<host, const T> out, view<host, const accumulator_t<T>> lse,
                              view<host, const T> d_out, view<host, T> d_q, view<host, T> d_k,
                              view<host, T> d_v) {
  using A = accumulator_t<T>;
  detail::check_attention(heads, layout, q, k, v, lse);
  const detail::timed_operation timed(profile(), "attention backward");
  // The call is shared with the forward pass; out and lse are only read here.
  const view<host, T> out_read{const_cast<T*>(out.data), out.rows, out.cols, out.stride};
  const view<host, A> lse_read{const_cast<A*>(lse.data), lse.rows, lse.cols, lse.stride};
  detail::run_attention_backward(
      *this, detail::attention_call<T>{heads, &layout, q, k, v, out_read, lse_read, d_out, d_q, d_k, d_v});
}

template <class T>
void host::attention_decode(const attention_heads& heads, const decode_layout& layout, view<host, const T> q,
                            view<host, const T> stem_k, view<host, const T> stem_v,
                            view<host, const T> branch_k, view<host, const T> branch_v, view<host, T> out) {
  detail::check_decode(heads, layout, q, branch_k);
  const detail::timed_operation timed(profile(), "attention decode");
  detail::run_attention_decode(
      *this, detail::decode_call<T>{heads, &layout, q, stem_k, stem_v, branch_k, branch_v, out});
}

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/backend/host/attention_decode_impl.hpp>
#include <candor/backend/host/attention_impl.hpp>
#endif
