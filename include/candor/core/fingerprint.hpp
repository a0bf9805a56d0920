// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Fingerprints of what a cached result depends on: XXH3 with 128 bits, as `xxh128sum` prints it.
/// A fingerprint keeps one digest for each label, so that a stale cache is refused with the differing part
/// named. It finds accidental change; it is no protection against a forger.

#include <candor/core/config.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// XXH3-128 of the bytes, 32 lower-case hexadecimal digits.
std::string hash_bytes(std::span<const std::byte> bytes);
std::string hash_bytes(std::string_view bytes);
/// XXH3-128 of a file's content, read in blocks. Throws io_error where the file cannot be read.
std::string hash_file(const std::filesystem::path& path);

/// An ordered list of labelled digests. What is added under a label that is already there is chained to it,
/// in order.
class fingerprint {
 public:
  struct part {
    std::string label;
    std::string digest;  ///< 32 hexadecimal digits
    friend bool operator==(const part&, const part&) = default;
  };

  fingerprint() = default;
  /// From parts that were saved beside a cached result.
  explicit fingerprint(std::vector<part> parts) : parts_(std::move(parts)) {}

  void add(std::string_view label, std::string_view bytes);
  void add(std::span<const std::byte> bytes, std::string_view label = "bytes");
  /// File name (without its folder), size and time of the last change in ns: cheap, for many images.
  void add_file_stat(const std::filesystem::path& path, std::string_view label = "file times");
  /// File name (without its folder) and content.
  void add_file(const std::filesystem::path& path, std::string_view label = "file contents");

  /// One digest over all labels and their digests, 32 hexadecimal digits.
  std::string hex() const;
  const std::vector<part>& parts() const { return parts_; }

 private:
  std::vector<part> parts_;
};

/// The first label whose digest differs or that one of the two lacks; empty where the fingerprints are equal.
std::string first_difference(const fingerprint& expected, const fingerprint& found);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/core/fingerprint_impl.hpp>
#endif
