// SPDX-License-Identifier: Apache-2.0
// Nothing that the library does follows a pointer into a backend's memory, hands a row program memory of the
// host, or depends on the order of elements or on memory that nobody wrote: training, scoring and generation
// give on the guarded backend what they give on the host, but for the compiler's choice of fused operations.
#include "backend/guarded.hpp"
#include "backend/model_world.hpp"
#include "backend/not_finite_cases.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <csignal>
#include <vector>

using candor_test::contains;
using candor_test::guarded;

namespace {

/// Writes to a row through whatever pointer it was given.
struct pointing_program {
  std::int32_t* out;
  template <class Team>
  CANDOR_HD void operator()(const Team&, std::int64_t row) const {
    out[row] = static_cast<std::int32_t>(row);
  }
};

}  // namespace

TEST_CASE("the guarded backend finds what a device would not run", "[backend][guarded]") {
  guarded backend({.threads = 1});
  candor::tensor<guarded, std::int32_t> there(backend, {4});
  std::vector<std::int32_t> here(4);

  backend.rows(4, 1, pointing_program{there.view().data});
  CHECK(there.to_vector() == std::vector<std::int32_t>{0, 1, 2, 3});
  CHECK_THROWS_WITH(backend.rows(4, 1, pointing_program{here.data()}),
                    contains("pointing_program") && contains("a pointer to the host's memory"));
  std::int32_t on_stack[4];
  CHECK_THROWS_AS(backend.rows(4, 1, pointing_program{on_stack}), candor_test::guard_error);

  CHECK_THROWS_AS(backend.copy_in(there.view().data, there.view().data, 16), candor_test::guard_error);
  CHECK_THROWS_AS(backend.copy_out(here.data(), here.data(), 16), candor_test::guard_error);
  CHECK_THROWS_AS(backend.zero(here.data(), 16), candor_test::guard_error);

  const candor::tensor<guarded, float> fresh(backend, {1});
  CHECK(std::isnan(fresh.to_vector()[0]));
#if !defined(__SANITIZE_ADDRESS__)  // which has its own way to end
  const auto end = candor_test::in_child([&] {
    std::signal(SIGSEGV, SIG_DFL);  // not the test framework's
    there.view().data[0] = 1;
  });
  CHECK(end.signal == SIGSEGV);
#endif
}

TEST_CASE("training needs nothing that a device lacks", "[backend][guarded]") {
  guarded backend({.threads = 1});
  candor_test::check_training(backend);
}

TEST_CASE("training across images needs nothing that a device lacks", "[backend][guarded]") {
  guarded backend({.threads = 1});
  candor_test::check_training_across_images(backend);
}

TEST_CASE("scoring and generation need nothing that a device lacks", "[backend][guarded]") {
  guarded backend({.threads = 1});
  candor_test::check_inference(backend);
}

TEST_CASE("a training survives what is not finite, and keeps what was learnt before", "[backend][guarded][numeric]") {
  guarded backend({.threads = 1});
  candor_test::check_not_finite(backend);
}
