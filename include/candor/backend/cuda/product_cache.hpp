// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The quickest algorithm of each product that was timed, kept in a file: a line for each, behind a head that
/// names the device and the library, since an algorithm is good for these alone.

#include <candor/backend/cuda/product_layout.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace CANDOR_NS {

/// What cuBLASLt keeps of an algorithm: opaque, and to be stored as bytes.
using product_algorithm = std::array<std::uint64_t, 8>;

class product_cache {
 public:
  /// `machine` names device and library on one line.
  explicit product_cache(std::string machine) : machine_(std::move(machine)) {}

  /// The algorithm of typical(layout), or null. `layout` must be typical.
  const product_algorithm* find(const product_layout& layout) const {
    const auto found = algorithms_.find(layout);
    return found == algorithms_.end() ? nullptr : &found->second;
  }
  void put(const product_layout& layout, const product_algorithm& algorithm) {
    algorithms_.insert_or_assign(layout, algorithm);
    changed_ = true;
  }
  std::size_t size() const { return algorithms_.size(); }
  bool changed() const { return changed_; }

  /// Adds what the file holds; nothing where it does not exist or was made on another machine. input_error,
  /// with its line, where it is no such file.
  void load(const std::filesystem::path& path);
  /// Replaces the file. io_error where the system refuses.
  void save(const std::filesystem::path& path);

 private:
  std::string machine_;
  std::map<product_layout, product_algorithm> algorithms_;
  bool changed_ = false;  // since it was loaded or saved
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/backend/cuda/product_cache_impl.hpp>
#endif
