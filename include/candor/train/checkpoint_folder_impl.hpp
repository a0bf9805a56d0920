// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of checkpoint_folder.hpp.

#include <candor/core/error.hpp>
#include <candor/core/fault.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/os_error.hpp>
#include <candor/train/checkpoint_folder.hpp>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>

namespace CANDOR_NS {
namespace detail {

/// A number from 0 without sign, spaces or leading zeros; -1 for anything else.
CANDOR_INLINE std::int64_t plain_number(std::string_view digits) {
  std::int64_t value = -1;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool plain = problem == std::errc() && end == digits.data() + digits.size() && digits[0] != '-' &&
                     (digits.size() == 1 || digits[0] != '0');
  return plain ? value : -1;
}

/// The parts of "checkpoint-<step>" and "checkpoint-<step>.tmp.<pid>"; step -1 for other names, pid -1 where
/// finished.
struct checkpoint_folder_name {
  std::int64_t step = -1;
  std::int64_t pid = -1;
};

CANDOR_INLINE checkpoint_folder_name parse_checkpoint_name(std::string_view name) {
  constexpr std::string_view prefix = "checkpoint-", infix = ".tmp.";
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  const auto dot = name.find(infix);
  if (dot == std::string_view::npos) return {plain_number(name), -1};
  const checkpoint_folder_name parts{plain_number(name.substr(0, dot)),
                                     plain_number(name.substr(dot + infix.size()))};
  return parts.pid < 0 ? checkpoint_folder_name{} : parts;
}

CANDOR_INLINE std::filesystem::path unfinished_path(const std::filesystem::path& run, std::int64_t step) {
  return run / text("checkpoint-", step, ".tmp.", ::getpid());
}

/// Removes a folder with all that it holds.
CANDOR_INLINE void remove_folder(const std::filesystem::path& folder) {
  std::error_code problem;
  std::filesystem::remove_all(folder, problem);
  if (problem) fail_io("remove", folder, problem.value());
}

/// Names of the folders of a run that look like checkpoints, finished or not.
CANDOR_INLINE std::vector<std::filesystem::path> checkpoint_folders(const std::filesystem::path& run) {
  namespace fs = std::filesystem;
  std::vector<fs::path> out;
  try {
    if (!fs::exists(run)) return out;
    for (const auto& entry : fs::directory_iterator(run))
      if (!entry.is_symlink() && entry.is_directory() &&
          parse_checkpoint_name(entry.path().filename().string()).step >= 0)
        out.push_back(entry.path());
  } catch (const fs::filesystem_error& problem) {
    fail_io("list the checkpoints in", run, problem.code().value());
  }
  return out;
}

CANDOR_INLINE void require_free_space(const std::filesystem::path& run, std::uint64_t expected) {
  if (expected == 0) return;
  struct statvfs disk {};
  while (::statvfs(run.c_str(), &disk) != 0)
    if (errno != EINTR) fail_io("ask for the free space of", run, errno);
  const std::uint64_t free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  const std::uint64_t needed = expected + expected / 10;
  require<io_error>(free >= needed, "cannot save a checkpoint in ", run.string(), ": it needs ", needed >> 20,
                    " MiB, the disk has ", free >> 20,
                    " MiB left; free some space, keep fewer checkpoints, or choose another folder");
}

/// Gives the finished folder its name. One that is there already is exchanged in one step and then removed.
CANDOR_INLINE void publish_checkpoint(const std::filesystem::path& unfinished,
                                      const std::filesystem::path& finished) {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::symlink_status(finished, ignored))) {
    if (::rename(unfinished.c_str(), finished.c_str()) != 0)
      fail_io("rename the checkpoint to", finished, errno);
    return;
  }
  if (::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, finished.c_str(), RENAME_EXCHANGE) == 0) return;
  // File systems without the exchange: the old one goes first.
  if (errno != EINVAL && errno != ENOSYS) fail_io("exchange the checkpoint", finished, errno);
  remove_folder(finished);
  if (::rename(unfinished.c_str(), finished.c_str()) != 0)
    fail_io("rename the checkpoint to", finished, errno);
}

/// Removes the unfinished folder unless it was renamed.
struct unfinished_checkpoint {
  std::filesystem::path folder;
  explicit unfinished_checkpoint(std::filesystem::path f) : folder(std::move(f)) {}
  unfinished_checkpoint(const unfinished_checkpoint&) = delete;
  unfinished_checkpoint& operator=(const unfinished_checkpoint&) = delete;
  ~unfinished_checkpoint() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
};

/// Removes all but the newest `keep` of the checkpoints up to `newest`; `best` stays and counts as one of them,
/// but the newest stays beside it. Each is renamed first, so that a kill
/// in the middle leaves no half checkpoint under a finished name. Later steps (of a run that was resumed from
/// an earlier one) stay until this run replaces them.
CANDOR_INLINE void purge_checkpoints(const std::filesystem::path& run, std::int64_t newest,
                                     std::int64_t keep, std::int64_t best) {
  if (keep <= 0) return;
  std::vector<std::int64_t> steps = list_checkpoints(run);
  std::erase_if(steps, [newest](std::int64_t step) { return step > newest; });
  if (best != newest && std::erase(steps, best) > 0) keep = std::max<std::int64_t>(1, keep - 1);
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < steps.size(); ++i) {
    const auto old = checkpoint_path(run, steps[i]);
    const unfinished_checkpoint going(unfinished_path(run, steps[i]));
    fault_point("checkpoint.before_purge");
    remove_folder(going.folder);
    if (::rename(old.c_str(), going.folder.c_str()) != 0) fail_io("remove the old checkpoint", old, errno);
    fault_point("checkpoint.during_purge");
    remove_folder(going.folder);
  }
}

}  // namespace detail

CANDOR_INLINE std::filesystem::path checkpoint_path(const std::filesystem::path& run, std::int64_t step) {
  return run / text("checkpoint-", step);
}

CANDOR_INLINE std::vector<std::int64_t> list_checkpoints(const std::filesystem::path& run) {
  std::vector<std::int64_t> steps;
  for (const auto& folder : detail::checkpoint_folders(run)) {
    const auto parts = detail::parse_checkpoint_name(folder.filename().string());
    if (parts.pid < 0) steps.push_back(parts.step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

CANDOR_INLINE std::filesystem::path save_checkpoint(
    const std::filesystem::path& run, const checkpoint_options& options,
    function_ref<void(const std::filesystem::path&)> write_files) {
  require<usage_error>(options.step >= 0, "a checkpoint cannot have step ", options.step);
  detail::require_free_space(run, options.expected_bytes);
  const auto finished = checkpoint_path(run, options.step);
  const detail::unfinished_checkpoint unfinished(detail::unfinished_path(run, options.step));
  detail::remove_folder(unfinished.folder);  // left by an earlier process of the same number
  std::error_code problem;
  std::filesystem::create_directory(unfinished.folder, problem);
  if (problem) fail_io("create", unfinished.folder, problem.value());
  fault_point("checkpoint.created");
  write_files(unfinished.folder);
  write_manifest(
      unfinished.folder,
      {.step = options.step, .world_size = options.world_size, .config_hash = options.config_hash});
  sync_folder(unfinished.folder);
  fault_point("checkpoint.before_rename");
  detail::publish_checkpoint(unfinished.folder, finished);
  fault_point("checkpoint.after_rename");
  sync_folder(run);
  fault_point("checkpoint.before_verify");
  verify_checkpoint(finished);
  detail::purge_checkpoints(run, options.step, options.keep, options.best);
  return finished;
}

CANDOR_INLINE found_checkpoint open_checkpoint(const std::filesystem::path& folder) {
  std::error_code ignored;
  require<input_error>(std::filesystem::is_directory(folder, ignored), folder.string(),
                       " is not a checkpoint folder; name a checkpoint-<step> folder of the run, or `auto`");
  found_checkpoint found{folder, verify_checkpoint(folder)};
  const auto named = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  const auto step = detail::parse_checkpoint_name(named.string()).step;
  require<input_error>(step < 0 || step == found.manifest.step, folder.string(), ": its manifest is of step ",
                       found.manifest.step, "; the folder was renamed");
  return found;
}

CANDOR_INLINE checkpoint_search find_checkpoint(const std::filesystem::path& run) {
  checkpoint_search search;
  const auto steps = list_checkpoints(run);
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const auto folder = checkpoint_path(run, *step);
    try {
      search.found = open_checkpoint(folder);
      return search;
    } catch (const input_error& problem) {
      search.warnings.push_back(text("checkpoint ", folder.string(), " is passed over: ", problem.what()));
    } catch (const io_error& problem) {
      search.warnings.push_back(text("checkpoint ", folder.string(), " is passed over: ", problem.what()));
    }
  }
  if (steps.empty()) return search;
  std::string all;
  for (const std::string& warning : search.warnings) all += "\n  " + warning;
  fail<input_error>("no checkpoint in ", run.string(),
                    " can be resumed; to start anew, choose another folder:", all);
}

CANDOR_INLINE std::vector<std::filesystem::path> remove_stale_checkpoints(const std::filesystem::path& run) {
  std::vector<std::filesystem::path> removed;
  for (const auto& folder : detail::checkpoint_folders(run)) {
    const auto pid = detail::parse_checkpoint_name(folder.filename().string()).pid;
    // A folder with our own number is of an earlier process too: this one has not saved yet.
    const bool lives =
        pid > 0 && pid != ::getpid() && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
    if (pid < 0 || lives) continue;
    detail::remove_folder(folder);
    removed.push_back(folder);
  }
  return removed;
}

}  // namespace CANDOR_NS
