// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// AdamW (Loshchilov and Hutter, 2019), as torch.optim.AdamW computes it: with gradient g and step t = 1, 2, ...
///   w <- w - lr * decay * w
///   m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
///   w <- w - lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps)
/// Moments are fp32, or bfloat16 that is rounded at random: with b2 = 0.999 a step moves v by less than half a step
/// of bfloat16. Weights of bfloat16 keep an fp32 master copy, or are rounded at random: preference learning rates
/// lie far below a step of bfloat16 and would vanish.

#include <candor/autograd/ops/low_rank.hpp>
#include <candor/autograd/parameter.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/train/adamw_program.hpp>

#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace CANDOR_NS {

struct adamw {
  double learning_rate = 5e-7;
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  bool stochastic_rounding = false;  ///< of bfloat16 weights, instead of a master copy
  bool bf16_moments = false;         ///< both moments in bfloat16: 4 bytes a weight instead of 8
};

/// The states of all trained parameters of a model, which must outlive it.
template <class B>
class adamw_optimizer {
 public:
  adamw_optimizer(B& backend, const adamw& options, std::uint64_t seed) : backend_(&backend), options_(options), seed_(seed) {}

  /// Trains p from now on. A gradient that it has, of a step that an exception ended, is dropped.
  template <class T>
  void add(parameter<B, T>& p);

  bool empty() const { return slots_.empty(); }
  std::int64_t parameters() const {
    std::int64_t n = 0;
    for (const auto& s : slots_) n += s->size();
    return n;
  }

  /// Length of the whole gradient.
  double gradient_norm() {
    std::int64_t rows = 0;
    for (const auto& s : slots_) rows += s->gradient_rows();
    if (rows == 0) return 0;
    tensor<B, double> sums(*backend_, shape{rows});  // of all: a device is waited for once
    double* to = sums.view().data;
    for (auto& s : slots_) {
      s->write_square_sums(to);
      to += s->gradient_rows();
    }
    const auto squares = sums.to_vector();
    double total = 0;
    auto next = squares.begin();
    for (const auto& s : slots_) {
      const auto end = next + s->gradient_rows();
      total += std::accumulate(next, end, 0.0);
      next = end;
    }
    return std::sqrt(total);
  }
  /// One step at the given rate; the gradient is multiplied by `clip`. Then all gradients are dropped.
  void step(double learning_rate, double clip) {
    ++steps_;
    for (auto& s : slots_) s->step(learning_rate, clip, steps_);
    drop_gradients();
  }
  void drop_gradients() {
    for (auto& s : slots_) s->drop_gradient();
  }
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

  /// Moments and master weights, for a checkpoint; named exp_avg.<parameter>, exp_avg_sq.<...>, master.<...>.
  std::vector<tensor_source> sources() {
    std::vector<tensor_source> out;
    for (auto& s : slots_) s->add_sources(out);
    return out;
  }
  void load(const safetensors_file& file) {
    for (auto& s : slots_) s->load(file);
  }

 private:
  struct slot {
    virtual ~slot() = default;
    virtual std::int64_t size() const = 0;
    virtual std::int64_t gradient_rows() const = 0;  // runs of the gradient, 0 where there is none
    virtual void write_square_sums(double* sums) = 0;  // one of each run
    virtual void step(double learning_rate, double clip, std::int64_t count) = 0;
    virtual void drop_gradient() = 0;
    virtual void add_sources(std::vector<tensor_source>& out) = 0;
    virtual void load(const safetensors_file& file) = 0;
  };

  template <class T, class M>
  struct typed_slot : slot {
    using A = accumulator_t<T>;
    typed_slot(B& b, parameter<B, T>& param, const adamw& o, std::uint64_t random_seed)
        : backend(b),
          p(param),
          options(o),
          m(tensor<B, M>::zeros(b, param.extents())),
          v(tensor<B, M>::zeros(b, param.extents())),
          seed(random_seed) {
      if (!std::is_same_v<T, A> && !o.stochastic_rounding) master = cast<A>(b, param.value());
    }
    std::int64_t rows() const { return (p.size() + optimizer_row - 1) / optimizer_row; }
    std::int64_t size() const override { return p.size(); }
    std::int64_t gradient_rows() const override { return p.has_gradient() ? rows() : 0; }
    void write_square_sums(double* sums) override {
      if (p.has_gradient())
        backend.rows(rows(), optimizer_row, square_sum_program<B, A>{p.gradient().view().data, p.size(), sums});
    }
    void step(double learning_rate, double clip, std::int64_t count) override {
      if (!p.has_gradient()) return;  // as torch: no decay either where nothing depends on the parameter
      const double t = static_cast<double>(count);
      backend.rows(
          rows(), optimizer_row * 4,
          adamw_program<B, T, M>{p.storage().view().data, master ? master.view().data : nullptr, p.gradient().view().data,
                              m.view().data, v.view().data, p.size(), static_cast<A>(clip),
                              static_cast<A>(1.0 - learning_rate * options.weight_decay), static_cast<A>(options.beta1),
                              static_cast<A>(1.0 - options.beta1), static_cast<A>(options.beta2),
                              static_cast<A>(1.0 - options.beta2), static_cast<A>(learning_rate / (1.0 - std::pow(options.beta1, t))),
                              static_cast<A>(1.0 / std::sqrt(1.0 - std::pow(options.beta2, t))),
                              static_cast<A>(options.epsilon), options.stochastic_rounding, seed,
                              static_cast<std::uint32_t>(count)});
    }
    void drop_gradient() override { p.drop_gradient(); }

    template <class Visit>
    void for_states(Visit&& visit) {
      visit("exp_avg." + p.name(), m);
      visit("exp_avg_sq." + p.name(), v);
      if (master) visit("master." + p.name(), master);
    }
    void add_sources(std::vector<tensor_source>& out) override {
      for_states([&]<class S>(const std::string& name, tensor<B, S>& state) {
        out.push_back({name, dtype_v<S>, state.extents(), [&state](std::span<std::byte> bytes) {
                         const auto values = state.to_vector();
                         std::memcpy(bytes.data(), values.data(), bytes.size());
                       }});
      });
    }
    void load(const safetensors_file& file) override {
      for_states([&]<class S>(const std::string& name, tensor<B, S>& state) {
        const tensor_info* info = file.find(name);
        require<input_error>(info != nullptr && info->extents == state.extents(), file.path().string(), ": tensor \"", name,
                             "\" ", state.extents(), " is ", info == nullptr ? "missing" : "of another shape",
                             "; the checkpoint belongs to another model or other trained layers");
        state.copy_from(file.read_as<S>(*info));
      });
    }

    B& backend;
    parameter<B, T>& p;
    adamw options;
    tensor<B, M> m, v;
    tensor<B, A> master;  // or nothing
    std::uint64_t seed;
  };

  B* backend_;
  adamw options_;
  std::uint64_t seed_;
  std::int64_t steps_ = 0;
  std::vector<std::unique_ptr<slot>> slots_;
};

template <class B>
template <class T>
void adamw_optimizer<B>::add(parameter<B, T>& p) {
  p.drop_gradient();
  const std::uint64_t seed = seed_ ^ (slots_.size() << 32);
  if constexpr (std::is_same_v<accumulator_t<T>, float>) {
    if (options_.bf16_moments) {
      slots_.push_back(std::make_unique<typed_slot<T, bfloat16>>(*backend_, p, options_, seed));
      return;
    }
  }
  slots_.push_back(std::make_unique<typed_slot<T, accumulator_t<T>>>(*backend_, p, options_, seed));
}

}  // namespace CANDOR_NS
