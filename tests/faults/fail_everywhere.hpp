// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Does something again and again, and lets the first call of a kind fail, then the second, and so on until
/// it passes.

#include "faults/failing_calls.hpp"
#include "support/catch.hpp"

#include <candor/core/error.hpp>

#include <cerrno>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace candor_test {

/// A kind of failure, and whether the work is expected to go on in spite of it.
struct failure_kind {
  const char* name;
  failing_call call;
  int error;
  bool harmless = false;
};

/// All that disks do. `always` variants are a disk that stays as it is.
inline const std::vector<failure_kind> disk_failures{{"write, ENOSPC", failing_call::write, ENOSPC},
                                                     {"write, EIO", failing_call::write, EIO},
                                                     {"write, EDQUOT", failing_call::write, EDQUOT},
                                                     {"short write", failing_call::write, 0, true},
                                                     {"write, EINTR", failing_call::write, EINTR, true},
                                                     {"fsync, EIO", failing_call::fsync, EIO},
                                                     {"fsync, ENOSPC", failing_call::fsync, ENOSPC},
                                                     {"fsync, EDQUOT", failing_call::fsync, EDQUOT},
                                                     {"fsync, EINTR", failing_call::fsync, EINTR, true},
                                                     {"rename, ENOSPC", failing_call::rename, ENOSPC},
                                                     {"rename, EIO", failing_call::rename, EIO},
                                                     {"rename, EDQUOT", failing_call::rename, EDQUOT},
                                                     {"create, ENOSPC", failing_call::create, ENOSPC},
                                                     {"create, EMFILE", failing_call::create, EMFILE},
                                                     {"create, EINTR", failing_call::create, EINTR, true},
                                                     {"mkdir, ENOSPC", failing_call::mkdir, ENOSPC},
                                                     {"mkdir, EIO", failing_call::mkdir, EIO}};

/// How a piece of work ended.
struct work_end {
  int code = 0;         ///< the exit code of a program that ended so: 5 the disk, 6 memory
  std::string message;  ///< what was thrown
};

template <class Work>
work_end end_of(Work&& work) {
  try {
    work();
    return {};
  } catch (const candor::error& problem) {
    return {problem.exit_code(), problem.what()};
  } catch (const std::bad_alloc&) {
    return {6, "out of memory"};
  } catch (const std::system_error& problem) {
    return {-1, std::string("not an error of candor: ") + problem.what()};
  }
}

/// For n = 1, 2, ...: `prepare`, then `work` with its n-th call failing, then `check`, until no call is left
/// to fail. Gives the number of failures.
template <class Prepare, class Work, class Check>
std::uint64_t fail_everywhere(const failure_kind& kind, bool always, Prepare prepare, Work work,
                              Check check) {
  for (std::uint64_t n = 1;; ++n) {
    INFO(kind.name << (always ? ", and all later ones" : "") << ", call " << n);
    REQUIRE(n < 100'000);
    prepare();
    arm({kind.call, n, kind.error, always});
    const work_end end = end_of(work);
    const bool failed = disarm();
    INFO(end.message);
    if (!failed || kind.harmless) {
      CHECK(end.code == 0);
    } else if (end.code != 0) {  // what was done already may fail to be tidied up without being lost
      CHECK(end.code == (kind.call == failing_call::memory ? 6 : 5));
      CHECK_FALSE(end.message.empty());
    }
    check(end);
    if (!failed) return n - 1;
  }
}

}  // namespace candor_test
