// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Named fault points. `fault_point("checkpoint.before_rename")` is nothing at all, unless candor is built
/// with CANDOR_FAULT_POINTS=1; then the environment variable CANDOR_FAULT=<name>:<n>:<action> acts at the
/// n-th pass (from 1) of the point of that name in this process:
///   kill   raises SIGKILL, so that nothing is flushed, closed or destroyed;
///   fail   throws io_error, as if the write had failed;
///   term   raises SIGTERM and goes on, int the same with SIGINT.
/// CANDOR_FAULT_LOG=<file> appends the name of each point that is passed, one a line.
/// All units of a program must agree on CANDOR_FAULT_POINTS.

#include <candor/core/config.hpp>

#include <string_view>

#ifndef CANDOR_FAULT_POINTS
#define CANDOR_FAULT_POINTS 0
#endif

namespace CANDOR_NS {

#if CANDOR_FAULT_POINTS
/// Acts as CANDOR_FAULT says. usage_error where the variable does not have the form <name>:<n>:<action>.
void fault_point(std::string_view name);
#else
constexpr void fault_point(std::string_view) noexcept {}
#endif

}  // namespace CANDOR_NS

#if CANDOR_DEFINES && CANDOR_FAULT_POINTS
#include <candor/core/fault_impl.hpp>
#endif
