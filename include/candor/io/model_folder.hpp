// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The weights of a Hugging Face model folder: model.safetensors, or model.safetensors.index.json with its
/// shards, or, where there is neither, torch's pytorch_model.bin or pytorch_model.bin.index.json with its
/// shards. Shard names must be plain file names, and index and shards must agree tensor by tensor. The
/// projector of a LLaVA may lie beside them in an mm_projector.bin, which is read where they have none.

#include <candor/core/config.hpp>
#include <candor/core/shape.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/io/tensor_file.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// An open folder: all headers are read and checked, data on request. Movable; reading is thread-safe.
class model_folder {
 public:
  /// input_error where the folder, its weights or a shard is missing or wrong; io_error where the system
  /// refuses.
  explicit model_folder(std::filesystem::path folder);

  const std::filesystem::path& path() const { return path_; }
  /// Names of all tensors, sorted.
  std::vector<std::string> names() const;
  /// The tensor of this name, or nullptr.
  const tensor_info* find(std::string_view name) const;
  /// The tensor of this name; input_error where it is missing.
  const tensor_info& at(std::string_view name) const;
  /// The same, and its shape must be this one (`reason` says who asks, e.g. "config.json").
  const tensor_info& at(std::string_view name, const shape& expected,
                        std::string_view reason = "config.json") const;
  /// The file that holds the tensor; input_error where it is missing.
  const tensor_file& file_of(std::string_view name) const;
  /// Bytes of all tensors.
  std::uint64_t bytes() const;

  void read(std::string_view name, std::span<std::byte> out) const { file_of(name).read(at(name), out); }
  /// See tensor_file::read_as.
  template <class T>
  void read_as(std::string_view name, std::span<T> out) const {
    file_of(name).read_as(at(name), out);
  }
  template <class T>
  std::vector<T> read_as(std::string_view name) const {
    return file_of(name).template read_as<T>(at(name));
  }

 private:
  struct entry {
    std::string_view name;  ///< owned by the file's tensor_info
    const tensor_info* tensor;
    std::size_t file;
  };
  const entry* lookup(std::string_view name) const;
  void open_shards(const std::filesystem::path& index);

  std::filesystem::path path_;
  std::vector<std::unique_ptr<tensor_file>> files_;
  std::vector<entry> entries_;  ///< sorted by name
};

/// Whether a folder is there with one of these files in it.
bool holds_weights(const std::filesystem::path& folder);

/// Writes the tensors as model.safetensors, or, where they exceed `max_shard_bytes`, as shards in the given
/// order (a larger tensor gets one of its own) with the index last. The folder is made where it is missing;
/// usage_error where it holds weights already, since old and new shards must not mix.
void write_model_folder(const std::filesystem::path& folder, const std::vector<tensor_source>& tensors,
                        std::uint64_t max_shard_bytes = 5'000'000'000);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/model_folder_impl.hpp>
#endif
