// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A tensor owns contiguous memory of one backend. It moves; copies are asked for by name (`clone`).

#include <candor/core/scalar.hpp>
#include <candor/core/shape.hpp>
#include <candor/tensor/view.hpp>

#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Owning, contiguous, row-major. The backend must outlive it.
template <class B, class T>
class tensor {
 public:
  using value_type = T;

  tensor() = default;
  /// Memory of the given shape, not initialised.
  tensor(B& backend, const shape& extents)
      : backend_(&backend),
        extents_(extents),
        data_(take(backend, extents)) {}
  tensor(tensor&& other) noexcept { swap(other); }
  tensor& operator=(tensor&& other) noexcept {
    tensor taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~tensor() {
    if (data_ != nullptr) backend_->release(data_, bytes());
  }

  static tensor zeros(B& backend, const shape& extents) {
    tensor t(backend, extents);
    t.zero();
    return t;
  }
  static tensor from(B& backend, const shape& extents, std::span<const T> values) {
    tensor t(backend, extents);
    t.copy_from(values);
    return t;
  }

  B& backend() const { return *backend_; }
  const shape& extents() const { return extents_; }
  std::int64_t size() const { return data_ == nullptr ? 0 : extents_.size(); }
  std::size_t bytes() const { return sizeof(T) * static_cast<std::size_t>(size()); }
  explicit operator bool() const { return data_ != nullptr; }

  /// The tensor as a matrix: first axis by all the others; a vector is one row.
  candor::view<B, T> view() { return matrix(data_); }
  candor::view<B, const T> view() const { return matrix(static_cast<const T*>(data_)); }

  void zero() { backend_->zero(data_, bytes()); }
  void copy_from(std::span<const T> values) {
    require<shape_error>(static_cast<std::int64_t>(values.size()) == size(), "[tensor] ", values.size(),
                         " values given for a tensor ", extents_);
    backend_->copy_in(data_, values.data(), bytes());
  }
  std::vector<T> to_vector() const {
    std::vector<T> out(static_cast<std::size_t>(size()));
    backend_->copy_out(out.data(), data_, bytes());
    return out;
  }
  tensor clone() const {
    tensor t(*backend_, extents_);
    backend_->copy(t.data_, data_, bytes());
    return t;
  }

 private:
  static T* take(B& backend, const shape& extents) {
    try {
      return static_cast<T*>(backend.allocate(sizeof(T) * static_cast<std::size_t>(extents.size())));
    } catch (const memory_error& full) {
      fail<memory_error>(full.what(), "; it was for a tensor ", extents, " of ", sizeof(T), "-byte elements");
    }
  }
  template <class U>
  candor::view<B, U> matrix(U* data) const {
    if (extents_.rank() <= 1) return {data, 1, extents_.size(), extents_.size()};
    return {data, extents_.rows(), extents_.cols(), extents_.cols()};
  }
  void swap(tensor& other) noexcept {
    std::swap(backend_, other.backend_);
    std::swap(extents_, other.extents_);
    std::swap(data_, other.data_);
  }

  B* backend_ = nullptr;
  shape extents_;
  T* data_ = nullptr;
};

}  // namespace CANDOR_NS
