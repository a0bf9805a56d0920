// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A learned tensor: value, gradient in the accumulator type (made on first use), and whether it is trained.
/// Layers that are computed together (q, k, v) are stored together: the parts are named runs of rows.

#include <candor/tensor/tensor.hpp>

#include <string>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// A named run of rows of a parameter, with the shape that files give it.
struct parameter_part {
  std::string name;
  shape extents;
};

template <class B, class T>
class parameter {
 public:
  using gradient_type = accumulator_t<T>;

  parameter() = default;
  parameter(B& backend, std::string name, const shape& extents)
      : parameter(backend, std::vector<parameter_part>{{std::move(name), extents}}) {}
  /// Parts of equal width, one below the other.
  parameter(B& backend, std::vector<parameter_part> parts) : parts_(std::move(parts)) {
    shape extents = parts_.front().extents;
    if (parts_.size() > 1) {
      std::int64_t rows = 0;
      for (const auto& p : parts_) rows += p.extents[0];
      extents = parts_.front().extents.rank() == 1 ? shape{rows} : shape{rows, parts_.front().extents.cols()};
    }
    value_ = tensor<B, T>(backend, extents);
  }

  const std::string& name() const { return parts_.front().name; }
  const std::vector<parameter_part>& parts() const { return parts_; }
  const shape& extents() const { return value_.extents(); }
  std::int64_t size() const { return value_.size(); }
  explicit operator bool() const { return static_cast<bool>(value_); }

  tensor<B, T>& storage() { return value_; }
  const tensor<B, T>& storage() const { return value_; }
  view<B, const T> value() const { return value_.view(); }

  bool trainable() const { return trainable_; }
  void set_trainable(bool on) { trainable_ = on; }

  bool has_gradient() const { return static_cast<bool>(gradient_); }
  tensor<B, gradient_type>& gradient() {
    if (!has_gradient()) gradient_ = tensor<B, gradient_type>::zeros(value_.backend(), extents());
    return gradient_;
  }
  gradient_sink<B, gradient_type> sink() {
    const bool add = has_gradient();
    if (!add) gradient_ = tensor<B, gradient_type>(value_.backend(), extents());
    return {gradient_.view(), add};
  }
  void drop_gradient() { gradient_ = tensor<B, gradient_type>(); }

 private:
  std::vector<parameter_part> parts_;
  tensor<B, T> value_;
  tensor<B, gradient_type> gradient_;
  bool trainable_ = true;
};

}  // namespace CANDOR_NS
