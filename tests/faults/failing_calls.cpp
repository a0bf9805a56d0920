// SPDX-License-Identifier: Apache-2.0
#include "faults/failing_calls.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace candor_test {
namespace {

// Plain atomics, so that the functions below work before and after all constructors.
std::atomic<std::uint64_t> counts[failing_call_count];
std::atomic<int> armed_call{-1}, armed_error{0};
std::atomic<std::uint64_t> armed_n{0};
std::atomic<bool> armed_always{false}, happened{false};

/// Whether sentencepiece asks. Its protobuf aborts where its memory ends, or destroys what it has not made;
/// nobody can catch that.
bool inside_sentencepiece() {
  void* frames[128];
  const int count = ::backtrace(frames, 128);
  for (int i = 0; i < count; ++i) {
    Dl_info from;
    if (::dladdr(frames[i], &from) != 0 && std::strstr(from.dli_fname, "libsentencepiece") != nullptr)
      return true;
  }
  return false;
}

/// Whether a call stands in the program itself. oneDNN maps memory for its kernels too, and runs into a null
/// pointer where it gets none; nobody can catch that.
bool inside_program(const void* caller) {
  Dl_info from;
  return ::dladdr(caller, &from) == 0 || std::strstr(from.dli_fname, ".so") == nullptr;
}

/// Counts a call; whether it is to fail. An allocation of sentencepiece leaves its turn to the next one.
bool fails(failing_call call) {
  const std::uint64_t n = ++counts[static_cast<int>(call)];
  if (armed_call.load(std::memory_order_relaxed) != static_cast<int>(call)) return false;
  if (armed_always ? n < armed_n : n != armed_n) return false;
  if (call == failing_call::memory && inside_sentencepiece()) {
    if (!armed_always) ++armed_n;
    return false;
  }
  happened = true;
  return true;
}

int error_named(const char* name) {
  const struct {
    const char* name;
    int code;
  } known[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EDQUOT", EDQUOT}, {"EINTR", EINTR},
               {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM}, {"short", 0}};
  for (const auto& k : known)
    if (std::strcmp(k.name, name) == 0) return k.code;
  std::fprintf(stderr, "CANDOR_FAIL_CALL: unknown result %s\n", name);
  std::abort();
}

/// What the environment asks of a preloaded library.
[[gnu::constructor]] void read_environment() {
  const char* wanted = std::getenv("CANDOR_FAIL_CALL");
  if (wanted == nullptr || *wanted == '\0') return;
  char call[16], result[16], more[16] = "";
  unsigned long long n = 0;
  const int parts = std::sscanf(wanted, "%15[a-z]:%llu:%15[A-Za-z]:%15s", call, &n, result, more);
  for (int i = 0; i < failing_call_count; ++i)
    if (parts >= 3 && std::strcmp(call, failing_call_names[i]) == 0) {
      arm({static_cast<failing_call>(i), n, error_named(result), std::strcmp(more, "always") == 0});
      return;
    }
  std::fprintf(stderr, "CANDOR_FAIL_CALL: cannot read %s\n", wanted);
  std::abort();
}

[[gnu::destructor]] void write_counts() {
  const char* path = std::getenv("CANDOR_FAIL_COUNTS");
  if (path == nullptr) return;
  std::FILE* file = std::fopen(path, "w");
  if (file == nullptr) return;
  for (int i = 0; i < failing_call_count; ++i)
    std::fprintf(file, "%s %llu\n", failing_call_names[i], static_cast<unsigned long long>(counts[i].load()));
  std::fclose(file);
}

/// The call fails where it is its turn, else the kernel is asked.
template <class... Arguments>
long call_or_fail(failing_call call, long number, Arguments... arguments) {
  if (fails(call)) {
    errno = armed_error;
    return -1;
  }
  return ::syscall(number, arguments...);
}

}  // namespace

void arm(const call_failure& failure) {
  armed_call = -1;
  for (auto& c : counts) c = 0;
  happened = false;
  armed_n = failure.n;
  armed_error = failure.error;
  armed_always = failure.always;
  if (failure.n > 0) armed_call = static_cast<int>(failure.call);
}

bool disarm() {
  armed_call = -1;
  return happened;
}

std::uint64_t calls_made(failing_call call) { return counts[static_cast<int>(call)]; }

}  // namespace candor_test

using candor_test::call_or_fail;
using candor_test::failing_call;

extern "C" {

// Messages to stdout and stderr go through: only files fail.
ssize_t write(int descriptor, const void* data, size_t size) {
  if (descriptor <= 2) return ::syscall(SYS_write, descriptor, data, size);
  if (candor_test::fails(failing_call::write)) {
    if (candor_test::armed_error == 0) return ::syscall(SYS_write, descriptor, data, (size + 1) / 2);
    errno = candor_test::armed_error;
    return -1;
  }
  return ::syscall(SYS_write, descriptor, data, size);
}

// Nothing is really synced: no test here loses power, and disks are slow.
int fsync(int) {
  if (!candor_test::fails(failing_call::fsync)) return 0;
  errno = candor_test::armed_error;
  return -1;
}

int ftruncate(int descriptor, off_t size) noexcept {
  return static_cast<int>(call_or_fail(failing_call::truncate, SYS_ftruncate, descriptor, size));
}

int rename(const char* from, const char* to) noexcept {
  return static_cast<int>(call_or_fail(failing_call::rename, SYS_rename, from, to));
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  return static_cast<int>(
      call_or_fail(failing_call::rename, SYS_renameat2, from_folder, from, to_folder, to, flags));
}

int mkdir(const char* path, mode_t mode) noexcept {
  return static_cast<int>(call_or_fail(failing_call::mkdir, SYS_mkdir, path, mode));
}

// Only what creates a file counts; reading goes through.
int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
    return static_cast<int>(call_or_fail(failing_call::create, SYS_openat, AT_FDCWD, path, flags, mode));
  }
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

// The two ways in which candor::host takes memory for its tensors. Files that are mapped go through.
void* aligned_alloc(size_t alignment, size_t size) noexcept {
  void* block = nullptr;
  const bool fail =
      candor_test::inside_program(__builtin_return_address(0)) && candor_test::fails(failing_call::block);
  const int error = fail ? candor_test::armed_error.load() : ::posix_memalign(&block, alignment, size);
  if (error != 0) errno = error;
  return error == 0 ? block : nullptr;
}

void* mmap(void* address, size_t size, int protection, int flags, int descriptor, off_t offset) noexcept {
  if ((flags & MAP_ANONYMOUS) != 0 && candor_test::inside_program(__builtin_return_address(0)) &&
      candor_test::fails(failing_call::block)) {
    errno = candor_test::armed_error;
    return MAP_FAILED;
  }
  return reinterpret_cast<void*>(::syscall(SYS_mmap, address, size, protection, flags, descriptor, offset));
}

}  // extern "C"

namespace {
/// As the standard wants it: the program's handler is asked first, and may throw itself.
[[noreturn]] void no_memory() {
  if (const auto handler = std::get_new_handler()) handler();
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) {
  void* memory = candor_test::fails(failing_call::memory) ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) no_memory();
  return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  void* memory = nullptr;
  if (candor_test::fails(failing_call::memory) ||
      ::posix_memalign(&memory, static_cast<std::size_t>(alignment), size == 0 ? 1 : size) != 0)
    no_memory();
  return memory;
}
void* operator new[](std::size_t size, std::align_val_t alignment) { return operator new(size, alignment); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
