// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The body of os_error.hpp.

#include <candor/core/error.hpp>
#include <candor/io/os_error.hpp>

#include <cerrno>
#include <string>
#include <system_error>

namespace CANDOR_NS {
namespace detail {

struct os_error_help {
  std::string_view name;    ///< the errno's macro, or empty
  std::string_view advice;  ///< what to do
};

CANDOR_INLINE os_error_help explain_os_error(int code) {
  switch (code) {
    case ENOSPC: return {"ENOSPC", "free some space on this file system or choose another folder"};
    case EDQUOT: return {"EDQUOT", "your disk quota is used up; delete files or ask for more"};
    case EFBIG:
      return {"EFBIG", "the file would exceed a size limit; raise `ulimit -f` or use another file system"};
    case EIO: return {"EIO", "the device reports an error; check the disk and the kernel's log"};
    case EROFS: return {"EROFS", "the file system is mounted read-only; choose another folder"};
    case EACCES: return {"EACCES", "check the permissions of the file and of its folders"};
    case EPERM: return {"EPERM", "check who owns the file and its folder"};
    case ENOENT: return {"ENOENT", "check the path, and that its folder exists"};
    case ENOTDIR: return {"ENOTDIR", "a part of the path is a file, not a folder"};
    case EISDIR: return {"EISDIR", "this is a folder; name a file in it"};
    case EEXIST: return {"EEXIST", "it exists already; move it away or choose another name"};
    case ENOTEMPTY:
      return {"ENOTEMPTY", "the folder exists and is not empty; move it away or choose another name"};
    case ENAMETOOLONG: return {"ENAMETOOLONG", "choose a shorter name"};
    case EMFILE: return {"EMFILE", "too many open files; raise `ulimit -n`"};
    case ENFILE: return {"ENFILE", "the system has too many open files"};
    case ESTALE: return {"ESTALE", "the network file system lost the file; mount it again"};
    case EXDEV: return {"EXDEV", "both names must be on one file system"};
    default: return {"", "check the path and the file system"};
  }
}

}  // namespace detail

CANDOR_INLINE void fail_io(std::string_view action, const std::filesystem::path& path, int code) {
  const auto help = detail::explain_os_error(code);
  const std::string reason = std::generic_category().message(code);
  if (help.name.empty())
    fail<io_error>("cannot ", action, " ", path.string(), ": ", reason, " (errno ", code, "); ", help.advice);
  fail<io_error>("cannot ", action, " ", path.string(), ": ", reason, " (", help.name, "); ", help.advice);
}

}  // namespace CANDOR_NS
