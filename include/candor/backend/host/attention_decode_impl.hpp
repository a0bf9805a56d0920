// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// One new token of each branch against stem and own past. The stem's keys are read once for all its branches.

#include <candor/backend/host/attention_impl.hpp>

namespace CANDOR_NS::detail {

/// A group's branches under one key head: the queries of all branches and shared heads form one matrix.
template <class T>
void decode_group(host& backend, const decode_call<T>& c, const decode_layout::group& g, std::int64_t kv,
                  attention_scratch<accumulator_t<T>>& s) {
  using A = accumulator_t<T>;
  const std::int64_t d = c.heads.size, per_kv = c.heads.count / c.heads.kv_count;
  const std::int64_t stem = g.stem_end - g.stem_begin, rows = g.branches * per_kv;
  const std::int32_t* length = c.layout->length.data() + g.first_branch;
  const std::int64_t columns = stem + *std::max_element(length, length + g.branches);
  A* q = s.fit(s.q, rows * d);             // (rows, D)
  A* o = s.fit(s.o, rows * d);             // (rows, D)
  A* w = s.fit(s.scores, rows * columns);  // (rows, columns)
  for (std::int64_t b = 0; b < g.branches; ++b)
    copy_rows(q + b * per_kv * d, &c.q(g.first_branch + b, kv * per_kv * d), per_kv, d, d);
  if (stem > 0) {
    const auto k = operand_rows(s.k, &c.stem_k(g.stem_begin, kv * d), stem, d, c.stem_k.stride);
    small_product(backend, q, d, false, k.data, k.stride, true, w, columns, rows, stem, d, false);
  }
  A* sums = s.fit(s.d_q, rows);  // (rows)
  const serial_team team;
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t b = r / per_kv, past = c.layout->past(g.first_branch + b), own = length[b];
    A* row = w + r * columns;
    const A* query = q + r * d;
    for (std::int64_t j = 0; j < own; ++j) {
      const T* key = &c.branch_k(past + j, kv * d);
      row[stem + j] = team.sum(d, [=](std::int64_t x) { return query[x] * static_cast<A>(key[x]); });
    }
    A top;
    exponentiate(row, row, stem + own, static_cast<A>(c.heads.scale), top, sums[r]);
  }
  if (stem > 0) {
    const auto v = operand_rows(s.v, &c.stem_v(g.stem_begin, kv * d), stem, d, c.stem_v.stride);
    small_product(backend, w, columns, false, v.data, v.stride, false, o, d, rows, d, stem, false);
  } else {
    std::fill_n(o, rows * d, A(0));
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t b = r / per_kv, past = c.layout->past(g.first_branch + b);
    A* sum = o + r * d;
    for (std::int64_t j = 0; j < length[b]; ++j) {
      const T* value = &c.branch_v(past + j, kv * d);
      const A weight = w[r * columns + stem + j];
      team.each(d, [=](std::int64_t x) { sum[x] += weight * static_cast<A>(value[x]); });
    }
    store_row(&c.out(g.first_branch + b, (kv * per_kv + r % per_kv) * d), sum, d, A(1) / sums[r]);
  }
}

template <class T>
void attention_decode_groups(host& backend, const decode_call<T>& c) {
  const auto groups = static_cast<std::int64_t>(c.layout->groups.size());
  backend.for_ranges(groups * c.heads.kv_count, 1, [&](std::int64_t begin, std::int64_t end) {
    attention_scratch<accumulator_t<T>> scratch;
    for (std::int64_t i = begin; i < end; ++i)
      decode_group(backend, c, c.layout->groups[static_cast<std::size_t>(i / c.heads.kv_count)], i % c.heads.kv_count, scratch);
  });
}

CANDOR_INLINE void run_attention_decode(host& b, const decode_call<float>& c) { attention_decode_groups(b, c); }
CANDOR_INLINE void run_attention_decode(host& b, const decode_call<double>& c) { attention_decode_groups(b, c); }
CANDOR_INLINE void run_attention_decode(host& b, const decode_call<bfloat16>& c) { attention_decode_groups(b, c); }

}  // namespace CANDOR_NS::detail
