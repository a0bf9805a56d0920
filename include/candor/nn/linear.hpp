// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A linear layer, or several that share their input (q, k, v; gate and up) stored as one matrix. Each part may
/// carry a low-rank adapter.

#include <candor/autograd/ops/linear.hpp>
#include <candor/autograd/ops/low_rank.hpp>
#include <candor/nn/context.hpp>

#include <candor/core/random.hpp>

#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS {

struct lora_options {
  int rank = 8;
  double alpha = 16.0;    ///< the correction is scaled by alpha / rank
  double dropout = 0.0;   ///< of the adapter's input, in training
  std::vector<std::string> target_modules = {};  ///< last parts of layer names; empty: every linear layer of the decoder
  std::uint64_t seed = 0;
};

/// The low-rank correction of one part of a layer.
template <class B, class T>
struct low_rank_adapter {
  parameter<B, accumulator_t<T>> a, b;  // (r, in), (out, r)
  std::int64_t first = 0;               // column of the layer's output where the part begins
  std::size_t part = 0;
  double scale = 1.0, dropout = 0.0;
  std::uint64_t layer = 0;              // names the layer in the dropout's draw
};

template <class B, class T>
class linear_layer {
 public:
  linear_layer() = default;
  /// Parts are named by their path without ".weight"; each is (out, in).
  linear_layer(B& backend, const std::vector<std::pair<std::string, std::int64_t>>& parts, std::int64_t in, bool bias) {
    std::vector<parameter_part> weights, biases;
    for (const auto& [path, out] : parts) {
      weights.push_back({path + ".weight", shape{out, in}});
      biases.push_back({path + ".bias", shape{out}});
      paths_.push_back(path);
    }
    weight = parameter<B, T>(backend, weights);
    if (bias) this->bias = parameter<B, T>(backend, biases);
  }

  /// y = x W^T + b (+ residual) (+ adapters)
  variable<B, T> operator()(const forward_context<B>& context, const variable<B, T>& x,
                            const variable<B, T>& residual = {}) {
    const bool adapted = context.adapters && !adapters.empty();
    variable<B, T> y = linear(context.tape, x, weight, bias ? &bias : nullptr, residual, adapted);
    if (!adapted) return y;
    std::vector<low_rank_part<B, T>> undropped;
    for (auto& adapter : adapters) {
      const low_rank_part<B, T> part{adapter.first, &adapter.a, &adapter.b, adapter.scale};
      if (context.dropout && adapter.dropout > 0.0)  // each drops elements of its own
        add_low_rank(context.tape, y, x, {part}, dropout_draw{adapter.dropout, context.seed, adapter.layer, context.step},
                     context.token_keys);
      else
        undropped.push_back(part);
    }
    if (!undropped.empty()) add_low_rank(context.tape, y, x, undropped);
    return y;
  }

  /// Gives an adapter to each part that `wanted` names: A is uniform as Kaiming's rule for linear layers, B is zero.
  template <class Wanted>
  void add_adapters(const lora_options& options, Wanted&& wanted) {
    require<usage_error>(options.rank > 0 && options.alpha > 0 && options.dropout >= 0 && options.dropout < 1,
                         "[lora] rank ", options.rank, ", alpha ", options.alpha, " and dropout ", options.dropout,
                         " cannot be used: rank and alpha must be positive, dropout in [0, 1)");
    std::int64_t first = 0;
    const std::int64_t in = weight.extents().cols();
    for (std::size_t p = 0; p < paths_.size(); ++p) {
      const std::int64_t out = weight.parts()[p].extents[0];
      if (wanted(std::string_view(paths_[p]))) {
        B& backend = weight.storage().backend();
        low_rank_adapter<B, T> adapter;
        adapter.a = parameter<B, accumulator_t<T>>(backend, paths_[p] + ".lora_A.weight", shape{options.rank, in});
        adapter.b = parameter<B, accumulator_t<T>>(backend, paths_[p] + ".lora_B.weight", shape{out, options.rank});
        adapter.first = first;
        adapter.part = p;
        adapter.scale = options.alpha / options.rank;
        adapter.dropout = options.dropout;
        adapter.layer = name_hash(paths_[p]);
        random_stream random(options.seed, adapter.layer);
        std::vector<accumulator_t<T>> values(static_cast<std::size_t>(options.rank * in));
        const double bound = 1.0 / std::sqrt(static_cast<double>(in));
        for (auto& v : values) v = static_cast<accumulator_t<T>>((2.0 * random.uniform() - 1.0) * bound);
        adapter.a.storage().copy_from(values);
        adapter.b.storage().zero();
        adapters.push_back(std::move(adapter));
      }
      first += out;
    }
  }

  /// Adds the adapters to the weights and drops them: W += s B A.
  void merge_adapters() {
    B& backend = weight.storage().backend();
    for (auto& adapter : adapters) {
      auto sum = cast<accumulator_t<T>>(backend, view<B, const T>(part_rows(adapter)));
      const auto b = cast<accumulator_t<T>>(backend, adapter.b.value(), adapter.scale);
      backend.template matmul<accumulator_t<T>, accumulator_t<T>>(transpose::no, b.view(), transpose::no,
                                                                  adapter.a.value(), sum.view(), true);
      backend.rows(sum.view().rows, sum.view().cols,
                   cast_program<B, accumulator_t<T>, T>{sum.view(), part_rows(adapter), accumulator_t<T>(1)});
    }
    adapters.clear();
  }

  /// visit(parameter) for weight and bias.
  template <class Visit>
  void for_parameters(Visit&& visit) {
    visit(weight);
    if (bias) visit(bias);
  }
  const std::vector<std::string>& paths() const { return paths_; }

  parameter<B, T> weight, bias;
  std::vector<low_rank_adapter<B, T>> adapters;

 private:
  static std::uint64_t name_hash(std::string_view name) {  // FNV-1a
    std::uint64_t h = 14695981039346656037ull;
    for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    return h;
  }
  view<B, T> part_rows(const low_rank_adapter<B, T>& adapter) {
    return weight.storage().view().slice_rows(adapter.first, adapter.b.extents().rows());
  }

  std::vector<std::string> paths_;
};

}  // namespace CANDOR_NS
