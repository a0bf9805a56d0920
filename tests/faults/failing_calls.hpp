// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Calls of the operating system, operator new, and the host's blocks for tensors, that fail on demand.
/// failing_calls.cpp defines them in front of libc and libstdc++: linked into a test, or preloaded into a
/// program as a shared library, which then reads
///   CANDOR_FAIL_CALL=<call>:<n>:<errno or result>[:always]   write:3:ENOSPC, write:1:short,
///   memory:20:once:always CANDOR_FAIL_COUNTS=<file>   at the end, how often each call was made: lines "write
///   12"

#include <cstdint>

namespace candor_test {

enum class failing_call : int { write, fsync, rename, create, mkdir, truncate, memory, block };
inline constexpr const char* failing_call_names[] = {"write", "fsync",    "rename", "create",
                                                     "mkdir", "truncate", "memory", "block"};
inline constexpr int failing_call_count = 8;

/// What happens at the n-th call from now on, from 1; 0 for nothing.
struct call_failure {
  failing_call call = failing_call::write;
  std::uint64_t n = 0;
  int error = 0;        ///< errno; 0 with `write`: only half of the bytes are taken, which is no failure
  bool always = false;  ///< all later calls of this kind too, as on a disk that stays full
};

/// Starts to count all calls anew, and arms one failure.
void arm(const call_failure& failure);
/// Ends the failing. Returns whether the armed failure happened.
bool disarm();
/// Calls of a kind since arm().
std::uint64_t calls_made(failing_call call);

}  // namespace candor_test
