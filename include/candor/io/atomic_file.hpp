// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Files that appear whole or not at all: written beside their final name, synced, then renamed. A reader
/// never sees half a file, and after a crash or a full disk the previous file is still there.

#include <candor/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace CANDOR_NS {

/// A file under construction. Every refusal of the operating system is an io_error with the path, the reason
/// and what helps.
///
///     atomic_file file("out/model.safetensors");
///     file.write(header);
///     file.write(bytes);
///     file.commit();          // without this call the destructor removes what was written
///
/// A file that is replaced keeps its permissions; a symbolic link at the path is replaced by the file.
class atomic_file {
 public:
  /// Creates a unique hidden file in the folder of `path`, which must exist.
  explicit atomic_file(std::filesystem::path path);
  ~atomic_file();
  atomic_file(atomic_file&& other) noexcept;
  atomic_file& operator=(atomic_file&& other) noexcept;

  /// Appends all bytes; short writes and interrupted calls are continued.
  void write(std::string_view bytes);
  void write(std::span<const std::byte> bytes);

  /// Syncs the file, renames it to its final name and syncs the folder. To be called once, after the last
  /// write.
  void commit();

  const std::filesystem::path& path() const noexcept { return path_; }
  const std::filesystem::path& temporary_path() const noexcept { return temporary_; }
  std::uint64_t bytes_written() const noexcept { return bytes_written_; }

 private:
  void discard() noexcept;

  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
  std::uint64_t bytes_written_ = 0;
};

/// Replaces the file with these bytes, or leaves it as it was and throws io_error.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);

/// The whole file. io_error where it cannot be opened or read, input_error where it is not a regular file or
/// holds more than `max_bytes` bytes.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes = std::uint64_t{64} << 20);

/// Makes earlier renames, creations and removals in a folder durable (fsync of the folder).
void sync_folder(const std::filesystem::path& folder);

namespace detail {

/// Writes all bytes to an open descriptor: a short write is continued, an interrupted one repeated. `path` is
/// for errors.
void write_fully(int descriptor, const char* data, std::size_t size, const std::filesystem::path& path);
/// fsync, repeated where interrupted.
void sync_descriptor(int descriptor, const std::filesystem::path& path);
/// open(2) with O_CLOEXEC, repeated where interrupted; -1 and errno where it fails.
int open_retrying(const std::filesystem::path& path, int flags, unsigned mode);

}  // namespace detail

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/atomic_file_impl.hpp>
#endif
