// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Preference records, and records for supervised fine-tuning, in the forms that the field has. A file is
/// JSON lines, one JSON list, or parquet (data/parquet.hpp), whatever its name says. A record is an object
/// with
///   image      file name in the folder of images, {"bytes", "path"} in parquet; also `images` with a list,
///   `image_path` question, chosen, rejected     texts (RLHF-V, RLAIF-V); `prompt` is a question as well text
///   RLHF-V's: a JSON string that holds the three prompt, chosen, rejected       lists {"role", "content"}
///   (TRL); without prompt what the two share is the prompt conversations, rejected_conversations    lists
///   {"from", "value"} (LLaVA, POVID) idx        optional, a number or a string (also `id`)
/// Without pairs (supervised fine-tuning) a record has `conversations`, `messages`, or `question` or `prompt`
/// with `answer`, `completion` or `chosen`, and may lack the image. Other keys are ignored, the cached
/// log-probs of the released files (`logps`) too: candor's own cache knows what it was made with.

#include <candor/core/fingerprint.hpp>
#include <candor/data/record_file.hpp>
#include <candor/image/image_source.hpp>
#include <candor/text/chat_template.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace CANDOR_NS {

namespace detail {
class record_set;
}

struct data_options {
  std::filesystem::path images = {};  ///< folder that image names start from; empty: the record file's own
  std::uint64_t max_record_bytes = record_file::default_max_record_bytes;  ///< of one record of a text file
  bool pairs = true;  ///< false: supervised fine-tuning; one answer is enough, and an image may be absent
};

/// Images and question with two answers, or with one. Where a dialog goes on, or had begun, its other turns
/// are here too.
struct preference_record {
  std::string id;                          ///< `idx` or `id`, or the record's place in the file, from 0
  std::string question, chosen, rejected;  ///< rejected is empty where no pairs are read
  std::vector<image_source> images;
  std::string source;              ///< "pairs.jsonl:12", "povid.json:40: [3]", "train.parquet: row 12"
  std::vector<turn> earlier = {};  ///< before the question, the same for both answers
  std::vector<turn> chosen_later = {},
                    rejected_later = {};  ///< after the answer; all of their answers are scored
  bool score_earlier = false;             ///< the answers of `earlier` are scored too, as LLaVA and POVID do
  std::vector<std::string> others = {};   ///< further answers: branches 2, 3, ... of objectives (`revised`: OPA-DPO)
};

/// The records of a file, of the parquet files in a folder, or of the files that a pattern means
/// ("data/train-*.parquet"). All are checked when they are opened, on all cores; a record is read again when
/// it is wanted.
///
///     auto pairs = preference_data("pairs.jsonl", {.images = "images/"});
///     preference_record first = pairs.record(0);
///
/// Errors are input_errors that begin with the record's place: not JSON or not UTF-8, a missing key, another
/// type, an empty text, two equal answers, messages that do not take turns, an image that is absent or
/// outside of the folder, a record of more than `max_record_bytes`; a file without records; usage_error for
/// parquet where candor was built without it; io_error where the system refuses.
class preference_data {
 public:
  explicit preference_data(const std::filesystem::path& path, const data_options& options = {});

  std::int64_t size() const;
  const std::filesystem::path& path() const;
  /// Record i of [0, size()). Thread-safe.
  preference_record record(std::int64_t i) const;

  /// Adds the parts "records" (the content of the file) and "images" (all of them, as they were when the file
  /// was opened). Of a parquet file, "records" is its footer and its pictures change with the file.
  void add_to(fingerprint& print, image_digest images = image_digest::stat) const;

 private:
  bool pairs_;
  std::shared_ptr<const detail::record_set> records_;
};

/// One image and question, and answers to be scored; the input of the tools. The keys are those of
/// preference_data, with `responses`, a list of texts, in place of the two answers.
struct question_record {
  std::string id, question;
  std::vector<std::string> responses;  ///< empty where the key is absent
  std::vector<image_source> images;
  std::string source;
};

/// As preference_data, for records {"image", "question", "responses": [...]}.
class questions_data {
 public:
  explicit questions_data(const std::filesystem::path& path, const data_options& options = {});

  std::int64_t size() const;
  const std::filesystem::path& path() const;
  question_record record(std::int64_t i) const;
  void add_to(fingerprint& print, image_digest images = image_digest::stat) const;

 private:
  std::shared_ptr<const detail::record_set> records_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/data/preference_data_impl.hpp>
#endif
