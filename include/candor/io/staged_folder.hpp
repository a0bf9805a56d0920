// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A folder that appears whole or not at all: it is filled beside its place, synced and renamed.

#include <candor/core/config.hpp>

#include <filesystem>

namespace CANDOR_NS {

///     staged_folder folder("runs/mine/model");
///     save(folder.path());
///     folder.commit();
///
/// What was not committed is removed; where the process is killed, a hidden `.<name>.tmp.<pid>` stays, which the
/// next start of a run removes. Errors of the system are io_error with the path.
class staged_folder {
 public:
  explicit staged_folder(std::filesystem::path target);
  ~staged_folder();
  staged_folder(const staged_folder&) = delete;
  staged_folder& operator=(const staged_folder&) = delete;

  /// Where the files go for now.
  const std::filesystem::path& path() const { return stage_; }
  /// Puts the folder in its place. One that is there is exchanged for it in one step, and removed by the
  /// destructor.
  void commit();

 private:
  std::filesystem::path target_, stage_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/staged_folder_impl.hpp>
#endif
