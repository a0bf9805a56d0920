// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The checkpoints of a run: `checkpoint-<step>/` folders that appear whole or not at all. A checkpoint is
/// written into `checkpoint-<step>.tmp.<pid>/`, synced, listed with hashes in MANIFEST.json, renamed, and
/// verified before older ones are removed. Resuming takes the newest one that verifies.

#include <candor/core/config.hpp>
#include <candor/core/function_ref.hpp>
#include <candor/train/checkpoint_manifest.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace CANDOR_NS {

struct checkpoint_options {
  std::int64_t step = 0;         ///< optimizer steps that are done; names the folder
  std::string config_hash = {};  ///< see checkpoint_manifest
  std::int64_t world_size = 1;   ///< processes
  std::uint64_t expected_bytes =
      0;                  ///< refused with io_error unless 1.1 x this is free on the disk; 0: not asked
  std::int64_t keep = 0;  ///< checkpoints that stay, this one and the best included (save_total_limit); 0: all
  std::int64_t best = 0;  ///< the step of a checkpoint that stays in any case, or 0
};

/// Writes one checkpoint. `write_files` gets the folder to fill: with atomic_file, write_safetensors or plain
/// files, in subfolders too. A checkpoint of this step that is already there is replaced in one step. Where
/// anything throws, the half-written folder is removed and all earlier checkpoints are as they were. Returns
/// the finished folder.
///
///     save_checkpoint(run, {.step = 100, .keep = 2}, [&](const std::filesystem::path& folder) {
///       write_safetensors(folder / "optimizer.safetensors", sources);
///       write_atomically(folder / "trainer_state.json", state);
///     });
std::filesystem::path save_checkpoint(const std::filesystem::path& run, const checkpoint_options& options,
                                      function_ref<void(const std::filesystem::path&)> write_files);

struct found_checkpoint {
  std::filesystem::path folder;
  checkpoint_manifest manifest;
};

/// What a search for a checkpoint found.
struct checkpoint_search {
  std::optional<found_checkpoint> found;  ///< the newest that verifies; none where the run has no checkpoints
  std::vector<std::string>
      warnings;  ///< one for each newer checkpoint that was passed over, with its bad file
};

/// The newest checkpoint of a run whose manifest verifies (`--resume auto`). input_error where there are
/// checkpoints but none verifies: to start anew over them must be the user's decision.
checkpoint_search find_checkpoint(const std::filesystem::path& run);

/// A given checkpoint folder (`--resume <folder>`), verified; input_error that names the bad file.
found_checkpoint open_checkpoint(const std::filesystem::path& folder);

/// The steps of all checkpoint folders of a run, rising, verified or not. Empty where the folder does not
/// exist.
std::vector<std::int64_t> list_checkpoints(const std::filesystem::path& run);

/// Removes half-written checkpoints of processes that no longer run; to be called when a run begins, under
/// its lock. Returns what was removed.
std::vector<std::filesystem::path> remove_stale_checkpoints(const std::filesystem::path& run);

/// "run/checkpoint-100"
std::filesystem::path checkpoint_path(const std::filesystem::path& run, std::int64_t step);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/checkpoint_folder_impl.hpp>
#endif
