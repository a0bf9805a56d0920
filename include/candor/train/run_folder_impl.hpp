// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of run_folder.hpp. The lock is flock(2) on a hidden file, which ends with the process, however it
/// ends.

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/os_error.hpp>
#include <candor/train/checkpoint_folder.hpp>
#include <candor/train/run_folder.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::string_view run_lock_name = ".lock";

/// usage_error where the folder holds anything but the lock.
CANDOR_INLINE void require_empty_run(const std::filesystem::path& run, std::string_view advice) {
  std::error_code problem;
  auto entry = std::filesystem::directory_iterator(run, problem);
  for (; !problem && entry != std::filesystem::directory_iterator(); entry.increment(problem))
    require<usage_error>(entry->path().filename() == run_lock_name, "the run folder ", run.string(),
                         " already holds ", entry->path().filename().string(), "; ", advice);
  if (problem) fail_io("list", run, problem.value());
}

/// A new run needs an empty folder; a resumed one a folder that a run has used, or an empty one.
CANDOR_INLINE void require_usable_run(const std::filesystem::path& run, bool resuming) {
  std::error_code problem;
  if (!resuming)
    require_empty_run(run, "continue that run with --resume auto, or choose another folder");
  else if (!std::filesystem::exists(run / run_lock_name, problem) && list_checkpoints(run).empty())
    require_empty_run(run, "it is no run that could be resumed: choose another folder");
}

/// Takes the lock or throws; false where the file system knows no locks.
CANDOR_INLINE bool lock_run(int descriptor, const std::filesystem::path& run) {
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP) return false;
    if (errno != EWOULDBLOCK) fail_io("lock", run / run_lock_name, errno);
    const std::string holder = read_file(run / run_lock_name, 4096);
    fail<usage_error>("another trainer", holder.empty() ? "" : " (process ",
                      holder.substr(0, holder.find('\n')), holder.empty() ? "" : ")",
                      " works in the run folder ", run.string(), "; wait for it or choose another folder");
  }
  return true;
}

/// The process in the name of a file or folder that was not renamed yet, ".<name>.tmp.<pid>..." or
/// "checkpoint-<step>.tmp.<pid>"; 0 for other names.
CANDOR_INLINE pid_t unfinished_by(std::string_view name) {
  constexpr std::string_view infix = ".tmp.";
  const auto at = name.rfind(infix);
  if (!(name.starts_with('.') || name.starts_with("checkpoint-")) || at == name.npos) return 0;
  const std::string_view numbers = name.substr(at + infix.size());
  pid_t pid = 0;
  std::from_chars(numbers.data(), numbers.data() + numbers.size(), pid);
  return pid;
}

/// Removes what was not renamed when its process was killed, in the run and in the folders below it. Another
/// process may have got the number since: where the run's lock is held (`alone`), its own half checkpoints
/// go whoever has it.
CANDOR_INLINE void remove_stale_files(const std::filesystem::path& run, bool alone) {
  std::error_code problem;
  std::vector<std::filesystem::path> stale;
  auto entry = std::filesystem::recursive_directory_iterator(run, problem);
  for (; !problem && entry != std::filesystem::recursive_directory_iterator(); entry.increment(problem)) {
    const std::string name = entry->path().filename().string();
    const pid_t pid = unfinished_by(name);
    const bool ours = pid == ::getpid() || (alone && entry.depth() == 0 && name[0] != '.');
    if (pid <= 0 || (!ours && (::kill(pid, 0) == 0 || errno == EPERM))) continue;
    entry.disable_recursion_pending();
    stale.push_back(entry->path());
  }
  for (const auto& path : stale) std::filesystem::remove_all(path, problem);
  if (problem) fail_io("clean up", run, problem.value());
}

}  // namespace detail

CANDOR_INLINE run_folder::run_folder(std::filesystem::path path, bool resuming) : path_(std::move(path)) {
  require<usage_error>(!path_.empty(), "the run folder has no name");
  std::error_code problem;
  std::filesystem::create_directories(path_, problem);
  if (problem) fail_io("create the run folder", path_, problem.value());
  detail::require_usable_run(path_, resuming);  // before the lock: a foreign folder stays as it is
  lock_ = detail::open_retrying(path_ / detail::run_lock_name, O_RDWR | O_CREAT, 0666);
  if (lock_ < 0) fail_io("create", path_ / detail::run_lock_name, errno);
  try {
    locked_ = detail::lock_run(lock_, path_);
    detail::require_usable_run(path_, resuming);  // another run may have come and gone in between
    if (::ftruncate(lock_, 0) != 0) fail_io("write", path_ / detail::run_lock_name, errno);
    const std::string holder = text(::getpid(), "\n");
    detail::write_fully(lock_, holder.data(), holder.size(), path_ / detail::run_lock_name);
    remove_stale_checkpoints(path_);
    detail::remove_stale_files(path_, locked_);
  } catch (...) {
    ::close(std::exchange(lock_, -1));
    throw;
  }
}

CANDOR_INLINE run_folder::~run_folder() {
  if (lock_ >= 0) ::close(lock_);
}

CANDOR_INLINE run_folder::run_folder(run_folder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)), locked_(other.locked_) {}

CANDOR_INLINE run_folder& run_folder::operator=(run_folder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  std::swap(locked_, other.locked_);
  return *this;
}

CANDOR_INLINE void run_folder::write_config(std::string_view document) const {
  write_atomically(config_path(), document);
}

}  // namespace CANDOR_NS
