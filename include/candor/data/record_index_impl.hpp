// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Finds the records of a text that comes in blocks: lines, or the elements of one JSON list. What is inside
/// of a record is not checked here; that is the parser's work.

#include <candor/core/error.hpp>
#include <candor/data/record_file.hpp>

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

inline bool is_json_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Takes blocks and keeps the ranges of records.
class record_index {
 public:
  record_index(const std::filesystem::path& path, std::uint64_t max_bytes)
      : path_(path), max_bytes_(max_bytes) {}

  std::vector<record_range> take() { return std::move(found_); }

 protected:
  /// A record that began at range_.offset goes on to the offset `end`.
  void grow_to(std::uint64_t end) {
    range_.bytes = end - range_.offset;
    require<input_error>(
        range_.bytes <= max_bytes_, path_.string(), ":", range_.line, ": the record is longer than ",
        max_bytes_,
        " bytes; expected one JSON object a line, or a list of objects, with images in files of their own");
  }
  void keep() { found_.push_back(range_); }

  const std::filesystem::path& path_;
  record_range range_{0, 0, 1};
  std::uint64_t line_ = 1, offset_ = 0;  // of what was taken

 private:
  std::uint64_t max_bytes_;
  std::vector<record_range> found_;
};

/// Lines that are not blank, without their newlines.
class line_index : public record_index {
 public:
  using record_index::record_index;

  void add(std::string_view block) {
    for (std::size_t at = 0; at < block.size();) {
      const std::size_t newline = block.find('\n', at);
      const auto part = block.substr(at, newline - at);
      blank_ = blank_ && part.find_first_not_of(" \t\r") == std::string_view::npos;
      grow_to(offset_ + at + part.size());
      if (newline == std::string_view::npos) break;
      at = newline + 1;
      end_line(offset_ + at);
    }
    offset_ += block.size();
  }
  void finish() { end_line(offset_); }

 private:
  void end_line(std::uint64_t next) {
    if (!blank_) keep();
    blank_ = true;
    range_ = {next, 0, ++line_};
  }
  bool blank_ = true;
};

/// The elements of a list, without the commas between them.
class list_index : public record_index {
 public:
  using record_index::record_index;

  void add(std::string_view block) {
    for (std::size_t at = 0; at < block.size(); ++at) {
      const char c = block[at];
      if (in_string_) {  // most bytes of a file of dialogs
        if (escaped_)
          escaped_ = false;
        else if (c == '\\')
          escaped_ = true;
        else if (c == '"')
          in_string_ = false;
        continue;
      }
      take_structure(c, offset_ + at);
    }
    offset_ += block.size();
    if (depth_ > 0 && inside_) grow_to(offset_);
  }
  void finish() const {
    require<input_error>(closed_, path_.string(), ":", line_,
                         ": the file ends inside of the list that it begins with; ",
                         inside_ ? text("the record of line ", range_.line, " is not closed")
                                 : std::string("its ] is missing"),
                         ". Fetch or write the file again");
  }

 private:
  void take_structure(char c, std::uint64_t at) {
    if (c == '\n') ++line_;
    if (is_json_space(c)) return;
    require<input_error>(!closed_, path_.string(), ":", line_,
                         ": the file goes on after the end of its list; expected one list of objects");
    if (c == ',' && depth_ == 1) return end_element(at);
    if (c == ']' && depth_ == 1) {
      if (inside_ || after_comma_) end_element(at);
      closed_ = true;
      depth_ = 0;
      return;
    }
    if (depth_ == 1 && !inside_) {
      inside_ = true;
      range_ = {at, 0, line_};
    }
    require<input_error>(c != '}' || depth_ > 1, path_.string(), ":", line_,
                         ": not valid JSON: } without { before it");
    if (c == '"') in_string_ = true;
    if (c == '[' || c == '{') ++depth_;
    if (c == ']' || c == '}') --depth_;
  }
  void end_element(std::uint64_t at) {
    require<input_error>(inside_, path_.string(), ":", line_,
                         ": an element of the list is missing at a comma");
    grow_to(at);
    keep();
    inside_ = false;
    after_comma_ = true;
  }

  std::uint64_t depth_ = 0;
  bool in_string_ = false, escaped_ = false, inside_ = false, after_comma_ = false, closed_ = false;
};

}  // namespace CANDOR_NS::detail
