// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Turns an errno into an io_error that says what was done to which file, why it failed, and what helps.

#include <candor/core/config.hpp>

#include <filesystem>
#include <string_view>

namespace CANDOR_NS {

/// Throws io_error: "cannot <action> <path>: No space left on device (ENOSPC); free some space ...".
/// `code` is the errno of the failed call. Example: `fail_io("open", path, errno)`.
[[noreturn]] void fail_io(std::string_view action, const std::filesystem::path& path, int code);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/os_error_impl.hpp>
#endif
