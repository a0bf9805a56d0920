// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of checkpoint_manifest.hpp.

#include <candor/core/error.hpp>
#include <candor/core/fault.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/os_error.hpp>
#include <candor/train/checkpoint_manifest.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::string_view manifest_name = "MANIFEST.json";

/// Plain names only: a manifest must not lead out of its folder.
CANDOR_INLINE bool good_checkpoint_name(std::string_view name) {
  const bool plain =
      std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; });
  if (!plain || name.empty() || name.size() > 1024 || name == manifest_name) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

/// The bytes of MANIFEST.json. Its digest is of the same document without the digest.
CANDOR_INLINE std::string manifest_text(const checkpoint_manifest& m) {
  json files = json::array();
  for (const checkpoint_file& f : m.files)
    files.push_back(json_object({{"name", f.name}, {"bytes", f.bytes}, {"xxh3_128", f.digest}}));
  json document = json_object({{"format", "candor checkpoint"},
                               {"format_version", m.format_version},
                               {"step", m.step},
                               {"world_size", m.world_size},
                               {"config_hash", m.config_hash},
                               {"files", files}});
  document["manifest_xxh3_128"] = hash_bytes(document.dump());
  return document.dump(2) + "\n";
}

CANDOR_INLINE void sync_file(const std::filesystem::path& path) {
  const int opened = open_retrying(path, O_RDONLY | O_NOFOLLOW, 0);
  if (opened < 0) fail_io("open", path, errno);
  try {
    sync_descriptor(opened, path);
  } catch (...) {
    ::close(opened);
    throw;
  }
  ::close(opened);
}

}  // namespace detail

CANDOR_INLINE std::uint64_t checkpoint_manifest::bytes() const {
  std::uint64_t sum = 0;
  for (const checkpoint_file& f : files) sum += f.bytes;
  return sum;
}

CANDOR_INLINE checkpoint_manifest write_manifest(const std::filesystem::path& folder,
                                                 checkpoint_manifest manifest) {
  namespace fs = std::filesystem;
  manifest.files.clear();
  try {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_symlink() && entry.is_directory()) {
        sync_folder(entry.path());
        continue;
      }
      const std::string name = entry.path().lexically_relative(folder).generic_string();
      require<usage_error>(
          !entry.is_symlink() && entry.is_regular_file() && detail::good_checkpoint_name(name),
          entry.path().string(),
          " cannot be part of a checkpoint: only regular files with plain ASCII names can");
      detail::sync_file(entry.path());
      manifest.files.push_back({name, entry.file_size(), hash_file(entry.path())});
    }
  } catch (const fs::filesystem_error& problem) {
    fail_io("examine the checkpoint", folder, problem.code().value());
  }
  std::sort(manifest.files.begin(), manifest.files.end(),
            [](const checkpoint_file& a, const checkpoint_file& b) { return a.name < b.name; });
  fault_point("checkpoint.before_manifest");
  write_atomically(folder / detail::manifest_name, detail::manifest_text(manifest));
  fault_point("checkpoint.after_manifest");
  return manifest;
}

CANDOR_INLINE checkpoint_manifest read_manifest(const std::filesystem::path& folder) {
  const auto path = folder / detail::manifest_name;
  const std::string bytes = read_file(path, std::uint64_t{16} << 20);
  const detail::json document = detail::parse_json(bytes, {.file = path.string(), .max_depth = 4});
  const detail::json_field root(document, path.string());
  checkpoint_manifest m;
  m.format_version = root["format_version"].integer(1);
  require<input_error>(m.format_version <= checkpoint_manifest::current_format, path.string(),
                       ": format version ", m.format_version, ", this program reads up to ",
                       checkpoint_manifest::current_format, "; use a newer candor");
  m.step = root["step"].integer(0);
  m.world_size = root["world_size"].integer(1);
  m.config_hash = root["config_hash"].string();
  for (const auto& item : root["files"].items()) {
    checkpoint_file file{item["name"].string(), static_cast<std::uint64_t>(item["bytes"].integer(0)),
                         item["xxh3_128"].string()};
    require<input_error>(detail::good_checkpoint_name(file.name), path.string(), ": ",
                         detail::in_quotes(file.name), " is not a plain name of a file in the checkpoint");
    m.files.push_back(std::move(file));
  }
  // Written by the same function, so that no changed byte goes unseen.
  require<input_error>(bytes == detail::manifest_text(m), path.string(),
                       ": the manifest was changed after it was written");
  return m;
}

CANDOR_INLINE checkpoint_manifest verify_checkpoint(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  checkpoint_manifest m = read_manifest(folder);
  for (const checkpoint_file& f : m.files) {
    const auto path = folder / f.name;
    std::error_code problem;
    const auto status = fs::symlink_status(path, problem);
    require<input_error>(fs::exists(status), path.string(), " is missing");
    require<input_error>(fs::is_regular_file(status), path.string(), " is not a regular file");
    const auto size = fs::file_size(path, problem);
    if (problem) fail_io("examine", path, problem.value());
    require<input_error>(size == f.bytes, path.string(), " holds ", size, " bytes, the manifest says ",
                         f.bytes);
    const std::string digest = hash_file(path);
    require<input_error>(digest == f.digest, path.string(), " has the hash ", digest, ", the manifest says ",
                         f.digest, ": its content was changed or damaged");
  }
  return m;
}

}  // namespace CANDOR_NS
