// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Preference records of RLHF-V and RLAIF-V as JSONL: one object a line with
///   image     file name in the folder of images (also `image_path`, or `images` with a list of names)
///   question  (also `prompt`)
///   chosen, rejected
///   idx       optional, a number or a string (also `id`)
/// or with RLHF-V's `text`, a JSON string that holds question, chosen and rejected. Other keys are ignored,
/// the cached log-probs of the released files too: candor's own cache knows what it was made with.

#include <candor/core/fingerprint.hpp>
#include <candor/data/record_file.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace CANDOR_NS {

struct data_options {
  std::filesystem::path images = {};  ///< folder that image names start from; empty: the record file's own
  std::uint64_t max_line_bytes = record_file::default_max_line_bytes;
};

/// One image and question with two answers.
struct preference_record {
  std::string id;  ///< `idx` or `id`, or the record's place in the file, from 0
  std::string question, chosen, rejected;
  std::vector<std::filesystem::path> images;  ///< existing files
  std::string source;                         ///< "pairs.jsonl:12"
};

/// How far a fingerprint of data looks into the images.
enum class image_digest {
  stat,  ///< name, size and time of the last change
  bytes  ///< name and content
};

/// The records of a file. All lines are checked when it is opened; a record is read again when it is wanted.
///
///     auto pairs = preference_data("pairs.jsonl", {.images = "images/"});
///     preference_record first = pairs.record(0);
///
/// Errors are input_errors that begin with file:line: not JSON or not UTF-8, a missing key, another type, an
/// empty text, two equal answers, an image that is absent or outside of the folder, image bytes inside the
/// line, a line of more than `max_line_bytes`; a file without records; io_error where the system refuses.
class preference_data {
 public:
  explicit preference_data(const std::filesystem::path& path, const data_options& options = {});

  std::int64_t size() const { return file_.size(); }
  const std::filesystem::path& path() const { return file_.path(); }
  /// Record i of [0, size()). Thread-safe.
  preference_record record(std::int64_t i) const;

  /// Adds the parts "records" (the content of the file) and "images" (each image once, in order).
  void add_to(fingerprint& print, image_digest images = image_digest::stat) const;

 private:
  std::filesystem::path images_;
  record_file file_;
};

/// One image and question, and answers to be scored; the input of the tools. The keys are those of
/// preference_data, with `responses`, a list of texts, in place of the two answers.
struct question_record {
  std::string id, question;
  std::vector<std::string> responses;  ///< empty where the key is absent
  std::vector<std::filesystem::path> images;
  std::string source;
};

/// As preference_data, for lines {"image", "question", "responses": [...]}.
class questions_data {
 public:
  explicit questions_data(const std::filesystem::path& path, const data_options& options = {});

  std::int64_t size() const { return file_.size(); }
  const std::filesystem::path& path() const { return file_.path(); }
  question_record record(std::int64_t i) const;
  void add_to(fingerprint& print, image_digest images = image_digest::stat) const;

 private:
  std::filesystem::path images_;
  record_file file_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/data/preference_data_impl.hpp>
#endif
