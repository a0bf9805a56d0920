// SPDX-License-Identifier: Apache-2.0
// What a device's memory, its copies and its absence are to a program, as far as no device is needed.
#include "support/catch.hpp"

#include <candor/backend/cuda/device_error.hpp>
#include <candor/backend/cuda/memory_books.hpp>
#include <candor/backend/cuda/staging_ring.hpp>

#include <vector>

using candor::memory_books;
using candor::staging_ring;
using candor_test::contains;

TEST_CASE("memory of a device is counted in whole blocks", "[cuda][memory]") {
  STATIC_REQUIRE(memory_books::block_size(0) == 512);
  STATIC_REQUIRE(memory_books::block_size(512) == 512);
  STATIC_REQUIRE(memory_books::block_size(513) == 1024);
  memory_books books(4096);
  CHECK(books.allows(4096));
  CHECK(!books.allows(4608));
  books.take(3072);
  CHECK(books.allows(1024));
  CHECK(!books.allows(1536));
  CHECK(!books.allows(~std::size_t{0} - 100));  // no overflow
  books.give(2048);
  CHECK(books.in_use() == 1024);
  CHECK(books.peak() == 3072);
  CHECK(memory_books().allows(std::size_t{1} << 60));  // the driver knows
}

TEST_CASE("memory that is not there is refused with what to do", "[cuda][memory]") {
  memory_books books(std::uint64_t{80} << 30);
  books.take(std::size_t{79} << 30);
  CHECK_THROWS_AS(books.refuse(1, 0), candor::memory_error);
  CHECK_THROWS_WITH(
      books.refuse((std::size_t{2} << 30) - 5, 0),
      "[cuda] cannot allocate 2048 MiB: 80896 MiB are in use, the limit is 81920 MiB (--memory-limit); "
      "lower --max-tokens, use --recompute true, or train with LoRA");
  CHECK_THROWS_WITH(memory_books().refuse(1, std::uint64_t{139} << 30),
                    contains("the limit is the device's 142336 MiB"));
}

TEST_CASE("copies never share a place with one that may still be read", "[cuda][staging]") {
  staging_ring ring(1024);
  std::vector<bool> open[staging_ring::buffers];  // bytes given out since the buffer was opened
  for (auto& o : open) o.assign(1024, false);
  const std::size_t sizes[] = {1, 64, 100, 1000, 1024, 5000, 3, 960, 64, 65, 2048, 7};
  int now = 0;
  for (int round = 0; round < 20; ++round)
    for (const std::size_t size : sizes)
      for (std::size_t left = size; left > 0;) {
        const auto p = ring.take(left);
        REQUIRE(p.bytes > 0);
        REQUIRE(p.bytes <= left);
        REQUIRE(p.offset % staging_ring::alignment == 0);
        REQUIRE(p.offset + p.bytes <= 1024);
        if (p.closed >= 0) {
          REQUIRE(p.closed == now);
          now = p.buffer;
          open[p.buffer].assign(1024, false);  // the copies out of it are awaited here
        }
        REQUIRE(p.buffer == now);
        for (std::size_t i = p.offset; i < p.offset + p.bytes; ++i) {
          REQUIRE(!open[p.buffer][i]);
          open[p.buffer][i] = true;
        }
        left -= p.bytes;
      }
}

TEST_CASE("a device that cannot be used is refused in words", "[cuda][device]") {
  using candor::device::require_usable;
  const candor::device::device_facts good{
      .wanted = 0, .count = 1, .major = 9, .minor = 0, .driver = 13000, .runtime = 13000};
  CHECK_NOTHROW(require_usable(good));
  auto f = good;
  f.driver = 13010, f.runtime = 13020;  // minor versions go together
  CHECK_NOTHROW(require_usable(f));
  f.driver = 0;
  CHECK_THROWS_WITH(require_usable(f),
                    contains("there is no NVIDIA driver on this machine; use --device cpu"));
  f.driver = 12040;
  CHECK_THROWS_WITH(require_usable(f),
                    contains("the driver knows CUDA 12.4, but this program was built with CUDA 13.2"));
  f = good;
  f.count = 0;
  CHECK_THROWS_WITH(require_usable(f), contains("shows no device"));
  f = good;
  f.wanted = 1;
  CHECK_THROWS_WITH(require_usable(f), contains("--device cuda:1: there is 1 device, which count from 0"));
  f.count = 8, f.wanted = -1;
  CHECK_THROWS_AS(require_usable(f), candor::usage_error);
  f = good;
  f.major = 7, f.minor = 5;
  CHECK_THROWS_WITH(require_usable(f), contains("compute capability is 7.5, but 8.0 is needed"));
}

TEST_CASE("a failed operation is named with what helps", "[cuda][device]") {
  try {
    candor::device::refuse_device("[matmul] a (2, 3)", "cudaErrorIllegalAddress", "an illegal memory access");
    FAIL("nothing was thrown");
  } catch (const candor::device_error& e) {
    CHECK(e.exit_code() == 7);
    CHECK_THAT(e.what(),
               contains("[matmul] a (2, 3): cudaErrorIllegalAddress") && contains("CANDOR_CUDA_SYNC=1"));
  }
}
