// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Extents of a tensor as files and messages give them, up to four axes.

#include <candor/core/error.hpp>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace CANDOR_NS {

/// Row-major extents. Computation sees any tensor as a matrix: the first axis by all the others.
class shape {
 public:
  static constexpr int max_rank = 4;

  shape() = default;
  shape(std::initializer_list<std::int64_t> extents) {
    require<shape_error>(extents.size() <= max_rank, "[shape] ", extents.size(), " axes given, at most 4 are supported");
    for (const auto e : extents) extents_[static_cast<std::size_t>(rank_++)] = e;
  }

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  void push_back(std::int64_t extent) {
    require<shape_error>(rank_ < max_rank, "[shape] a tensor of more than 4 axes is not supported");
    extents_[static_cast<std::size_t>(rank_++)] = extent;
  }

  std::int64_t size() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= (*this)[i];
    return n;
  }
  std::int64_t rows() const { return rank_ == 0 ? 1 : (*this)[0]; }
  std::int64_t cols() const {
    std::int64_t n = 1;
    for (int i = 1; i < rank_; ++i) n *= (*this)[i];
    return n;
  }

  std::string str() const {
    std::string out = "(";
    for (int i = 0; i < rank_; ++i) out += text(i > 0 ? ", " : "", (*this)[i]);
    return out + ")";
  }
  friend bool operator==(const shape& a, const shape& b) { return a.rank_ == b.rank_ && a.extents_ == b.extents_; }

 private:
  std::array<std::int64_t, max_rank> extents_{};
  int rank_ = 0;
};

}  // namespace CANDOR_NS
