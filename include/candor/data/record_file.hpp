// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A text file of records: one JSON object a line (JSONL), or one JSON list of objects. One pass finds where
/// each record lies; afterwards a record is read from the disk when it is wanted, so memory grows by 24 bytes
/// a record, whatever the records hold.

#include <candor/core/config.hpp>
#include <candor/core/function_ref.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// Bytes of a record in its file, and the number of its first line, which counts from 1.
struct record_range {
  std::uint64_t offset = 0, bytes = 0, line = 0;
};

/// Records on disk. Reading is thread-safe; the object moves.
class record_file {
 public:
  static constexpr std::uint64_t default_max_record_bytes = std::uint64_t{16} << 20;

  /// Opens the file and finds its records, without looking into them: the elements of a list where its first
  /// character is `[`, else the lines that are not blank.
  /// io_error where the system refuses; input_error for a file that is not regular, has no records, has one
  /// of more than `max_record_bytes` bytes, or has a list that does not end with the file.
  explicit record_file(std::filesystem::path path, std::uint64_t max_record_bytes = default_max_record_bytes);
  ~record_file();
  record_file(record_file&& other) noexcept;
  record_file& operator=(record_file&& other) noexcept;

  std::int64_t size() const { return static_cast<std::int64_t>(records_.size()); }
  const std::filesystem::path& path() const { return path_; }
  bool is_list() const { return list_; }

  /// The text of a record. usage_error for an index outside of [0, size()), input_error where the file became
  /// shorter since it was opened.
  std::string read(std::int64_t index) const;
  record_range range(std::int64_t index) const;
  /// "pairs.jsonl:12", or "pairs.json:12: [3]" for the element 3 of a list: as errors begin.
  std::string source(std::int64_t index) const;

 private:
  struct opened {};
  record_file(std::filesystem::path path, opened);
  void for_blocks(function_ref<bool(std::string_view)> use) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool list_ = false;
  std::vector<record_range> records_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/data/record_file_impl.hpp>
#endif
