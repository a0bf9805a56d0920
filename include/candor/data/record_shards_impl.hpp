// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The files behind a path of records: the file itself, the parquet files of a folder as a dataset's
/// repository has them, or those that a pattern such as "data/train-*.parquet" means.

#include <candor/core/error.hpp>

#include <glob.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <vector>

namespace CANDOR_NS::detail {

/// Refuses a list in which a shard "NAME-00001-of-00005.parquet" is missing.
inline void check_shards(const std::vector<std::filesystem::path>& files) {
  std::map<std::string, std::int64_t> found;  // how often NAME and -of-00005.parquet occur together
  for (const auto& file : files) {
    const std::string name = file.string();
    const auto of = name.rfind("-of-");
    const auto dash = of == std::string::npos || of == 0 ? std::string::npos : name.rfind('-', of - 1);
    if (dash != std::string::npos) ++found[name.substr(0, dash) + "-*" + name.substr(of)];
  }
  for (const auto& [name, count] : found) {
    std::int64_t expected = count;
    std::from_chars(name.data() + name.rfind("-of-") + 4, name.data() + name.size(), expected);
    require<input_error>(count == expected, name, ": ", count, " of ", expected,
                         " shards are here; fetch the others");
  }
}

inline std::vector<std::filesystem::path> parquet_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed))
    if (entry.path().extension() == ".parquet" && entry.is_regular_file(failed)) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

inline std::vector<std::filesystem::path> record_shards(const std::filesystem::path& path) {
  std::error_code failed;
  std::vector<std::filesystem::path> out;
  if (std::filesystem::is_directory(path, failed)) {
    out = parquet_files(path);
    if (out.empty()) out = parquet_files(path / "data");
    require<input_error>(!out.empty(), path.string(),
                         ": this folder has no *.parquet files; name the file of records");
  } else if (!std::filesystem::exists(path, failed) && path.string().find('*') != std::string::npos) {
    ::glob_t found{};
    if (::glob(path.c_str(), 0, nullptr, &found) == 0)
      out.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    require<input_error>(!out.empty(), path.string(), ": no file is named so");
  } else {
    return {path};
  }
  check_shards(out);
  return out;
}

}  // namespace CANDOR_NS::detail
