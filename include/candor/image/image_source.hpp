// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Where a picture is, before it is read: a file, or bytes inside a container such as a parquet file.

#include <candor/image/decode.hpp>

#include <filesystem>
#include <functional>
#include <string>

namespace CANDOR_NS {

/// A picture that is read when it is wanted. What `read` of a container refers to must outlive the object.
class image_source {
 public:
  image_source(std::filesystem::path file);  // NOLINT: implicit, a file is the common case
  /// `name` is how errors call it: "pairs.parquet: row 12: image.bytes".
  image_source(std::string name, std::function<std::string()> read);

  /// The file's path, or the place in the container.
  const std::string& name() const { return name_; }
  /// The file; empty where the picture lies in a container.
  const std::filesystem::path& file() const { return file_; }
  /// The picture as it is stored, JPEG or PNG. io_error where the file cannot be read, input_error where it
  /// holds more than `max_bytes` bytes, and what the container throws.
  std::string read(std::uint64_t max_bytes = image_limits{}.max_bytes) const;

 private:
  std::filesystem::path file_;
  std::string name_;
  std::function<std::string()> read_;
};

/// How far a fingerprint looks into images.
enum class image_digest {
  stat,  ///< name, size and time of the last change
  bytes  ///< name and content
};

/// Reads and decodes a picture. Throws as decode_image and `read`.
image load_image(const image_source& source, const decode_options& options = {});

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/image/image_source_impl.hpp>
#endif
