// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Folders that appear whole.

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/os_error.hpp>
#include <candor/io/staged_folder.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// Gives the folder `from` the name `to`. One that is there already is exchanged for it in one step, so that
/// there is always one; it lies at `from` afterwards.
CANDOR_INLINE void replace_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code code;
  if (!std::filesystem::exists(to, code)) {
    if (::rename(from.c_str(), to.c_str()) != 0) fail_io("rename the finished folder to", to, errno);
    return;
  }
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS) fail_io("exchange the finished folder for", to, errno);
  // File systems without the exchange: the old one is moved aside, and back where the new one cannot be
  // moved.
  const auto aside = to.parent_path() / text(".", to.filename().string(), ".old.tmp.", ::getpid());
  if (::rename(to.c_str(), aside.c_str()) != 0) fail_io("move aside", to, errno);
  if (::rename(from.c_str(), to.c_str()) != 0) {
    const int reason = errno;
    if (::rename(aside.c_str(), to.c_str()) != 0) fail_io("move back from", aside, errno);
    fail_io("rename the finished folder to", to, reason);
  }
  std::filesystem::rename(aside, from, code);
}

}  // namespace detail

CANDOR_INLINE staged_folder::staged_folder(std::filesystem::path target) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();
  stage_ = target_.parent_path() / text(".", target_.filename().string(), ".tmp.", ::getpid());
  std::error_code code;
  std::filesystem::create_directories(stage_, code);
  if (code) fail_io("create the folder", stage_, code.value());
}

CANDOR_INLINE staged_folder::~staged_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(stage_, ignored);
}

CANDOR_INLINE void staged_folder::commit() {
  sync_folder(stage_);
  detail::replace_folder(stage_, target_);
  sync_folder(target_.has_parent_path() ? target_.parent_path() : std::filesystem::path("."));
}

}  // namespace CANDOR_NS
