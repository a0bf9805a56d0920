// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The folder of one run: made or taken over for resuming, locked against a second trainer, with the places
/// of its files. It holds config.json (the options in effect), metrics.jsonl, checkpoint-<step>/ and what the
/// run makes.

#include <candor/core/config.hpp>

#include <filesystem>
#include <string_view>

namespace CANDOR_NS {

class run_folder {
 public:
  /// Makes the folder, with its parents, and locks it until the object goes. usage_error where it holds files
  /// already and `resuming` is false, where it is to be resumed but no run has used it, or where another
  /// trainer has the lock. Half-written checkpoints of dead processes are removed.
  explicit run_folder(std::filesystem::path path, bool resuming = false);
  ~run_folder();
  run_folder(run_folder&& other) noexcept;
  run_folder& operator=(run_folder&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_path() const { return path_ / "config.json"; }
  std::filesystem::path metrics_path() const { return path_ / "metrics.jsonl"; }

  /// Writes the options in effect, a JSON document, to config.json.
  void write_config(std::string_view document) const;
  /// False where the file system knows no locks: then nothing keeps a second trainer out.
  bool locked() const { return locked_; }

 private:
  std::filesystem::path path_;
  int lock_ = -1;
  bool locked_ = false;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/run_folder_impl.hpp>
#endif
