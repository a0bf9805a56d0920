// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Every failure of a program becomes one message on stderr and an exit code that scripts can rely on:
///   2 bad option, 3 bad input, 4 numbers, 5 the system refused, 6 memory, 75 stopped by a signal, 1 anything
///   else

#include <string>

namespace program {

/// To be called in a catch block: prints "name: message" of what was thrown; the exit code. `memory_advice`
/// says what to do when memory ran out.
int report_failure(const std::string& name, const std::string& memory_advice);

/// From now on a program whose memory ends where nothing can be thrown (in a destructor, in a thread) says so
/// and ends with code 6 too. It cleans up nothing; files that are written beside stay beside.
void end_where_memory_ends();

}  // namespace program
