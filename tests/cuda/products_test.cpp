// SPDX-License-Identifier: Apache-2.0
// Products as cuBLASLt wants them, and the file of its algorithms.
#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/backend/cuda/product_cache.hpp>
#include <candor/backend/cuda/product_layout.hpp>
#include <candor/core/random.hpp>
#include <candor/io/atomic_file.hpp>

#include <vector>

using candor::product_layout;
using candor::transpose;
using candor_test::contains;

namespace {

struct memory_of_a_test {};
template <class T>
using view = candor::view<memory_of_a_test, T>;

/// What BLAS does: column-major, result = [result +] op(first) op(second).
void multiply_columns(const product_layout& p, const double* first, const double* second, double* result) {
  const auto at = [](const candor::column_matrix& m, bool transposed, std::int64_t i, std::int64_t j) {
    return transposed ? j + i * m.stride : i + j * m.stride;
  };
  for (std::int64_t i = 0; i < p.result.rows; ++i)
    for (std::int64_t j = 0; j < p.result.cols; ++j) {
      double sum = p.accumulate ? result[i + j * p.result.stride] : 0.0;
      for (std::int64_t x = 0; x < p.inner; ++x)
        sum += first[at(p.first, p.first_transposed, i, x)] * second[at(p.second, p.second_transposed, x, j)];
      result[i + j * p.result.stride] = sum;
    }
}

struct held {
  std::vector<double> numbers;
  view<double> m;
  held(candor::random_stream& random, std::int64_t rows, std::int64_t cols) {
    const std::int64_t stride = cols + static_cast<std::int64_t>(random.below(4));
    numbers.resize(static_cast<std::size_t>(rows * stride));
    for (auto& x : numbers) x = static_cast<double>(random.below(19)) - 9.0;
    m = {numbers.data(), rows, cols, stride};
  }
};

product_layout any_layout() {
  return {.first = {4096, 11008, 4096},
          .second = {11008, 7400, 11008},
          .result = {4096, 7400, 4096},
          .inner = 11008,
          .first_transposed = true,
          .type = candor::product_type::bf16};
}

}  // namespace

TEST_CASE("a column-major library computes what was asked in rows", "[cuda][product]") {
  candor::random_stream random(4, 0);
  for (int n = 0; n < 200; ++n) {
    const auto size = [&] { return static_cast<std::int64_t>(1 + random.below(7)); };
    const std::int64_t rows = size(), cols = size(), inner = size();
    const bool ta = random.below(2) == 1, tb = random.below(2) == 1, accumulate = random.below(2) == 1;
    held a(random, ta ? inner : rows, ta ? rows : inner), b(random, tb ? cols : inner, tb ? inner : cols),
        c(random, rows, cols);
    auto expected = c.numbers;
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < cols; ++j) {
        double& sum = expected[static_cast<std::size_t>(i * c.m.stride + j)];
        if (!accumulate) sum = 0;
        for (std::int64_t x = 0; x < inner; ++x)
          sum += (ta ? a.m(x, i) : a.m(i, x)) * (tb ? b.m(j, x) : b.m(x, j));
      }
    const auto p = candor::lay_out_product(ta ? transpose::yes : transpose::no, view<const double>(a.m),
                                           tb ? transpose::yes : transpose::no, view<const double>(b.m), c.m,
                                           accumulate, false);
    CHECK(p.type == candor::product_type::f64);
    multiply_columns(p, b.m.data, a.m.data, c.m.data);
    CHECK(c.numbers == expected);
  }
}

TEST_CASE("products of shapes that do not fit are refused before the library sees them", "[cuda][product]") {
  const view<const float> a{nullptr, 2, 3, 3}, b{nullptr, 4, 5, 5};
  const view<float> c{nullptr, 2, 5, 5};
  CHECK_THROWS_WITH(candor::lay_out_product(transpose::no, a, transpose::yes, b, c, false, false),
                    contains("[matmul] a (2, 3) times b (4, 5) transposed does not give c (2, 5)"));
}

TEST_CASE("a product is added to a matrix that lies as its result does", "[cuda][product]") {
  alignas(256) static double memory[256];
  const view<const double> start{memory + 4, 2, 5, 8}, a{memory, 2, 3, 3}, b{memory, 5, 3, 3};
  const view<double> c{memory + 128, 2, 5, 8}, dense{memory + 128, 2, 5, 5};
  auto expected = candor::lay_out_product(transpose::no, a, transpose::yes, b, c, true, false);
  CHECK(expected.result_alignment == 64);  // of each row
  expected.result_alignment = 32;
  CHECK(candor::lay_out_product_onto(start, transpose::no, a, transpose::yes, b, c, false) == expected);
  CHECK_THROWS_WITH(candor::lay_out_product_onto(start, transpose::no, a, transpose::yes, b, dense, false),
                    contains("[matmul] start (2, 5) of stride 8 does not lie as c (2, 5) of stride 5"));
}

TEST_CASE("element types and alignments are told as they are", "[cuda][product]") {
  using candor::bfloat16;
  STATIC_REQUIRE(candor::product_type_of<float, float>(false) == candor::product_type::f32);
  STATIC_REQUIRE(candor::product_type_of<float, float>(true) == candor::product_type::tf32);
  STATIC_REQUIRE(candor::product_type_of<bfloat16, bfloat16>(true) == candor::product_type::bf16);
  STATIC_REQUIRE(candor::product_type_of<bfloat16, float>(false) == candor::product_type::bf16_to_f32);
  alignas(256) static char memory[1024];
  const auto* base = reinterpret_cast<const bfloat16*>(memory);
  CHECK(candor::alignment_of(base, 128, 5) == 256);
  CHECK(candor::alignment_of(base, 32003, 5) == 2);
  CHECK(candor::alignment_of(base, 32003, 1) == 256);  // nobody goes to a second column
  CHECK(candor::alignment_of(base + 8, 4096, 5) == 16);
  CHECK(candor::alignment_of(base + 24, 4104, 5) == 16);
}

TEST_CASE("sizes fall into eight classes for each power of two", "[cuda][product]") {
  for (std::int64_t n = 1; n < 5000; ++n) {
    const std::int64_t c = candor::size_class(n);
    REQUIRE(c >= n);
    REQUIRE(8 * (c - n) < std::max<std::int64_t>(n, 8));
    REQUIRE(candor::size_class(c) == c);
  }
  for (const std::int64_t n : {4096, 11264, 32768}) CHECK(candor::size_class(n) == n);
  const auto near = [](std::int64_t tokens) {
    auto p = any_layout();
    p.second.cols = p.result.cols = tokens;
    return typical(p);
  };
  CHECK(near(7300) == near(7400));
  CHECK(near(7300) != near(9000));
  CHECK(near(7300).result.stride == near(7300).result.rows);
}

TEST_CASE("tuned products are found again in their file, on the machine they were timed on",
          "[cuda][product]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "products.txt";
  const product_layout one = typical(any_layout());
  auto other = one;
  other.accumulate = true;
  other.result_alignment = 16;
  const candor::product_algorithm first{1, 2, 3, 4, 5, 6, 7, ~std::uint64_t{0}}, second{9};

  candor::product_cache cache("H200, cuBLASLt 130000");
  cache.load(path);  // nothing yet
  CHECK(!cache.changed());
  cache.put(one, second);
  cache.put(one, first);
  cache.put(other, second);
  CHECK(cache.changed());
  cache.save(path);
  CHECK(!cache.changed());

  candor::product_cache again("H200, cuBLASLt 130000");
  again.load(path);
  REQUIRE(again.size() == 2);
  CHECK(*again.find(one) == first);
  CHECK(*again.find(other) == second);
  other.inner = 1;
  CHECK(again.find(other) == nullptr);

  candor::product_cache elsewhere("A100, cuBLASLt 130000");
  elsewhere.load(path);
  CHECK(elsewhere.size() == 0);
}

TEST_CASE("a damaged file of products is refused with its line", "[cuda][product]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "products.txt";
  candor::product_cache cache("here");
  cache.put(typical(any_layout()), {1});
  cache.save(path);
  const std::string good = candor::read_file(path);
  const auto load = [&](const std::string& text) {
    candor::write_atomically(path, text);
    candor::product_cache("here").load(path);
  };
  CHECK_NOTHROW(load(good));
  CHECK_THROWS_WITH(load("{}"), contains("products.txt:1: not a file of tuned products"));
  CHECK_THROWS_WITH(load(""), contains("products.txt:1:"));
  CHECK_THROWS_WITH(load(good + "1 2 3\n"), contains("products.txt:4: not a tuned product"));
  CHECK_THROWS_WITH(load(good.substr(0, good.size() - 4)), contains("products.txt:3:"));
  CHECK_THROWS_AS(load(good + "9" + good.substr(good.rfind("here") + 6)),
                  candor::input_error);  // no such type
}
