// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// MANIFEST.json of a checkpoint: what belongs to it, with sizes and XXH3-128 digests. It is written last, so
/// a folder without one was never finished, and any changed bit in the folder, the manifest itself included,
/// is found by verify_checkpoint.

#include <candor/core/config.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace CANDOR_NS {

struct checkpoint_file {
  std::string name;         ///< below the checkpoint's folder, "/" between parts
  std::uint64_t bytes = 0;  ///< size
  std::string digest;       ///< XXH3-128, 32 hexadecimal digits
};

struct checkpoint_manifest {
  static constexpr std::int64_t current_format = 1;

  std::int64_t format_version = current_format;
  std::int64_t step = 0;         ///< optimizer steps that are done
  std::int64_t world_size = 1;   ///< processes that wrote it
  std::string config_hash = {};  ///< of the run's configuration; the caller says what goes into it
  std::vector<checkpoint_file> files = {};

  /// Sum of the sizes of all files.
  std::uint64_t bytes() const;
};

/// Syncs and hashes all regular files below `folder`, sorts them by name, and writes MANIFEST.json beside
/// them. usage_error for names that are not printable ASCII and for anything that is neither file nor folder.
/// `manifest` gives everything but the files.
checkpoint_manifest write_manifest(const std::filesystem::path& folder, checkpoint_manifest manifest);

/// Reads the manifest and checks it in itself: input_error where it is damaged or of a newer format.
checkpoint_manifest read_manifest(const std::filesystem::path& folder);

/// Reads the manifest and checks every file that it lists by size and digest. input_error that names the
/// first bad file; files that are not listed are not looked at.
checkpoint_manifest verify_checkpoint(const std::filesystem::path& folder);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/checkpoint_manifest_impl.hpp>
#endif
