// SPDX-License-Identifier: Apache-2.0
// Instantiates every row program of the operations, the model and the optimizer as a kernel, over views of
// device memory, with a team of one thread. Compiling is the test.
#define CANDOR_COMPILED 1  // nothing is linked, so declarations are enough

#include <candor/autograd/ops/activation.hpp>
#include <candor/autograd/ops/attention.hpp>
#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/head_kl.hpp>
#include <candor/autograd/ops/layer_norm.hpp>
#include <candor/autograd/ops/linear.hpp>
#include <candor/autograd/ops/log_probs.hpp>
#include <candor/autograd/ops/low_rank.hpp>
#include <candor/autograd/ops/rms_norm.hpp>
#include <candor/autograd/ops/swiglu.hpp>
#include <candor/backend/cuda/cuda.cuh>
#include <candor/model/generate.hpp>
#include <candor/model/vision_transformer.hpp>
#include <candor/train/adamw.hpp>

namespace {

template <class... Programs>
void launch(candor::cuda& gpu) {
  (gpu.rows(1, 1, Programs{}), ...);
}

template <class T>
void launch_for_elements(candor::cuda& gpu) {
  using B = candor::cuda;
  using A = candor::accumulator_t<T>;
  launch<candor::rms_norm_program<B, T>, candor::rms_norm_input_gradient<B, T>,
         candor::rms_norm_weight_gradient<B, T>, candor::layer_norm_program<B, T>,
         candor::layer_norm_input_gradient<B, T>, candor::layer_norm_weight_gradient<B, T>>(gpu);
  launch<candor::swiglu_program<B, T>, candor::swiglu_gradient<B, T>,
         candor::activation_program<candor::gelu, B, T>, candor::activation_gradient<candor::gelu, B, T>,
         candor::activation_program<candor::quick_gelu, B, T>,
         candor::activation_gradient<candor::quick_gelu, B, T>>(gpu);
  launch<candor::rotate_program<B, T>, candor::start_rows_program<B, T>, candor::add_rows_program<B, T>,
         candor::column_sum_program<B, T>>(gpu);
  launch<candor::gather_program<B, T>, candor::scatter_sum_program<B, T, T>,
         candor::scatter_sum_program<B, T, A>, candor::cut_patches_program<B, T>>(gpu);
  launch<candor::log_prob_program<B, A>, candor::logits_gradient_program<B, T>,
         candor::head_kl_program<B, A>, candor::scale_slopes_program<B, T>, candor::choose_token_program<B, A>>(gpu);
  launch<candor::repetition_penalty_program<B, A>, candor::contrast_program<B, A>, candor::log_softmax_program<B, A>,
         candor::largest_program<B, A>, candor::move_rows_program<B, T>>(gpu);
  launch<candor::cast_program<B, T, A>, candor::cast_program<B, A, T>, candor::dropout_program<B, T>>(gpu);
  launch<candor::square_sum_program<B, A>, candor::adamw_program<B, T>>(gpu);
  if constexpr (!std::is_same_v<T, double>) launch<candor::adamw_program<B, T, candor::bfloat16>>(gpu);
  candor::view<B, T> m;
  candor::view<B, A> wide;
  gpu.matmul<T, T>(candor::transpose::no, m, candor::transpose::yes, m, m);
  gpu.matmul<T, A>(candor::transpose::yes, m, candor::transpose::no, m, wide, true);
}

}  // namespace

void launch_row_programs(candor::cuda& gpu) {
  launch_for_elements<float>(gpu);
  launch_for_elements<candor::bfloat16>(gpu);
  launch_for_elements<double>(gpu);
}
