// SPDX-License-Identifier: Apache-2.0
// Memory, threads and row programs of the CPU backend, and products on several threads.
#include "backend/naive_attention.hpp"
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <numeric>

using candor::bfloat16;
using candor::host;
using candor::transpose;
using candor_test::contains;
using candor_test::strided;

namespace {

struct extents {
  std::int64_t m, n, k;
};

template <class T, class C>
void check_thread_counts() {
  for (const extents& e :
       {extents{300, 257, 130}, extents{40, 520, 700}, extents{513, 9, 300}, extents{65, 40, 600},
        extents{40, 65, 600}, extents{98, 50, 700}, extents{1, 1300, 300}, extents{190, 190, 190},
        extents{144, 143, 64}, extents{9, 1009, 100}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        candor::random_stream random(81, 5);
        const auto a = candor_test::random_matrix<T>(random, ta ? e.k : e.m, ta ? e.m : e.k);
        const auto b = candor_test::random_matrix<T>(random, tb ? e.n : e.k, tb ? e.k : e.n);
        const auto bits = [&](int threads, bool onednn) {
          host cpu({.threads = threads, .use_onednn = onednn});
          strided<T> a_in(cpu, a), b_in(cpu, b);
          strided<C> c(cpu, e.m, e.n);
          cpu.matmul<T, C>(ta ? transpose::yes : transpose::no, a_in.in(),
                           tb ? transpose::yes : transpose::no, b_in.in(), c.view());
          return c.bits();
        };
        for (const bool onednn : {true, false}) {
          INFO(e.m << " x " << e.n << " x " << e.k << ", transposed " << ta << tb << ", oneDNN " << onednn);
          const auto one = bits(1, onednn);
          for (const int threads : {2, 3})
            CHECK(std::memcmp(one.data(), bits(threads, onednn).data(), sizeof(C) * one.size()) == 0);
        }
      }
}

}  // namespace

TEST_CASE("products give the same bits on one, two and three threads", "[backend][matmul]") {
  check_thread_counts<float, float>();
  check_thread_counts<double, double>();
  check_thread_counts<bfloat16, float>();
  check_thread_counts<bfloat16, bfloat16>();
}

TEST_CASE("products of shapes that do not fit are refused", "[backend][matmul]") {
  host cpu({.threads = 1});
  strided<float> a(cpu, 2, 3), b(cpu, 4, 5), c(cpu, 2, 5);
  CHECK_THROWS_WITH((cpu.matmul<float, float>(transpose::no, a.in(), transpose::no, b.in(), c.view())),
                    contains("a (2, 3) times b (4, 5) does not give c (2, 5)"));
  CHECK_THROWS_WITH((cpu.matmul<float, float>(transpose::yes, a.in(), transpose::yes, b.in(), c.view())),
                    contains("a (2, 3) transposed times b (4, 5) transposed"));
}

TEST_CASE("memory is aligned, counted, and used again", "[backend][host]") {
  host cpu({.threads = 1});
  CHECK(cpu.bytes_in_use() == 0);
  void* first = cpu.allocate(1000);
  CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
  CHECK(cpu.bytes_in_use() >= 1000);
  const auto peak = cpu.peak_bytes();
  cpu.release(first, 1000);
  CHECK(cpu.bytes_in_use() == 0);
  CHECK(cpu.peak_bytes() == peak);
  CHECK(cpu.allocate(1000) == first);  // and not a new block
  void* second = cpu.allocate(1000);
  CHECK(second != first);
  cpu.release(first, 1000);
  cpu.release(second, 1000);
  CHECK(cpu.peak_bytes() == 2 * peak);
}

TEST_CASE("blocks of any size are whole and do not overlap", "[backend][host]") {
  host cpu({.threads = 1});
  candor::random_stream random(82, 0);
  struct block {
    unsigned char* data;
    std::size_t bytes;
    unsigned char mark;
  };
  std::vector<block> blocks;
  bool whole = true;
  std::size_t wanted = 0, waste = 0;
  for (int step = 0; step < 3000; ++step) {
    if (blocks.size() < 40) {
      const std::size_t bytes = random.below(std::uint64_t{1} << random.below(18));
      const auto before = cpu.bytes_in_use();
      auto* data = static_cast<unsigned char*>(cpu.allocate(bytes));
      wanted += bytes;
      waste += static_cast<std::size_t>(cpu.bytes_in_use() - before) - bytes;
      blocks.push_back({data, bytes, static_cast<unsigned char>(step)});
      std::fill_n(data, bytes, blocks.back().mark);
    } else {
      std::swap(blocks[random.below(blocks.size())], blocks.back());
      const block b = blocks.back();
      blocks.pop_back();
      whole = whole && std::count(b.data, b.data + b.bytes, b.mark) == static_cast<std::ptrdiff_t>(b.bytes);
      cpu.release(b.data, b.bytes);
    }
  }
  CHECK(whole);
  CHECK(waste < wanted / 8);  // eight sizes for each power of two
  for (const block& b : blocks) cpu.release(b.data, b.bytes);
  CHECK(cpu.bytes_in_use() == 0);
}

TEST_CASE("steps of many lengths leave no pool for each of them", "[backend][host]") {
  host cpu({.threads = 1});
  for (std::size_t size = 1 << 20; size <= 8 << 20; size += 1 << 19) {
    void* blocks[4];
    for (void*& block : blocks) block = cpu.allocate(size);
    for (void* block : blocks) cpu.release(block, size);
    CHECK(cpu.pooled_bytes() >= 4 * size);  // the next step of this length takes them
    CHECK(4 * cpu.pooled_bytes() <= 5 * cpu.peak_bytes());
  }
}

TEST_CASE("memory beyond the limit is refused with what to do", "[backend][host]") {
  host cpu({.threads = 1, .memory_limit = 8u << 20});
  void* block = cpu.allocate(5u << 20);
  CHECK_THROWS_AS(cpu.allocate(5u << 20), candor::memory_error);
  CHECK_THROWS_WITH(
      cpu.allocate(5u << 20),
      "[host] cannot allocate 5 MiB: 5 MiB are in use, the limit is 8 MiB; lower --max-tokens, use "
      "--recompute true, or train with LoRA");
  CHECK(cpu.bytes_in_use() == 5u << 20);
  cpu.release(block, 5u << 20);
  void* other = cpu.allocate(6u << 20);  // the freed block goes back to the system to make room
  cpu.release(other, 6u << 20);
  CHECK(cpu.peak_bytes() == 6u << 20);
  CHECK(candor::memory_error("").exit_code() == 6);
}

TEST_CASE("sizes beyond all memory are refused", "[backend][host]") {
  host cpu({.threads = 1});
  for (const int log : {50, 53, 54, 60, 63}) {
    INFO("2^" << log << " bytes");
    CHECK_THROWS_AS(cpu.allocate((std::size_t{1} << log) - 1), candor::memory_error);
  }
  CHECK_THROWS_AS(cpu.allocate(static_cast<std::size_t>(-1)), candor::memory_error);
  CHECK(cpu.bytes_in_use() == 0);
}

TEST_CASE("thread counts that cannot be are refused", "[backend][host]") {
  CHECK_THROWS_AS(host({.threads = -1}), candor::usage_error);
  CHECK_THROWS_AS(host({.threads = 5000}), candor::usage_error);
  CHECK(host({.threads = 3}).threads() == 3);
  CHECK(host().threads() >= 1);
}

TEST_CASE("ranges cover every index once and are no shorter than the grain", "[backend][host]") {
  for (const int threads : {1, 2, 3}) {
    host cpu({.threads = threads});
    for (const std::int64_t count : {0, 1, 2, 7, 64, 1001})
      for (const std::int64_t grain : {1, 3, 100, 5000}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
        std::atomic<std::int64_t> shortest{count};
        cpu.for_ranges(count, grain, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
          for (std::int64_t seen = shortest;
               end - begin < seen && !shortest.compare_exchange_weak(seen, end - begin);) {}
        });
        INFO(threads << " threads, " << count << " by " << grain);
        CHECK(std::all_of(visits.begin(), visits.end(), [](const auto& v) { return v == 1; }));
        CHECK(shortest >= std::min(count, grain));
      }
  }
}

TEST_CASE("an exception in one range reaches the caller, and the backend goes on", "[backend][host]") {
  host cpu({.threads = 3});
  const auto run = [&](std::int64_t bad) {
    std::atomic<std::int64_t> sum{0};
    cpu.for_ranges(1000, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        candor::require<candor::input_error>(i != bad, "index ", i);
        sum += i;
      }
    });
    return sum.load();
  };
  CHECK_THROWS_WITH(run(777), "index 777");
  CHECK(run(-1) == 499500);
}

namespace {

/// y(row) = sum, and the largest, of x(row, :); a functor with a template call, as the device needs it.
struct sum_and_max_program {
  candor::view<host, const float> x;  // (n, C)
  float *sums, *largest;

  template <class Team>
  void operator()(const Team& team, std::int64_t row) const {
    const float* in = x.row(row);
    sums[row] = team.sum(x.cols, [=](std::int64_t i) { return in[i]; });
    largest[row] = team.max(x.cols, -100.0f, [=](std::int64_t i) { return in[i]; });
  }
};

}  // namespace

TEST_CASE("row programs run once a row, with sums in one order whatever the threads", "[backend][rows]") {
  for (const std::int64_t cols : {0, 1, 15, 16, 17, 100}) {
    candor::random_stream random(83, 0);
    const auto values = candor_test::random_matrix<float>(random, 700, cols);
    std::vector<float> first_sums;
    for (const int threads : {1, 2, 3}) {
      host cpu({.threads = threads});
      strided<float> x(cpu, values);
      std::vector<float> sums(700), largest(700);
      cpu.rows(700, 200, sum_and_max_program{x.in(), sums.data(), largest.data()});
      for (std::int64_t r = 0; r < 700; ++r) {
        double sum = 0, top = -100;
        for (std::int64_t i = 0; i < cols; ++i) {
          sum += values(r, i);
          top = std::max(top, values(r, i));
        }
        REQUIRE(static_cast<double>(sums[static_cast<std::size_t>(r)]) == Approx(sum).margin(1e-5));
        REQUIRE(static_cast<double>(largest[static_cast<std::size_t>(r)]) == top);
      }
      if (threads == 1) first_sums = sums;
      CHECK(sums == first_sums);
    }
  }
}

TEST_CASE("a moved backend keeps its memory and threads", "[backend][host]") {
  host first({.threads = 2});
  void* block = first.allocate(4096);
  host second(std::move(first));
  CHECK(second.threads() == 2);
  CHECK(second.bytes_in_use() == 4096);
  second.zero(block, 4096);
  CHECK(static_cast<char*>(block)[4095] == 0);
  second.release(block, 4096);
}
