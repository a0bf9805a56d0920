// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Folders that appear whole.

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/os_error.hpp>
#include <candor/io/staged_folder.hpp>

#include <unistd.h>

#include <system_error>
#include <utility>

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE void rename_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code code;
  std::filesystem::rename(from, to, code);
  if (code) fail_io("rename the finished folder to", to, code.value());
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
  std::error_code code;
  const auto old = target_.parent_path() / text(".", target_.filename().string(), ".old.tmp.", ::getpid());
  const bool replaces = std::filesystem::exists(target_, code);
  if (replaces) detail::rename_folder(target_, old);
  detail::rename_folder(stage_, target_);
  sync_folder(target_.has_parent_path() ? target_.parent_path() : std::filesystem::path("."));
  if (replaces) std::filesystem::remove_all(old, code);
}

}  // namespace CANDOR_NS
