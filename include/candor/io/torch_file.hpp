// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Reading torch's own files (pytorch_model.bin, mm_projector.bin, *.pt) without torch and without running
/// anything: a zip archive of stored entries (or the form from before torch 1.6), whose pickle is read by an
/// interpreter of a few opcodes. Tensors are those of the dictionary that the file holds; dictionaries inside
/// of it give names with dots. Where the file holds several things (epoch, optimizer, ...), the tensors are
/// those of its entry "state_dict", "model_state_dict", "model" or "module". Numbers, texts and lists are
/// passed over.

#include <candor/core/config.hpp>
#include <candor/io/byte_source.hpp>
#include <candor/io/tensor_file.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// An open file. Directory and pickle are read and checked at once, data on request: a storage's CRC-32 is
/// checked before the first of its elements is given out. Movable; reading is thread-safe.
class torch_file final : public tensor_file {
 public:
  /// io_error where the file cannot be opened; input_error where it is damaged, compressed, holds no
  /// dictionary of tensors, or asks for anything that tensors do not need.
  explicit torch_file(std::filesystem::path path) : torch_file(byte_source(std::move(path))) {}
  explicit torch_file(byte_source source);

  const std::filesystem::path& path() const override { return source_.path(); }

 private:
  /// Elements in the file.
  struct storage {
    std::uint64_t begin = 0, bytes = 0;
    std::optional<std::uint32_t> crc;  ///< nothing in the old form
  };
  /// A tensor as a view of a storage; offset and strides in elements.
  struct view {
    std::size_t storage = 0;
    std::uint64_t offset = 0;
    std::vector<std::uint64_t> strides;
    bool contiguous = true;
  };
  struct contents;

  static contents read_zip(const byte_source& source);
  static contents read_old(const byte_source& source);
  void take(contents found);

  const view& view_of(const tensor_info& tensor) const;
  bool is_contiguous(const tensor_info& tensor) const override { return view_of(tensor).contiguous; }
  void read_part(const tensor_info& tensor, std::uint64_t from, std::span<std::byte> out) const override;
  void gather(const tensor_info& tensor, const view& v, std::uint64_t from, std::span<std::byte> out) const;
  void check_crc(std::size_t storage) const;

  byte_source source_;
  std::vector<storage> storages_;
  std::vector<view> views_;                       ///< of tensors(), in their order
  std::unique_ptr<std::atomic<bool>[]> checked_;  ///< whether a storage's CRC-32 is known to be right
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/torch_file_impl.hpp>
#endif
