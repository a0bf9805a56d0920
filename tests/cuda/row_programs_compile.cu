// SPDX-License-Identifier: Apache-2.0
// Instantiates every row program of the operations, the model and the optimizer as a kernel, over views of
// device memory, with a team of one thread. Compiling is the test.
#define CANDOR_COMPILED 1  // nothing is linked, so declarations are enough

#include <candor/autograd/ops/activation.hpp>
#include <candor/autograd/ops/attention.hpp>
#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/layer_norm.hpp>
#include <candor/autograd/ops/linear.hpp>
#include <candor/autograd/ops/log_probs.hpp>
#include <candor/autograd/ops/low_rank.hpp>
#include <candor/autograd/ops/rms_norm.hpp>
#include <candor/autograd/ops/swiglu.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/vision_transformer.hpp>
#include <candor/train/adamw.hpp>

namespace {

/// Stands for the device in the types of views.
struct device_memory {};

template <class Program>
__global__ void run_rows(Program program, std::int64_t rows) {
  const std::int64_t row = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x;
  if (row < rows) program(candor::serial_team{}, row);
}

template <class... Programs>
void launch() {
  (run_rows<<<1, 32>>>(Programs{}, 0), ...);
}

template <class T>
void launch_for_elements() {
  using B = device_memory;
  using A = candor::accumulator_t<T>;
  launch<candor::rms_norm_program<B, T>, candor::rms_norm_input_gradient<B, T>,
         candor::rms_norm_weight_gradient<B, T>, candor::layer_norm_program<B, T>,
         candor::layer_norm_input_gradient<B, T>, candor::layer_norm_weight_gradient<B, T>>();
  launch<candor::swiglu_program<B, T>, candor::swiglu_gradient<B, T>,
         candor::activation_program<candor::gelu, B, T>, candor::activation_gradient<candor::gelu, B, T>,
         candor::activation_program<candor::quick_gelu, B, T>,
         candor::activation_gradient<candor::quick_gelu, B, T>>();
  launch<candor::rotate_program<B, T>, candor::start_rows_program<B, T>, candor::add_rows_program<B, T>,
         candor::column_sum_program<B, T>>();
  launch<candor::gather_program<B, T>, candor::scatter_sum_program<B, T, T>,
         candor::scatter_sum_program<B, T, A>, candor::cut_patches_program<B, T>>();
  launch<candor::log_prob_program<B, A>, candor::logits_gradient_program<B, T>,
         candor::choose_token_program<B, A>>();
  launch<candor::cast_program<B, T, A>, candor::cast_program<B, A, T>, candor::dropout_program<B, T>>();
  launch<candor::square_sum_program<B, A>, candor::adamw_program<B, T>>();
}

}  // namespace

void launch_row_programs() {
  launch_for_elements<float>();
  launch_for_elements<candor::bfloat16>();
  launch_for_elements<double>();
}
