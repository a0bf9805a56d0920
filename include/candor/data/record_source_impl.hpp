// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What every form of a record file is behind: a numbered list of JSON objects. Pictures that a file holds
/// itself stand in them as an empty binary value, which JSON text cannot have, and are read by `image`.

#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/data/record_file.hpp>
#include <candor/image/image_source.hpp>
#include <candor/io/json_impl.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace CANDOR_NS::detail {

/// Where a picture stands in a record: the key, and the place in its list.
struct stored_image {
  std::string key;
  std::size_t item = 0;
};

/// One file of records. All functions are thread-safe.
class record_source {
 public:
  record_source() = default;
  record_source(const record_source&) = delete;
  record_source& operator=(const record_source&) = delete;
  virtual ~record_source() = default;

  virtual std::int64_t size() const = 0;
  /// "pairs.jsonl:12", the beginning of every error about record i.
  virtual std::string place(std::int64_t i) const = 0;
  /// Record i as a JSON value; input_error where it is none.
  virtual json read(std::int64_t i) const = 0;
  /// The bytes of a picture that record i holds itself.
  virtual std::string image(std::int64_t i, const stored_image& which) const = 0;
  /// Adds the content to "records", and pictures that the file holds itself to "images".
  virtual void add_to(fingerprint& print, image_digest images) const = 0;
};

/// Lines or a list in a text file.
class text_records final : public record_source {
 public:
  text_records(const std::filesystem::path& path, std::uint64_t max_record_bytes)
      : file_(path, max_record_bytes) {}

  std::int64_t size() const override { return file_.size(); }
  std::string place(std::int64_t i) const override { return file_.source(i); }
  /// Errors of an element of a list count its own lines, since all of it may be one line of the file.
  json read(std::int64_t i) const override {
    if (file_.is_list()) return parse_json(file_.read(i), {.file = file_.source(i)});
    const auto line = static_cast<std::size_t>(file_.range(i).line);
    return parse_json(file_.read(i), {.file = file_.path().string(), .first_line = line});
  }
  std::string image(std::int64_t i, const stored_image& which) const override {
    fail<input_error>(place(i), ": ", which.key, ": a text file holds no pictures");
  }
  void add_to(fingerprint& print, image_digest) const override { print.add_file(file_.path(), "records"); }

 private:
  record_file file_;
};

}  // namespace CANDOR_NS::detail
