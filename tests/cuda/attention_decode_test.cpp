// SPDX-License-Identifier: Apache-2.0
// The device's attention of one new token a branch, run by the emulator, against the definition.
#include "cuda/attention_check.hpp"

#include <candor/backend/cuda/attention_launch.hpp>

using candor::attention_heads;
using candor::bfloat16;
using candor::decode_layout;
using candor_test::attention_bounds;
using candor_test::device_rows;
using candor_test::matrix;
namespace device = candor::device;

namespace {

struct decode_case {
  decode_layout layout;
  std::int64_t stem_rows = 0, own_rows = 0;  // of the caches
};

/// Stems of these lengths, with rows between them that belong to nobody, and branches with pasts up to the
/// capacity.
decode_case random_case(candor::random_stream& random, const std::vector<std::int32_t>& stems,
                        std::int32_t most_branches, std::int32_t capacity) {
  decode_case c;
  c.layout.capacity = capacity;
  for (const std::int32_t stem : stems) {
    c.stem_rows += 3;
    const auto first = static_cast<std::int32_t>(c.layout.length.size());
    const auto begin = static_cast<std::int32_t>(c.stem_rows);
    const std::int32_t branches = candor_test::draw(random, 1, most_branches);
    c.layout.groups.push_back({begin, begin + stem, first, branches});
    c.stem_rows += stem;
    for (std::int32_t b = 0; b < branches; ++b)
      c.layout.length.push_back(candor_test::draw(random, 1, capacity));
  }
  const auto branches = static_cast<std::int32_t>(c.layout.length.size());
  for (std::int32_t b = 0; b < branches; ++b)
    c.layout.slots.push_back(2 * (branches - 1 - b));  // others came and went
  c.own_rows = 2 * branches * capacity;
  return c;
}

matrix naive_decode(const attention_heads& h, const decode_layout& layout, const matrix& q,
                    const matrix& stem_k, const matrix& stem_v, const matrix& branch_k,
                    const matrix& branch_v) {
  matrix out(q.rows, q.cols);
  for (const auto& g : layout.groups)
    for (std::int64_t b = g.first_branch; b < g.first_branch + g.branches; ++b)
      for (std::int64_t head = 0; head < h.count; ++head) {
        const std::int64_t column = head * h.kv_count / h.count * h.size;
        std::vector<double> scores;
        const auto for_keys = [&](auto&& f) {
          for (std::int64_t j = g.stem_begin; j < g.stem_end; ++j) f(stem_k, stem_v, j);
          for (std::int64_t j = 0; j < layout.length[static_cast<std::size_t>(b)]; ++j)
            f(branch_k, branch_v, layout.past(b) + j);
        };
        for_keys([&](const matrix& k, const matrix&, std::int64_t j) {
          double s = 0;
          for (std::int64_t x = 0; x < h.size; ++x) s += q(b, head * h.size + x) * k(j, column + x);
          scores.push_back(s * h.scale);
        });
        const double top = *std::max_element(scores.begin(), scores.end());
        double sum = 0;
        for (const double s : scores) sum += std::exp(s - top);
        std::size_t n = 0;
        for_keys([&](const matrix&, const matrix& v, std::int64_t j) {
          const double weight = std::exp(scores[n++] - top) / sum;
          for (std::int64_t x = 0; x < h.size; ++x) out(b, head * h.size + x) += weight * v(j, column + x);
        });
      }
  return out;
}

template <class T>
void check_decode(const attention_heads& heads, const decode_case& c, std::int64_t wanted,
                  std::uint64_t seed) {
  using A = candor::accumulator_t<T>;
  INFO(heads.count << " heads over " << heads.kv_count << " of " << heads.size << ", wanted " << wanted
                   << ", seed " << seed);
  candor::random_stream random(seed, 5);
  const auto branches = static_cast<std::int64_t>(c.layout.length.size());
  const std::int64_t wide = heads.count * heads.size, narrow = heads.kv_count * heads.size;
  const auto q = candor_test::random_matrix<T>(random, branches, wide),
             stem_k = candor_test::random_matrix<T>(random, c.stem_rows, narrow),
             stem_v = candor_test::random_matrix<T>(random, c.stem_rows, narrow),
             branch_k = candor_test::random_matrix<T>(random, c.own_rows, narrow),
             branch_v = candor_test::random_matrix<T>(random, c.own_rows, narrow);
  device_rows<T> q_in(q), sk(stem_k), sv(stem_v), bk(branch_k), bv(branch_v), out(branches, wide);
  const device::decode_plan plan(c.layout, heads.count / heads.kv_count, wanted);
  const auto view = plan.view(plan.numbers().data());
  std::vector<A> workspace(static_cast<std::size_t>(device::decode_workspace(heads, view)));
  candor_test::simt gpu;
  gpu.allow(plan.numbers().data(), plan.numbers().size() * 4, false);
  gpu.allow(workspace.data(), workspace.size() * sizeof(A), true);
  for (auto* m : {&q_in, &sk, &sv, &bk, &bv}) m->allow(gpu, false);
  out.allow(gpu, true);
  const auto launch = [&](const auto& kernel, const device::grid_extent& grid, std::uint32_t shared_bytes) {
    CHECK(shared_bytes <= 99 * 1024);
    gpu.launch(kernel, grid, shared_bytes);
    return 0;
  };
  const device::decode_tensors<T> x{q_in.in(), sk.in(), sv.in(), bk.in(), bv.in(), out.rows()};
  device::attention_decode(launch, device::head_shape(heads), view, x, workspace.data());
  candor_test::check_close("out", out.to_matrix(),
                           naive_decode(heads, c.layout, q, stem_k, stem_v, branch_k, branch_v),
                           attention_bounds<T>::element, attention_bounds<T>::largest);
}

}  // namespace

TEST_CASE("device decoding is attention to stem and own past", "[cuda][decode]") {
  candor::random_stream random(3, 1);
  const auto c = random_case(random, {7, 1, 200, 0, 130}, 6, 9),
             long_pasts = random_case(random, {300}, 2, 150);
  std::uint64_t seed = 0;
  for (const std::int64_t wanted : {1, 1000}) {
    check_decode<bfloat16>({2, 2, 16, 0.25}, c, wanted, ++seed);
    check_decode<float>({2, 2, 16, 0.25}, c, wanted, ++seed);
    check_decode<double>({4, 1, 6, 0.4}, c, wanted, ++seed);
    check_decode<bfloat16>({6, 2, 24, 0.2}, long_pasts, wanted, ++seed);
    check_decode<float>({3, 1, 8, 0.3}, long_pasts, wanted, ++seed);
  }
}

TEST_CASE("device decoding takes heads of all sizes, and more branches than a tensor core has rows",
          "[cuda][decode]") {
  candor::random_stream random(4, 1);
  const auto c = random_case(random, {70}, 3, 5);
  for (const std::int64_t size : {8, 40, 64, 80, 128}) {
    const attention_heads heads{1, 1, size, 1.0 / std::sqrt(static_cast<double>(size))};
    check_decode<bfloat16>(heads, c, 1, 20);
    check_decode<float>(heads, c, 1, 21);
  }
  check_decode<bfloat16>({1, 1, 5, 0.4}, c, 1, 22);  // rows of 10 bytes
  decode_case many;
  many.layout.capacity = 2;
  many.layout.groups.push_back({0, 40, 0, 35});
  many.layout.length.assign(35, 2);
  many.stem_rows = 40;
  many.own_rows = 35 * 2;
  check_decode<bfloat16>({2, 2, 16, 0.25}, many, 1, 23);
  check_decode<float>({2, 1, 8, 0.3}, many, 1, 24);
}

TEST_CASE("device decoding of no branches does nothing", "[cuda][decode]") {
  decode_case none;
  none.layout.capacity = 4;
  check_decode<bfloat16>({2, 2, 16, 0.25}, none, 1, 30);
}

TEST_CASE("a decoding plan lets each query meet each of its keys once", "[cuda][decode]") {
  candor::random_stream random(9, 1);
  const auto c = random_case(random, {7, 1, 700, 0, 130}, 12, 300);
  for (const std::int32_t group : {1, 4})
    for (const std::int64_t wanted : {1, 100000}) {
      const device::decode_plan plan(c.layout, group, wanted);
      const auto view = plan.view(plan.numbers().data());
      const std::size_t branches = c.layout.length.size();
      std::vector<std::vector<int>> stem_met(branches * group,
                                             std::vector<int>(static_cast<std::size_t>(c.stem_rows)));
      std::vector<std::vector<int>> own_met(branches * group,
                                            std::vector<int>(static_cast<std::size_t>(c.own_rows)));
      std::vector<std::vector<int>> parts(branches * group,
                                          std::vector<int>(static_cast<std::size_t>(view.parts)));
      for (std::int32_t i = 0; i < view.tasks; ++i) {
        const auto& t = view.task[i];
        CHECK((t.rows >= 1 && t.rows <= device::decode_rows && t.key_begin < t.key_end));
        for (std::int32_t r = t.first_row; r < t.first_row + t.rows; ++r) {
          const auto row = static_cast<std::size_t>(r);
          for (std::int32_t k = t.key_begin; k < t.key_end; ++k)
            ++(t.of_stem ? stem_met : own_met)[row][static_cast<std::size_t>(k)];
          const std::int32_t slot = view.part_begin[r / group] + t.part;
          REQUIRE(slot < view.part_begin[r / group + 1]);
          ++parts[row][static_cast<std::size_t>(slot)];
        }
      }
      bool right = true;
      for (const auto& g : c.layout.groups)
        for (std::int32_t r = g.first_branch * group; r < (g.first_branch + g.branches) * group; ++r) {
          const auto row = static_cast<std::size_t>(r);
          const auto past = static_cast<std::int32_t>(c.layout.past(r / group));
          for (std::int32_t k = 0; k < static_cast<std::int32_t>(c.stem_rows); ++k)
            right =
                right && stem_met[row][static_cast<std::size_t>(k)] == (k >= g.stem_begin && k < g.stem_end);
          for (std::size_t k = 0; k < own_met[row].size(); ++k)
            right =
                right && own_met[row][k] == (static_cast<std::int32_t>(k) >= past &&
                                             static_cast<std::int32_t>(k) <
                                                 past + c.layout.length[static_cast<std::size_t>(r / group)]);
          for (std::int32_t p = 0; p < view.parts; ++p)
            right = right && parts[row][static_cast<std::size_t>(p)] ==
                                 (p >= view.part_begin[r / group] && p < view.part_begin[r / group + 1]);
        }
      CHECK(right);
    }
}
