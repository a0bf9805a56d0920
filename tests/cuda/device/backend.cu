// SPDX-License-Identifier: Apache-2.0
// Memory, copies, products, attention and errors of the device.
#include "backend/attention_cases.hpp"
#include "backend/product_cases.hpp"
#include "cuda/device/with_device.cuh"
#include "support/child.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <tuple>
#include <vector>

using candor::bfloat16;
using candor_test::contains;
using candor_test::product_problem;
using candor_test::worst_error;

namespace {

using element_types = std::tuple<std::tuple<double, double>, std::tuple<float, float>,
                                 std::tuple<bfloat16, float>, std::tuple<bfloat16, bfloat16>>;

std::vector<std::int32_t> counted(std::size_t n) {
  std::vector<std::int32_t> out(n);
  std::iota(out.begin(), out.end(), 7);
  return out;
}

struct add_one_program {
  std::int32_t* out;
  std::int64_t n;
  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    std::int32_t* to = out + row * n;
    team.each(n, [=](std::int64_t i) { to[i] += 1; });
  }
};

/// The functions of core/math.hpp that a device has its own way of.
struct exp_and_sigmoid_program {
  const float* x;
  float* y;  // (2, n)
  std::int64_t n;
  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t) const {
    const auto p = *this;
    team.each(n, [=](std::int64_t i) {
      p.y[i] = candor::math::exp(p.x[i]);
      p.y[p.n + i] = candor::math::sigmoid(p.x[i]);
    });
  }
};

}  // namespace

TEST_CASE("exp and sigmoid on the device are within their bounds", "[device][math]") {
  CANDOR_BACKEND(candor::cuda, gpu);
  std::vector<float> x;
  for (float v = -87.0f; v <= 88.0f; v += 0.0437f) x.push_back(v);
  x.insert(x.end(), {0.0f, -0.0f, 1e-30f});
  const auto n = static_cast<std::int64_t>(x.size());
  const auto in = candor::tensor<candor::cuda, float>::from(gpu, {n}, x);
  candor::tensor<candor::cuda, float> out(gpu, {2, n});
  gpu.rows(1, n, exp_and_sigmoid_program{in.view().data, out.view().data, n});
  const auto found = out.to_vector();
  double worst_exp = 0, worst_sigmoid = 0;  // relative
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double e = std::exp(static_cast<double>(x[i])), s = 1 / (1 + std::exp(-static_cast<double>(x[i])));
    worst_exp = std::max(worst_exp, std::abs(found[i] - e) / e);
    worst_sigmoid = std::max(worst_sigmoid, std::abs(found[x.size() + i] - s) / s);
  }
  CHECK(worst_exp <= 2 * 0x1p-23);
  CHECK(worst_sigmoid <= 4 * 0x1p-23);
}

TEST_CASE("what is copied in comes out, whatever its size", "[device][memory][sanitize]") {
  CANDOR_BACKEND(candor::cuda, gpu);
  // Many small ones and some beyond the pinned buffers, without waiting between.
  std::vector<candor::tensor<candor::cuda, std::int32_t>> there;
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 300; ++i) sizes.push_back(static_cast<std::size_t>(i * i));
  sizes.insert(sizes.end(), {5'000'000, 1, 2'097'152, 3});
  for (const auto n : sizes)
    there.push_back(
        candor::tensor<candor::cuda, std::int32_t>::from(gpu, {static_cast<std::int64_t>(n)}, counted(n)));
  for (std::size_t i = 0; i < sizes.size(); ++i) REQUIRE(there[i].to_vector() == counted(sizes[i]));
  const auto copy = there[100].clone();
  there[100].zero();
  CHECK(copy.to_vector() == counted(sizes[100]));
  CHECK(there[100].to_vector() == std::vector<std::int32_t>(sizes[100]));
}

TEST_CASE("every element of every row is met once, for any shape", "[device][rows][sanitize]") {
  CANDOR_BACKEND(candor::cuda, gpu);
  for (const std::int64_t rows : {1, 3, 4, 5, 1000, 70000})
    for (const std::int64_t n : {1, 31, 33, 255, 3000}) {
      if (rows * n > 20'000'000) continue;
      candor::tensor<candor::cuda, std::int32_t> m(gpu, {rows, n});
      m.zero();
      gpu.rows(rows, n, add_one_program{m.view().data, n});
      const auto all = m.to_vector();
      INFO(rows << " rows of " << n);
      REQUIRE(std::all_of(all.begin(), all.end(), [](int x) { return x == 1; }));
    }
  CHECK_NOTHROW(gpu.rows(0, 5, add_one_program{nullptr, 5}));
}

TEMPLATE_LIST_TEST_CASE("products on the device agree with sums in double", "[device][matmul]",
                        element_types) {
  using T = std::tuple_element_t<0, TestType>;
  using C = std::tuple_element_t<1, TestType>;
  CANDOR_BACKEND(candor::cuda, gpu);
  for (const auto& [m, n, k, padding] : std::vector<std::tuple<int, int, int, int>>{{1, 1, 1, 0},
                                                                                    {3, 5, 7, 2},
                                                                                    {1, 64, 33, 0},
                                                                                    {65, 33, 130, 0},
                                                                                    {96, 40, 64, 8},
                                                                                    {70, 530, 1030, 0},
                                                                                    {128, 256, 512, 0}})
    for (const int flags : {0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15}) {
      const product_problem p{
          m, n, k, padding, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0};
      CAPTURE(m, n, k, padding, p.ta, p.tb, p.accumulate, p.apart);
      CHECK(worst_error<T, C>(gpu, p) <= 1.0);
    }
  CHECK(worst_error<T, C>(gpu, {3, 4, 0, 0, false, true, false}) == 0.0);
  CHECK(worst_error<T, C>(gpu, {3, 4, 0, 0, false, true, true}) == 0.0);
  CHECK(worst_error<T, C>(gpu, {3, 4, 0, 1, false, true, true, true}) == 0.0);
}

TEST_CASE("products that are timed stay right, and are kept in a file", "[device][matmul]") {
  if (candor_test::open_backend<candor::cuda>() == nullptr) return;
  const candor_test::scratch_folder folder;
  for (int run = 0; run < 2; ++run) {
    candor::cuda gpu({.product_file = folder / "products.txt"});
    for (const bool accumulate : {false, true})
      for (const int m : {128, 130, 700})
        CHECK(worst_error<bfloat16, float>(gpu, {m, 256, 512, 0, false, true, accumulate}) <= 1.0);
    gpu.save_products();
    CHECK(std::filesystem::exists(folder / "products.txt"));
  }
}

TEST_CASE("deterministic products give the same bits twice", "[device][matmul]") {
  if (candor_test::open_backend<candor::cuda>() == nullptr) return;
  candor::cuda gpu({.deterministic = true});
  using tensor = candor::tensor<candor::cuda, bfloat16>;
  const auto a = tensor::from(gpu, {64, 8192}, candor_test::numbers<bfloat16>(64 * 8192, 1)),
             b = tensor::from(gpu, {64, 8192}, candor_test::numbers<bfloat16>(64 * 8192, 2));
  const auto run = [&] {
    candor::tensor<candor::cuda, float> c(gpu, {64, 64});
    gpu.matmul<bfloat16, float>(candor::transpose::no, a.view(), candor::transpose::yes, b.view(), c.view());
    return c.to_vector();
  };
  const auto first = run();
  for (int i = 0; i < 10; ++i) CHECK(run() == first);
}

TEST_CASE("a profile has the time of what entered the stream", "[device][profile]") {
  if (candor_test::open_backend<candor::cuda>() == nullptr) return;
  candor::operation_profile profile;
  candor::cuda gpu({.profile = &profile});
  CHECK(worst_error<float, float>(gpu, {64, 32, 128, 0, false, true, false}) <= 1.0);
  for (int run = 1; run <= 3; ++run) {
    candor::tensor<candor::cuda, std::int32_t> m(gpu, {100, 33});
    m.zero();
    gpu.rows(100, 33, add_one_program{m.view().data, 33});
    gpu.synchronize();
    const auto& found = profile.entries();
    REQUIRE(found.contains("add_one_program"));
    CHECK(found.find("add_one_program")->second.calls == static_cast<std::uint64_t>(run));
    CHECK(found.find("add_one_program")->second.seconds > 0);
  }
  const auto& product = profile.entries().find("product a b^T")->second;
  CHECK(product.calls == 1);
  CHECK(product.flops == 2.0 * 64 * 32 * 128);
}

TEST_CASE("attention on the device is softmax(q k) v over what a token sees", "[device][attention][sanitize]") {
  CANDOR_BACKEND(candor::cuda, gpu);
  SECTION("random forests") { candor_test::check_forests(gpu); }
  SECTION("grouped heads of any size") { candor_test::check_grouped_heads(gpu); }
  SECTION("empty trees") { candor_test::check_empty_trees(gpu); }
  SECTION("ragged decoding") { candor_test::check_ragged_decoding(gpu); }
}

TEST_CASE("attention by cuDNN is the own kernels', and a build without it says so", "[device][attention][cudnn]") {
  if (candor_test::open_backend<candor::cuda>() == nullptr) return;
#if CANDOR_HAS_CUDNN
  candor::operation_profile profile;
  candor::cuda own, other({.cudnn = true, .profile = &profile});
  const auto attend = [](candor::cuda& gpu, const candor::attention_heads& heads, std::int64_t count,
                         std::int64_t length) {
    const std::int64_t t = count * length, width = heads.count * heads.size, all = width + 2 * heads.kv_count * heads.size;
    const auto qkv = candor::tensor<candor::cuda, bfloat16>::from(gpu, {t, all},
                                                                  candor_test::numbers<bfloat16>(t * all, 5));
    candor::tensor<candor::cuda, bfloat16> out(gpu, {t, width});
    candor::tensor<candor::cuda, float> lse(gpu, {heads.count, t});
    const auto part = [&](std::int64_t first, std::int64_t n) { return qkv.view().slice_cols(first, n); };
    const std::int64_t narrow = heads.kv_count * heads.size;
    gpu.attention_forward<bfloat16>(heads, candor::attention_layout::full(count, length), part(0, width),
                                    part(width, narrow), part(width + narrow, narrow), out.view(), lse.view());
    std::vector<double> numbers;
    for (const auto v : out.to_vector()) numbers.push_back(static_cast<double>(v));
    for (const auto v : lse.to_vector()) numbers.push_back(static_cast<double>(v));
    return numbers;
  };
  for (const auto& heads : {candor::attention_heads{16, 16, 64, 0.125}, candor::attention_heads{8, 2, 128, 0.09}})
    for (const std::int64_t count : {1, 3})
      for (const std::int64_t length : {64, 577}) {
        CAPTURE(heads.count, heads.size, count, length);
        const auto expected = attend(own, heads, count, length), found = attend(other, heads, count, length);
        double worst = 0;
        for (std::size_t i = 0; i < expected.size(); ++i)
          worst = std::max(worst, std::abs(expected[i] - found[i]) / (1 + std::abs(expected[i])));
        CHECK(worst <= 0.02);
      }
  other.synchronize();
  CHECK(profile.entries().contains("attention forward by cuDNN"));
  CHECK_FALSE(profile.entries().contains("attention forward"));
#else
  CHECK_THROWS_WITH(candor::cuda({.cudnn = true}), contains("-DCANDOR_CUDNN=ON"));
#endif
}

TEST_CASE("memory beyond the limit is refused and leaves the device usable", "[device][memory]") {
  if (candor_test::open_backend<candor::cuda>() == nullptr) return;
  candor::cuda gpu({.memory_limit = std::uint64_t{256} << 20});
  const auto before = gpu.bytes_in_use();
  {
    const candor::tensor<candor::cuda, float> held(gpu, {25, std::int64_t{1} << 20});
    CHECK_THROWS_AS((candor::tensor<candor::cuda, float>(gpu, {60, std::int64_t{1} << 20})),
                    candor::memory_error);
    CHECK_THROWS_WITH(
        (candor::tensor<candor::cuda, float>(gpu, {60, std::int64_t{1} << 20})),
        contains("the limit is 256 MiB (--memory-limit)") && contains("a tensor (60, 1048576)"));
  }
  CHECK(gpu.bytes_in_use() == before);
  CHECK(gpu.peak_bytes() >= before + (std::uint64_t{100} << 20));
  const candor::tensor<candor::cuda, float> again(gpu, {50, std::int64_t{1} << 20});
  CHECK(again);
}

TEST_CASE("a device that is not there is refused", "[device]") {
  if (candor_test::open_backend<candor::cuda>() == nullptr) return;
  CHECK_THROWS_WITH(candor::cuda(1000), contains("--device cuda:1000: there"));
}

TEST_CASE("without a device the backend says so", "[cuda]") {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0) CANDOR_SKIP("there is a device");
  cudaGetLastError();
  CHECK_THROWS_AS(candor::cuda(0), candor::usage_error);
  CHECK_THROWS_WITH(candor::cuda(0), contains("use --device cpu"));
}
