// SPDX-License-Identifier: Apache-2.0
// The emulator itself: each collective does what PTX says, and each planted fault is found and named.
#include "cuda/simt.hpp"
#include "support/catch.hpp"

#include <candor/core/random.hpp>

#include <numeric>

using candor::device::sixteen_bytes;
using candor_test::simt;

namespace {

/// A kernel of one function, which a test writes down in place.
template <int Threads, class F>
struct written_down {
  static constexpr int threads = Threads;
  F body;
  template <class Lane>
  void operator()(const Lane& lane) const {
    body(lane);
  }
};
template <int Threads = 64, class F>
written_down<Threads, F> kernel(F body) {
  return {std::move(body)};
}

/// A shared-memory fault must say all of `parts`.
template <class Kernel>
void check_fault(const Kernel& k, const std::string& what, const std::string& detail,
                 std::uint32_t shared = 1024) {
  simt gpu;
  CHECK_THROWS_WITH(gpu.launch(k, {}, shared), candor_test::contains(what) && candor_test::contains(detail));
}

}  // namespace

TEST_CASE("a block adds up what its threads hold", "[cuda][simt]") {
  std::vector<float> in(256), out(2);
  std::iota(in.begin(), in.end(), 1.0f);
  simt gpu;
  gpu.allow(in.data(), in.size() * 4, false);
  gpu.allow(out.data(), out.size() * 4, true);
  gpu.launch(kernel<128>([&](const auto& lane) {
               float sum = lane.load(in.data() + lane.block_index(0) * 128 + lane.thread_index());
               for (int mask = 16; mask > 0; mask /= 2) sum += lane.shuffle_xor(sum, mask);
               if (lane.lane_index() == 0) lane.write(static_cast<std::uint32_t>(4 * lane.warp_index()), sum);
               lane.sync();
               if (lane.thread_index() != 0) return;
               float all = 0;
               for (std::uint32_t w = 0; w < 4; ++w) all += lane.template read<float>(4 * w);
               lane.store(out.data() + lane.block_index(0), all);
             }),
             {.x = 2}, 16);
  CHECK(out == std::vector<float>{128 * 129 / 2, 256 * 257 / 2 - 128 * 129 / 2});
}

TEST_CASE("tensor cores multiply what load_matrix has laid out", "[cuda][simt]") {
  candor::random_stream random(1, 2);
  std::vector<candor::bfloat16> a(16 * 16), b(16 * 8), bt(8 * 16);  // (16, 16), (16, 8) and (8, 16)
  for (auto& v : a) v = candor::bfloat16(static_cast<float>(random.normal()));
  for (int k = 0; k < 16; ++k)
    for (int n = 0; n < 8; ++n)
      bt[n * 16 + k] = b[k * 8 + n] = candor::bfloat16(static_cast<float>(random.normal()));
  std::vector<float> plain(16 * 8), transposed(16 * 8);
  simt gpu;
  for (const auto* m : {&a, &b, &bt}) gpu.allow(m->data(), m->size() * 2, false);
  for (auto* m : {&plain, &transposed}) gpu.allow(m->data(), m->size() * 4, true);
  gpu.launch(kernel<32>([&](const auto& lane) {
               const int l = lane.lane_index();
               lane.copy_async(static_cast<std::uint32_t>(16 * l), a.data() + 8 * l, true);
               if (l < 16) lane.copy_async(static_cast<std::uint32_t>(512 + 16 * l), b.data() + 8 * l, true);
               if (l >= 16)
                 lane.copy_async(static_cast<std::uint32_t>(512 + 16 * l), bt.data() + 8 * (l - 16), true);
               lane.commit_copies();
               lane.template wait_copies<0>();
               lane.sync();
               std::uint32_t ra[4], rb[4];
               lane.load_matrix(ra, static_cast<std::uint32_t>(32 * (l % 16) + 16 * (l / 16)));
               const auto multiply = [&](float* c) {
                 float sum[4] = {};
                 const std::uint32_t half[2] = {rb[0], rb[1]};
                 lane.multiply_add(sum, ra, half);
                 for (int n = 0; n < 4; ++n)
                   lane.store(c + (l / 4 + 8 * (n / 2)) * 8 + 2 * (l % 4) + n % 2, sum[n]);
               };
               lane.load_matrix_transposed(rb, static_cast<std::uint32_t>(512 + 16 * (l % 16)));
               multiply(transposed.data());
               lane.load_matrix(rb, static_cast<std::uint32_t>(768 + 32 * (l % 8) + 16 * (l / 8 % 2)));
               multiply(plain.data());
             }),
             {}, 1024);
  for (int i = 0; i < 16; ++i)
    for (int n = 0; n < 8; ++n) {
      float expected = 0;
      for (int k = 0; k < 16; ++k)
        expected += static_cast<float>(a[i * 16 + k]) * static_cast<float>(b[k * 8 + n]);
      CHECK(plain[i * 8 + n] == expected);
      CHECK(transposed[i * 8 + n] == expected);
    }
}

TEST_CASE("reading what another thread wrote needs a barrier between", "[cuda][simt]") {
  bool right = true;
  const auto exchange = [&right](auto barrier, int distance) {
    return kernel([=, &right](const auto& lane) {
      const auto mine = static_cast<std::uint32_t>(lane.thread_index()),
                 other = mine ^ static_cast<std::uint32_t>(distance);
      lane.write(4 * mine, mine);
      barrier(lane);
      right = right && lane.template read<std::uint32_t>(4 * other) == other;
    });
  };
  const auto none = [](const auto&) {};
  const auto warp = [](const auto& lane) { lane.sync_warp(); };
  const auto all = [](const auto& lane) { lane.sync(); };
  const auto talk = [](const auto& lane) {
    lane.shuffle(1, 0);
  };  // brings a warp together, but orders no memory
  check_fault(exchange(none, 1), "race: read by thread", "nobody has written it");
  check_fault(exchange(talk, 1), "race: read by thread 0", "thread 1 wrote it since the last barrier");
  check_fault(exchange(warp, 32), "race: read by thread", "nobody has written it");
  simt gpu;
  gpu.launch(exchange(warp, 1), {}, 1024);
  gpu.launch(exchange(all, 1), {}, 1024);
  gpu.launch(exchange(all, 32), {}, 1024);
  CHECK(right);
}

TEST_CASE("writing over what others read or wrote needs a barrier between", "[cuda][simt]") {
  const auto overwrite = [](auto barrier, int writer) {
    return kernel([=](const auto& lane) {
      if (lane.thread_index() == 0) lane.write(0, 7);
      lane.sync();
      static_cast<void>(lane.template read<int>(0));
      barrier(lane);
      if (lane.thread_index() == writer) lane.write(0, 8);
    });
  };
  const auto warp = [](const auto& lane) { lane.sync_warp(); };
  const auto all = [](const auto& lane) { lane.sync(); };
  check_fault(overwrite([](const auto&) {}, 40), "race: write by thread 40",
              "read it since the last barrier");
  check_fault(overwrite(warp, 40), "race: write by thread 40", "thread 63 read it since the last barrier");
  simt gpu;
  gpu.launch(overwrite(all, 40), {}, 1024);
  check_fault(kernel([](const auto& lane) { lane.write(0, 1); }), "race: write by thread 1",
              "thread 0 wrote it since the last barrier");
}

TEST_CASE("halves of a word are two places", "[cuda][simt]") {
  simt gpu;
  gpu.launch(kernel([](const auto& lane) {
               lane.write(static_cast<std::uint32_t>(2 * lane.thread_index()), std::uint16_t{1});
             }),
             {}, 128);
}

TEST_CASE("a barrier that some threads do not reach is found", "[cuda][simt]") {
  check_fault(kernel([](const auto& lane) {
                if (lane.thread_index() < 32) lane.sync();
              }),
              "divergence", "32 threads wait in sync");
  check_fault(kernel([](const auto& lane) {
                if (lane.thread_index() != 3) lane.sync();
              }),
              "divergence: thread 0 of a warp waits in sync", "thread 3 has ended");
  check_fault(kernel([](const auto& lane) {
                if (lane.lane_index() == 5)
                  lane.sync_warp();
                else
                  lane.shuffle(1.0f, 0);
              }),
              "divergence", "thread 5 waits in sync_warp");
}

TEST_CASE("addresses must be aligned and inside", "[cuda][simt]") {
  check_fault(kernel([](const auto& lane) {
                lane.write(static_cast<std::uint32_t>(8 + 16 * lane.thread_index()), sixteen_bytes{});
              }),
              "misaligned: write of 16 bytes", "offset 8 of shared memory", 2048);
  check_fault(kernel([](const auto& lane) {
                lane.write(static_cast<std::uint32_t>(16 * lane.thread_index()), sixteen_bytes{});
              }),
              "out of bounds: write of 16 bytes", "offset 64 of 72 bytes", 72);
  alignas(16) float buffer[8] = {};
  const auto fault = [&](auto body, const std::string& what) {
    simt gpu;
    gpu.allow(buffer, sizeof buffer, false);
    CHECK_THROWS_WITH(gpu.launch(kernel<32>(body), {}, 1024), candor_test::contains(what));
  };
  fault([&](const auto& lane) { static_cast<void>(lane.load(buffer + 8)); },
        "out of bounds: read of 4 bytes of global");
  fault([&](const auto& lane) { lane.store(buffer, 1.0f); }, "read-only");
  fault(
      [&](const auto& lane) {
        static_cast<void>(lane.load(reinterpret_cast<const sixteen_bytes*>(buffer + 2)));
      },
      "misaligned: read of 16 bytes of global");
  fault(
      [&](const auto& lane) {
        lane.copy_async(static_cast<std::uint32_t>(16 * lane.thread_index()), buffer + 6, true);
      },
      "misaligned: read of 16 bytes of global");
}

TEST_CASE("an asynchronous copy arrives when its thread has waited, for others after a barrier",
          "[cuda][simt]") {
  alignas(16) float buffer[256];
  std::iota(std::begin(buffer), std::end(buffer), 0.0f);
  bool right = true;
  const auto copy = [&](auto between, int distance) {
    return kernel([=, &right, from = +buffer](const auto& lane) {
      const int mine = lane.thread_index(), other = mine ^ distance;
      lane.copy_async(static_cast<std::uint32_t>(16 * mine), from + 4 * mine, mine != 0);
      lane.commit_copies();
      between(lane);
      const float expected = other == 0 ? 0.0f : 4.0f * static_cast<float>(other);
      right = right && lane.template read<float>(static_cast<std::uint32_t>(16 * other)) == expected;
    });
  };
  const auto launch = [&](const auto& k) {
    simt gpu;
    gpu.allow(buffer, sizeof buffer, false);
    gpu.launch(k, {}, 1024);
  };
  const auto open = [](const auto& lane) { lane.template wait_copies<1>(); };
  const auto wait = [](const auto& lane) { lane.template wait_copies<0>(); };
  const auto wait_and_sync = [](const auto& lane) { lane.template wait_copies<0>(), lane.sync(); };
  CHECK_THROWS_WITH(launch(copy([](const auto&) {}, 0)),
                    candor_test::contains("copy has not been waited for"));
  CHECK_THROWS_WITH(launch(copy(open, 0)), candor_test::contains("copy has not been waited for"));
  CHECK_THROWS_WITH(launch(copy([](const auto& lane) { lane.sync(); }, 1)),
                    candor_test::contains("has not been waited for"));
  CHECK_THROWS_WITH(
      launch(copy([](const auto& lane) { lane.template wait_copies<0>(), lane.shuffle(1, 0); }, 1)),
      candor_test::contains("thread 1 wrote it since the last barrier"));
  CHECK_NOTHROW(launch(copy(wait, 0)));
  CHECK_NOTHROW(launch(copy(wait_and_sync, 33)));
  CHECK(right);
  CHECK_THROWS_WITH(launch(kernel([&](const auto& lane) {
                      lane.copy_async(static_cast<std::uint32_t>(16 * lane.thread_index()), buffer, true);
                    })),
                    candor_test::contains("ends with asynchronous copies"));
}

TEST_CASE("blocks must not touch what another one writes in the same launch", "[cuda][simt]") {
  float buffer[2] = {};
  simt gpu;
  gpu.allow(buffer, sizeof buffer, true);
  gpu.launch(kernel<32>([&](const auto& lane) { lane.store(buffer + lane.block_index(1), 1.0f); }), {.y = 2});
  CHECK_THROWS_WITH(gpu.launch(kernel<32>([&](const auto& lane) { lane.store(buffer, 1.0f); }), {.z = 2}),
                    candor_test::contains("write by block 2 of global memory that block 1 wrote"));
}

TEST_CASE("conflicts of banks are counted", "[cuda][simt]") {
  const auto passes = [](auto body) {
    simt gpu;
    gpu.banks.counting = true;
    gpu.launch(kernel<32>(body), {}, 32 * 1024);
    CHECK(gpu.banks.least > 0);
    return static_cast<double>(gpu.banks.passes) / static_cast<double>(gpu.banks.least);
  };
  const auto write = [](int pitch) {
    return [=](const auto& lane) { lane.write(static_cast<std::uint32_t>(pitch * lane.lane_index()), 1.0f); };
  };
  CHECK(passes(write(4)) == 1);
  CHECK(passes(write(8)) == 2);
  CHECK(passes(write(128)) == 32);
  CHECK(passes(write(132)) == 1);
  const auto wide = [](int pitch) {
    return [=](const auto& lane) {
      lane.write(static_cast<std::uint32_t>(pitch * lane.lane_index()), sixteen_bytes{});
    };
  };
  CHECK(passes(wide(16)) == 1);
  CHECK(passes(wide(256)) == 8);
}
