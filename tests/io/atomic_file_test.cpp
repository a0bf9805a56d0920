// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/core/fault.hpp>
#include <candor/io/atomic_file.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>

using namespace candor;
namespace fs = std::filesystem;

namespace {

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

template <class Error, class Work>
std::string message_of(Work work) {
  try {
    work();
  } catch (const Error& problem) {
    return problem.what();
  }
  return "(nothing was thrown)";
}

bool contains(const std::string& whole, std::string_view part) {
  return whole.find(part) != std::string::npos;
}

void limit_file_size(rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(98);
}

}  // namespace

TEST_CASE("an atomic file appears only on commit", "[io][atomic_file]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "a.txt";
  {
    atomic_file file(path);
    file.write("one ");
    const std::array bytes{std::byte{'t'}, std::byte{'w'}, std::byte{'o'}};
    file.write(std::span<const std::byte>(bytes));
    CHECK(file.bytes_written() == 7);
    CHECK_FALSE(fs::exists(path));
    CHECK(file.temporary_path().parent_path() == path.parent_path());
    file.commit();
    CHECK(read_file(path) == "one two");
    CHECK_THROWS_AS(file.write("more"), usage_error);
    CHECK_THROWS_AS(file.commit(), usage_error);
  }
  CHECK(read_file(path) == "one two");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("an uncommitted atomic file leaves the old file and nothing else", "[io][atomic_file]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "a.txt";
  write_atomically(path, "old");
  {
    atomic_file file(path);
    file.write("new");
    atomic_file moved = std::move(file);
    atomic_file other(folder / "b.txt");
    other = std::move(moved);
    CHECK(entries(folder.path()) == 2);
  }
  CHECK(read_file(path) == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("two writers of one file do not share their temporary", "[io][atomic_file]") {
  const candor_test::scratch_folder folder;
  atomic_file first(folder / "a"), second(folder / "a");
  first.write("first");
  second.write("second");
  second.commit();
  first.commit();
  CHECK(read_file(folder / "a") == "first");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a replaced file keeps its permissions", "[io][atomic_file]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "secret";
  write_atomically(path, "old");
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  write_atomically(path, "new");
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0640);
  CHECK(read_file(path) == "new");
}

TEST_CASE("what the system refuses is named with path, reason and help", "[io][atomic_file]") {
  const candor_test::scratch_folder folder;
  const auto absent = message_of<io_error>([&] { write_atomically(folder / "no/such/file", "x"); });
  CHECK(contains(absent, "no/such"));
  CHECK(contains(absent, "ENOENT"));
  CHECK(contains(absent, "check the path"));
  CHECK(contains(message_of<io_error>([&] { write_atomically(folder.path(), "x"); }), "EISDIR"));
  CHECK_THROWS_AS(atomic_file("folder/"), usage_error);
  const int full = ::open("/dev/full", O_WRONLY);
  REQUIRE(full >= 0);
  const auto message =
      message_of<io_error>([&] { detail::write_fully(full, "x", 1, "runs/model.safetensors"); });
  ::close(full);
  CHECK(contains(message, "runs/model.safetensors"));
  CHECK(contains(message, "ENOSPC"));
  CHECK(contains(message, "free some space"));
}

TEST_CASE("a disk that fills up in the middle of a write leaves the old file", "[io][atomic_file]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "a.bin";
  write_atomically(path, "old");
  // The limit lies inside the block, so the first call is short and the second one fails.
  const auto end = candor_test::in_child([&] {
    limit_file_size(10000);
    const auto message = message_of<io_error>([&] { write_atomically(path, std::string(100000, 'x')); });
    if (contains(message, "EFBIG") && contains(message, "a.bin")) throw io_error(message);
  });
  CHECK(end.code == 5);
  CHECK(read_file(path) == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("interrupted and short writes are continued", "[io][atomic_file]") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  std::string sent(std::size_t{1} << 20, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + (i * i + i / 7) % 26);
  // The writer is interrupted every millisecond by a handler that does not restart calls, the reader is slow.
  const auto writer = candor_test::start_child([&] {
    ::close(ends[0]);
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval every{{0, 1000}, {0, 1000}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
    detail::write_fully(ends[1], sent.data(), sent.size(), "pipe");
  });
  ::close(ends[1]);
  std::string received;
  std::array<char, 16384> buffer;
  for (;;) {
    ::usleep(1500);
    const ssize_t got = ::read(ends[0], buffer.data(), buffer.size());
    if (got <= 0) break;
    received.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  CHECK(candor_test::wait_for(writer).code == 0);
  CHECK(received == sent);
}

TEST_CASE("reading checks the kind and the size of the file first", "[io][atomic_file]") {
  const candor_test::scratch_folder folder;
  write_atomically(folder / "ten", "0123456789");
  CHECK(read_file(folder / "ten", 10) == "0123456789");
  const auto large = message_of<input_error>([&] { read_file(folder / "ten", 9); });
  CHECK(contains(large, "holds 10 bytes, at most 9"));
  CHECK(contains(message_of<io_error>([&] { read_file(folder / "absent"); }), "ENOENT"));
  CHECK(contains(message_of<io_error>([&] { read_file(folder.path()); }), "EISDIR"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(contains(message_of<input_error>([&] { read_file(folder / "pipe"); }), "not a regular file"));
  write_atomically(folder / "empty", "");
  CHECK(read_file(folder / "empty").empty());
}

TEST_CASE("a kill at any point of a write leaves the old file or the new one", "[io][atomic_file][fault]") {
#if CANDOR_FAULT_POINTS
  for (const char* point :
       {"file.write", "file.before_fsync", "file.after_fsync", "file.before_rename", "file.after_rename"})
    for (const char* action : {"kill", "fail"}) {
      INFO(point << ' ' << action);
      const candor_test::scratch_folder folder;
      write_atomically(folder / "a", "old");
      const auto end = candor_test::in_child([&] {
        ::setenv("CANDOR_FAULT", text(point, ":1:", action).c_str(), 1);
        write_atomically(folder / "a", "new");
      });
      const bool killed = std::string_view(action) == "kill";
      CHECK(end.signal == (killed ? SIGKILL : 0));
      if (!killed) CHECK(end.code == 5);
      CHECK(read_file(folder / "a") == (std::string_view(point) == "file.after_rename" ? "new" : "old"));
      if (!killed) CHECK(entries(folder.path()) == 1);
    }
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}

TEST_CASE("a fault acts at the pass that is asked for and refuses nonsense", "[io][fault]") {
#if CANDOR_FAULT_POINTS
  const candor_test::scratch_folder folder;
  const auto run = [&](const char* variable) {
    return candor_test::in_child([&] {
      ::setenv("CANDOR_FAULT", variable, 1);
      for (const char* name : {"1", "2", "3"}) write_atomically(folder / name, "x");
    });
  };
  CHECK(run("file.write:3:fail").code == 5);
  CHECK(fs::exists(folder / "2"));
  CHECK_FALSE(fs::exists(folder / "3"));
  CHECK(run("file.write:4:fail").code == 0);
  CHECK(run("other.point:1:kill").code == 0);
  for (const char* bad : {"file.write", "file.write:1", "file.write:0:kill", "file.write:x:kill",
                          "file.write:1:stop", ":1:kill", "file.write::kill", "::", ":"}) {
    INFO(bad);
    CHECK(run(bad).code == 2);
  }
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}
