// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A value in a computation and the gradient that the backward pass leaves beside it.

#include <candor/tensor/tensor.hpp>

#include <memory>
#include <utility>

namespace CANDOR_NS {

/// A shared handle: copies refer to the same value. The gradient is made when the first operation adds to it.
template <class B, class T>
class variable {
 public:
  variable() = default;
  /// `tracked` says whether a gradient is wanted.
  variable(tensor<B, T> value, bool tracked) : node_(std::make_shared<node>(std::move(value), tensor<B, T>(), tracked)) {}
  variable(B& backend, const shape& extents, bool tracked) : variable(tensor<B, T>(backend, extents), tracked) {}

  explicit operator bool() const { return node_ != nullptr; }
  bool tracked() const { return node_ != nullptr && node_->tracked; }
  const shape& extents() const { return node_->value.extents(); }
  std::int64_t rows() const { return extents().rows(); }
  std::int64_t cols() const { return extents().cols(); }

  view<B, T> value() const { return node_->value.view(); }
  tensor<B, T>& storage() const { return node_->value; }

  bool has_gradient() const { return static_cast<bool>(node_->gradient); }
  /// The gradient so far; zero where nothing flowed back.
  view<B, T> gradient() const {
    if (!has_gradient()) node_->gradient = tensor<B, T>::zeros(node_->value.backend(), extents());
    return node_->gradient.view();
  }
  /// Where an operation's backward pass writes (first) or adds (afterwards).
  gradient_sink<B, T> sink() const {
    const bool add = has_gradient();
    if (!add) node_->gradient = tensor<B, T>(node_->value.backend(), extents());
    return {node_->gradient.view(), add};
  }
  void drop_gradient() const { node_->gradient = tensor<B, T>(); }
  /// The gradient becomes that of `other`, of the same extents, which has none yet; this one has none afterwards.
  void hand_gradient_to(const variable& other) const { other.node_->gradient = std::move(node_->gradient); }

 private:
  struct node {
    tensor<B, T> value, gradient;
    bool tracked;
    node(tensor<B, T> v, tensor<B, T> g, bool t) : value(std::move(v)), gradient(std::move(g)), tracked(t) {}
  };
  std::shared_ptr<node> node_;
};

}  // namespace CANDOR_NS
