// SPDX-License-Identifier: Apache-2.0
// The device's attention kernels, run by the emulator, against the definition: each element within a stated
// bound.
#include "cuda/attention_check.hpp"

#include <candor/backend/cuda/attention_launch.hpp>
#include <candor/backend/host/matmul.hpp>

using candor::attention_heads;
using candor::attention_layout;
using candor::bfloat16;
using candor_test::attention_bounds;
using candor_test::backward_largest;
using candor_test::check_close;
using candor_test::device_rows;
using candor_test::matrix;
using candor_test::simt;
namespace device = candor::device;

namespace {

/// Random values of one call.
template <class T>
struct attention_inputs {
  matrix q, k, v, d_out;
  attention_inputs(const attention_heads& heads, std::int64_t tokens, std::uint64_t seed) {
    candor::random_stream random(seed, 3);
    const std::int64_t wide = heads.count * heads.size, narrow = heads.kv_count * heads.size;
    q = candor_test::random_matrix<T>(random, tokens, wide);
    k = candor_test::random_matrix<T>(random, tokens, narrow);
    v = candor_test::random_matrix<T>(random, tokens, narrow);
    d_out = candor_test::random_matrix<T>(random, tokens, wide);
  }
};

struct attention_results {
  matrix out, lse, d_q, d_k, d_v;
  candor_test::bank_counter banks;
};

/// Both passes as the device runs them, in memory of which nothing else may be touched.
template <class T>
attention_results on_device(const attention_heads& heads, const attention_layout& layout,
                            const attention_inputs<T>& in, bool count_banks = false) {
  using A = candor::accumulator_t<T>;
  const std::int64_t t = layout.tokens(), wide = heads.count * heads.size,
                     narrow = heads.kv_count * heads.size;
  device_rows<T> q(in.q), k(in.k), v(in.v), d_out(in.d_out), out(t, wide), d_q(t, wide), d_k(t, narrow),
      d_v(t, narrow);
  device_rows<A> lse(heads.count, t);
  const device::attention_plan plan(layout);
  const auto view = plan.view(plan.numbers().data());
  std::vector<A> workspace(static_cast<std::size_t>(device::attention_workspace(heads, view)));
  simt gpu;
  gpu.banks.counting = count_banks;
  gpu.allow(plan.numbers().data(), plan.numbers().size() * 4, false);
  gpu.allow(workspace.data(), workspace.size() * sizeof(A), true);
  for (auto* m : {&q, &k, &v, &d_out}) m->allow(gpu, false);
  for (auto* m : {&out, &d_q, &d_k, &d_v}) m->allow(gpu, true);
  lse.allow(gpu, true);
  const auto launch = [&](const auto& kernel, const device::grid_extent& grid, std::uint32_t shared_bytes) {
    CHECK(shared_bytes <= 99 * 1024);
    gpu.launch(kernel, grid, shared_bytes);
    return 0;
  };
  const device::attention_tensors<T> x{q.in(),     k.in(),     v.in(),     out.rows(), lse.rows(),
                                       d_out.in(), d_q.rows(), d_k.rows(), d_v.rows()};
  device::attention_forward(launch, device::head_shape(heads), view, x);
  device::attention_backward(launch, device::head_shape(heads), view, x, workspace.data());
  return {out.to_matrix(), lse.to_matrix(), d_q.to_matrix(), d_k.to_matrix(), d_v.to_matrix(), gpu.banks};
}

template <class T>
void check_attention(const attention_heads& heads, const attention_layout& layout, std::uint64_t seed) {
  INFO(heads.count << " heads over " << heads.kv_count << " of " << heads.size << ", " << layout.tokens()
                   << " tokens, seed " << seed);
  const attention_inputs<T> in(heads, layout.tokens(), seed);
  const auto found = on_device<T>(heads, layout, in);
  const auto expected = candor_test::naive_forward(heads, layout, in.q, in.k, in.v);
  using lse_bounds = attention_bounds<candor::accumulator_t<T>>;
  check_close("out", found.out, expected.out, attention_bounds<T>::element, attention_bounds<T>::largest);
  check_close("lse", found.lse, expected.lse, lse_bounds::element, lse_bounds::largest);
  const auto d = candor_test::naive_backward(heads, layout, in.q, in.k, in.v, expected, in.d_out);
  check_close("d_q", found.d_q, d.q, attention_bounds<T>::element, backward_largest<T>);
  check_close("d_k", found.d_k, d.k, attention_bounds<T>::element, backward_largest<T>);
  check_close("d_v", found.d_v, d.v, attention_bounds<T>::element, 4 * attention_bounds<T>::largest);
}

std::vector<attention_layout> layouts() {
  candor::random_stream random(31, 0);
  std::vector<attention_layout> out;
  for (const std::int32_t most_tokens : {5, 40}) {
    candor_test::forest_style style;
    style.most_tokens = most_tokens;
    style.most_segments = 6;
    std::vector<candor::forest> forests;
    for (int i = 0; i < 3; ++i) forests.push_back(candor_test::random_forest(random, style));
    out.push_back(candor_test::layout_of(forests));
  }
  candor_test::forest_style style;
  out.push_back(candor_test::layout_of({candor_test::wide_forest(random, 100, 20, style)}));
  out.push_back(attention_layout::full(3, 50));
  return out;
}

}  // namespace

TEST_CASE("device attention over forests and images is softmax(q k) v over what a token sees",
          "[cuda][attention]") {
  std::uint64_t seed = 0;
  for (const auto& layout : layouts()) {
    check_attention<bfloat16>({2, 1, 8, 0.35}, layout, ++seed);
    check_attention<float>({2, 2, 8, 0.35}, layout, ++seed);
    check_attention<double>({2, 1, 6, 0.4}, layout, ++seed);
  }
}

TEST_CASE("device attention takes heads of all sizes", "[cuda][attention]") {
  const auto layout = layouts()[1];
  for (const std::int64_t size : {8, 40, 64, 80, 96, 128}) {
    const attention_heads heads{1, 1, size, 1.0 / std::sqrt(static_cast<double>(size))};
    check_attention<bfloat16>(heads, layout, 40);
    check_attention<float>(heads, layout, 41);
  }
  check_attention<bfloat16>({6, 2, 16, 0.25}, layout, 42);
  check_attention<bfloat16>({1, 1, 5, 0.4}, layout, 43);
  check_attention<double>({1, 1, 128, 0.1}, layout, 44);
}

TEST_CASE("device attention of one token, and of none", "[cuda][attention]") {
  attention_layout none;
  none.trees = {0};
  for (const auto& layout : {attention_layout::full(1, 1), none}) {
    check_attention<bfloat16>({2, 1, 8, 0.5}, layout, 50);
    check_attention<float>({2, 1, 8, 0.5}, layout, 51);
  }
}

TEST_CASE("tiles of attention meet no bank twice", "[cuda][attention]") {
  for (const std::int64_t size : {64, 96, 128}) {
    const attention_heads heads{1, 1, size, 0.1};
    const auto banks =
        on_device<bfloat16>(heads, attention_layout::full(1, 128), {heads, 128, 60}, true).banks;
    CHECK(banks.least > 1000);
    CHECK(banks.passes == banks.least);
  }
}

TEST_CASE("device attention in bfloat16 is as exact as the host's", "[cuda][attention]") {
  candor::host cpu({.threads = 1});
  if (!candor::detail::multiplies_bfloat16(cpu))
    CANDOR_SKIP("this processor's products take bfloat16 as fp32, and so round less");
  const attention_heads heads{1, 1, 64, 0.125};
  const auto layout = layouts()[1];
  const std::int64_t t = layout.tokens();
  REQUIRE(t * heads.size >= 4096);
  const attention_inputs<bfloat16> in(heads, t, 80);
  const auto found = on_device<bfloat16>(heads, layout, in);
  candor_test::strided<bfloat16> q(cpu, in.q), k(cpu, in.k), v(cpu, in.v), d_out(cpu, in.d_out),
      out(cpu, t, 64), d_q(cpu, t, 64), d_k(cpu, t, 64), d_v(cpu, t, 64);
  candor_test::strided<float> lse(cpu, 1, t);
  cpu.attention_forward<bfloat16>(heads, layout, q.in(), k.in(), v.in(), out.view(), lse.view());
  cpu.attention_backward<bfloat16>(heads, layout, q.in(), k.in(), v.in(), out.in(), lse.in(), d_out.in(),
                                   d_q.view(), d_k.view(), d_v.view());
  const auto expected = candor_test::naive_forward(heads, layout, in.q, in.k, in.v);
  const auto d = candor_test::naive_backward(heads, layout, in.q, in.k, in.v, expected, in.d_out);
  const auto deviation = [](const matrix& a, const matrix& b) {  // root of the sum of squares
    double sum = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i)
      sum += (a.values[i] - b.values[i]) * (a.values[i] - b.values[i]);
    return std::sqrt(sum);
  };
  const auto check = [&](const char* name, const matrix& device, const matrix& host, const matrix& truth) {
    INFO(name << ": " << deviation(device, truth) << " on the device, " << deviation(host, truth)
              << " on the host");
    CHECK(deviation(device, truth) <= 1.2 * deviation(host, truth));
  };
  check("out", found.out, out.to_matrix(), expected.out);
  check("d_q", found.d_q, d_q.to_matrix(), d.q);
  check("d_k", found.d_k, d_k.to_matrix(), d.k);
  check("d_v", found.d_v, d_v.to_matrix(), d.v);
}

TEST_CASE("device attention gives no weight to keys far below the largest, whatever their size",
          "[cuda][attention]") {
  const attention_heads heads{1, 1, 8, 1.0};
  const attention_layout layout = attention_layout::full(1, 100);
  const device::attention_plan plan(layout);
  matrix q(100, 8), k(100, 8), v(100, 8);
  candor::random_stream random(3, 3);
  for (std::int64_t i = 0; i < 100; ++i) {
    q(i, 0) = 96;
    k(i, 0) = i == 70 ? 96 : -96;  // scores -9216 and, once, 9216
    for (std::int64_t j = 0; j < 8; ++j)
      v(i, j) = static_cast<double>(bfloat16(static_cast<float>(random.normal())));
  }
  device_rows<bfloat16> q_in(q), k_in(k), v_in(v), out(100, 8);
  device_rows<float> lse(1, 100);
  simt gpu;
  gpu.allow(plan.numbers().data(), plan.numbers().size() * 4, false);
  for (auto* m : {&q_in, &k_in, &v_in}) m->allow(gpu, false);
  out.allow(gpu, true);
  lse.allow(gpu, true);
  device::attention_tensors<bfloat16> x{};
  x.q = q_in.in(), x.k = k_in.in(), x.v = v_in.in(), x.out = out.rows(), x.lse = lse.rows();
  const auto launch = [&](const auto& kernel, const device::grid_extent& grid, std::uint32_t shared_bytes) {
    gpu.launch(kernel, grid, shared_bytes);
    return 0;
  };
  device::attention_forward(launch, device::head_shape(heads), plan.view(plan.numbers().data()), x);
  const matrix found = out.to_matrix(), found_lse = lse.to_matrix();
  for (std::int64_t i = 0; i < 100; ++i) {
    CHECK(found_lse(0, i) == Approx(9216.0).epsilon(1e-6));
    for (std::int64_t j = 0; j < 8; ++j) CHECK(found(i, j) == Approx(v(70, j)).epsilon(1.0 / 256));
  }
}

TEST_CASE("device attention of a pair as long as LLaVA's", "[cuda][attention]") {
  attention_layout layout;  // a stem of 576 + 60 and two answers
  for (const std::int32_t end : {636, 636 + 150, 636 + 300}) {
    while (layout.tokens() < end) {
      layout.reach.push_back(static_cast<std::int32_t>(layout.tokens()));
      layout.visible_until.push_back(end == 636 ? 936 : end);
    }
  }
  layout.trees = {0, 936};
  check_attention<bfloat16>({1, 1, 128, 0.0884}, layout, 70);
}
