// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// How often the files of a folder are opened, by this process or others.

#include "support/catch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>

namespace candor_test {

/// Counts from its beginning. Up to some thousands: then the kernel drops events, and `count` fails.
class file_opens {
 public:
  explicit file_opens(const std::filesystem::path& folder) : queue_(::inotify_init1(IN_NONBLOCK)) {
    REQUIRE(queue_ >= 0);
    // Closing too: the kernel folds equal events in a row into one.
    REQUIRE(::inotify_add_watch(queue_, folder.c_str(), IN_OPEN | IN_CLOSE) >= 0);
  }
  file_opens(const file_opens&) = delete;
  file_opens& operator=(const file_opens&) = delete;
  ~file_opens() { ::close(queue_); }

  int count() const {
    int opened = 0;
    alignas(inotify_event) char bytes[4096];
    for (ssize_t got; (got = ::read(queue_, bytes, sizeof bytes)) > 0;)
      for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
        inotify_event event;
        std::memcpy(&event, bytes + at, sizeof event);
        REQUIRE((event.mask & IN_Q_OVERFLOW) == 0);
        opened += (event.mask & IN_OPEN) != 0 && (event.mask & IN_ISDIR) == 0;
        at += sizeof event + event.len;
      }
    return opened;
  }

 private:
  int queue_;
};

}  // namespace candor_test
