// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A file of one record a line (JSONL). One pass finds and checks the lines; afterwards a line is read again
/// from the disk when it is wanted, so memory grows by 24 bytes a record, whatever the records hold.

#include <candor/core/config.hpp>
#include <candor/core/function_ref.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// Where a line lies: `number` counts from 1, `index` counts records from 0. Blank lines are no records.
struct line_place {
  std::uint64_t number = 0;
  std::int64_t index = 0;
};

/// Lines on disk. Reading is thread-safe; the object moves.
class record_file {
 public:
  static constexpr std::uint64_t default_max_line_bytes = std::uint64_t{16} << 20;

  /// Opens the file, calls check(line, place) for each record in order, and keeps the places.
  /// io_error where the system refuses; input_error for a file that is not regular, has no records, or has a
  /// line of more than `max_line_bytes` bytes, and what `check` throws.
  record_file(std::filesystem::path path, function_ref<void(std::string_view, const line_place&)> check,
              std::uint64_t max_line_bytes = default_max_line_bytes);
  ~record_file();
  record_file(record_file&& other) noexcept;
  record_file& operator=(record_file&& other) noexcept;

  std::int64_t size() const { return static_cast<std::int64_t>(lines_.size()); }
  const std::filesystem::path& path() const { return path_; }

  /// The line of a record without its newline. usage_error for an index outside of [0, size()), input_error
  /// where the file became shorter since it was opened.
  std::string read(std::int64_t index) const;
  line_place place(std::int64_t index) const;
  /// "pairs.jsonl:12", as errors begin.
  std::string source(const line_place& place) const;

 private:
  explicit record_file(std::filesystem::path path);

  struct line {
    std::uint64_t offset, bytes, number;
  };

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::vector<line> lines_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/data/record_file_impl.hpp>
#endif
