// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/data/prefetch.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

using candor::prefetch;

TEST_CASE("Prefetched items come in the order of their indices", "[data][prefetch]") {
  prefetch squares(100, 3, [](std::int64_t i) { return i * i; });
  for (std::int64_t i = 0; i < 100; ++i) {
    const auto item = squares.next();
    REQUIRE(item.has_value());
    CHECK(*item == i * i);
  }
  CHECK_FALSE(squares.next().has_value());
  CHECK_FALSE(squares.next().has_value());
  CHECK(squares.taken() == 100);
}

TEST_CASE("A prefetch of nothing ends at once", "[data][prefetch]") {
  prefetch none(0, 1, [](std::int64_t) { return 0; });
  CHECK_FALSE(none.next().has_value());
}

TEST_CASE("A prefetch keeps at most the given number of finished items ahead", "[data][prefetch]") {
  std::atomic<std::int64_t> made{0};
  prefetch items(50, 4, [&](std::int64_t i) {
    ++made;
    return i;
  });
  const auto settle = [&](std::int64_t expected) {
    for (int tries = 0; tries < 2000 && made < expected; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // room for a mistake to show
    CHECK(made == expected);
  };
  settle(4);
  items.next();
  settle(5);
  items.next();
  items.next();
  settle(7);
}

TEST_CASE("An exception arrives at the item where it happened, and the items after it follow",
          "[data][prefetch]") {
  prefetch items(5, 2, [](std::int64_t i) {
    candor::require<candor::input_error>(i != 2, "record ", i, " is broken");
    return std::make_unique<std::int64_t>(i);
  });
  CHECK(**items.next() == 0);
  CHECK(**items.next() == 1);
  CHECK_THROWS_WITH(items.next(), "record 2 is broken");
  CHECK(**items.next() == 3);
  CHECK(**items.next() == 4);
  CHECK_FALSE(items.next().has_value());
}

TEST_CASE("A prefetch that is left early stops after the item in progress", "[data][prefetch]") {
  std::atomic<std::int64_t> made{0};
  {
    prefetch items(1'000'000, 2, [&](std::int64_t i) {
      ++made;
      return i;
    });
    CHECK(*items.next() == 0);
  }
  CHECK(made <= 4);
}

TEST_CASE("The producer does not run on the thread of the consumer", "[data][prefetch]") {
  prefetch ids(1, 1, [](std::int64_t) { return std::this_thread::get_id(); });
  CHECK(*ids.next() != std::this_thread::get_id());
}

TEST_CASE("A prefetch refuses counts that cannot be", "[data][prefetch]") {
  const auto same = [](std::int64_t i) { return i; };
  CHECK_THROWS_AS((prefetch(-1, 1, same)), candor::usage_error);
  CHECK_THROWS_AS((prefetch(1, 0, same)), candor::usage_error);
}
