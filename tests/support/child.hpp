// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Runs a function in a forked child and tells how it ended; folders that remove themselves, and what is
/// left half written in one.

#include <candor/core/error.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace candor_test {

/// How a child ended: by exit (code) or by signal (signal != 0), and what it took.
struct child_end {
  int code = -1;
  int signal = 0;
  double seconds = 0;  ///< of the processor
  double peak = 0;     ///< resident memory, MiB
};

/// Waits for a child made by fork.
inline child_end wait_for(pid_t child) {
  int status = 0;
  rusage used{};
  while (::wait4(child, &status, 0, &used) < 0 && errno == EINTR) {}
  child_end end;
  end.seconds = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  end.peak = static_cast<double>(used.ru_maxrss) / 1024;
  if (WIFEXITED(status)) end.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

/// Waits until a child has taken so many seconds of the processor, however busy the machine is, or has ended.
inline void wait_until_used(pid_t child, double seconds) {
  constexpr double ticks = 100;  // a second, in what Linux tells of processes
  for (double used = 0; used < seconds; ::usleep(2000)) {
    std::ifstream stat(candor::text("/proc/", child, "/stat"));
    std::string line;
    std::getline(stat, line);
    std::istringstream fields(
        line.substr(std::min(line.size(), line.rfind(')') + 1)));  // the name may hold anything
    std::string state, skipped;
    fields >> state;
    for (int i = 0; i < 10; ++i) fields >> skipped;
    double user = 0, system = 0;
    if (state == "Z" || !(fields >> user >> system)) return;
    used = (user + system) / ticks;
  }
}

/// Runs `work` in a child. Exit 0 where it returns, the exit code of a candor::error, 99 for other
/// exceptions. Nothing of the test framework runs in the child: it leaves by _exit.
template <class Work>
pid_t start_child(Work work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  int code = 0;
  try {
    work();
  } catch (const candor::error& problem) {
    code = problem.exit_code();
  } catch (...) {
    code = 99;
  }
  ::_exit(code);
}

template <class Work>
child_end in_child(Work work) {
  return wait_for(start_child(std::move(work)));
}

/// How many files and folders of a run are half written: those that atomic_file and staged_folder left
/// behind.
inline std::size_t unfinished(const std::filesystem::path& run) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(run))
    count += entry.path().filename().string().find(".tmp.") != std::string::npos ? 1 : 0;
  return count;
}

/// An empty folder that is removed with all that it holds.
class scratch_folder {
 public:
  scratch_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "candor-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), pattern);
    path_ = pattern;
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace candor_test
