// SPDX-License-Identifier: Apache-2.0
// Instantiates math, random numbers, dual numbers and every objective's program as device code, with a team
// of one thread. Compiling is the test.
#include "objective/all_objectives.hpp"

#include <candor/backend/team.hpp>
#include <candor/core/math.hpp>
#include <candor/core/random.hpp>
#include <candor/core/scalar.hpp>
#include <candor/objective/objective_program.hpp>

namespace {

template <class Program>
__global__ void run_rows(Program program, std::int64_t rows) {
  const std::int64_t row = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x;
  if (row < rows) program(candor::serial_team{}, row);
}

template <class T>
__global__ void evaluate_math(const T* x, T* y, std::int64_t n) {
  namespace math = candor::math;
  const std::int64_t i = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  y[i] = math::exp(x[i]) + math::expm1(x[i]) + math::log(x[i]) + math::log1p(x[i]) + math::tanh(x[i]) +
         math::erf(x[i]) + math::sigmoid(x[i]) + math::softplus(x[i]) + math::sqrt(x[i]) + math::rsqrt(x[i]);
}

__global__ void draw(float* y, candor::bfloat16* narrow, std::int64_t n) {
  const std::int64_t i = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x;
  if (i >= n) return;
  candor::random_stream random(1, static_cast<std::uint64_t>(i));
  y[i] = random.normal() + static_cast<float>(random.uniform()) + static_cast<float>(random.below(7)) +
         candor::unit_float(random.at(5)[2]);
  narrow[i] = candor::bfloat16(y[i]);
}

}  // namespace

void launch_everything(float* numbers, double* wide, candor::bfloat16* narrow) {
  evaluate_math<float><<<1, 32>>>(numbers, numbers, 32);
  evaluate_math<double><<<1, 32>>>(wide, wide, 32);
  draw<<<1, 32>>>(numbers, narrow, 32);
  candor_test::for_each_objective([&](const char*, const char*, const auto& objective) {
    using program = candor::objective_program<std::remove_cvref_t<decltype(objective)>>;
    run_rows<<<1, 32>>>(program{.objective = objective,
                                .sums = numbers,
                                .references = numbers,
                                .tokens = numbers,
                                .weights = numbers,
                                .losses = numbers,
                                .d_sums = numbers,
                                .rewards_chosen = numbers,
                                .rewards_rejected = numbers},
                        8);
  });
}
