// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Preference records, and records for supervised fine-tuning, in the forms that the field has
/// (data/record_form.hpp). A file is JSON lines, one JSON list, or parquet (data/parquet.hpp), whatever its
/// name says. Of a record are read
///   image       file name in the folder of images, {"bytes", "path"} in parquet, or a list of either; also
///               under `images`, `image_path` or `img_path`
///   its texts   under the keys of its form
///   idx         optional, a number or a string (also `id`)
///   margin      optional, how much better the chosen answer is: a number under `margin` or `score`, or
///               score_chosen - score_rejected; of VLFeedback the difference of the ratings
///   revised     optional, a further answer, or `others` with a list of them
/// Without pairs (supervised fine-tuning) a record has a dialog, or a question with one answer, or is a pair
/// whose rejected answer is left out; it may lack the image. Other keys are ignored, the cached log-probs of
/// the released files (`logps`) too: candor's own cache knows what it was made with.

#include <candor/core/fingerprint.hpp>
#include <candor/core/function_ref.hpp>
#include <candor/data/ratings.hpp>
#include <candor/data/record_file.hpp>
#include <candor/data/record_form.hpp>
#include <candor/image/image_source.hpp>
#include <candor/text/chat_template.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
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
  bool image_pairs = false;       ///< two images for one text are a pair too: V-DPO's image-contrast data
  bool skip_bad_records = false;  ///< leave out what cannot be used, instead of refusing the file
  rating_ladder ladder = {};      ///< how rated answers become pairs (VLFeedback)
};

/// Images and question with two answers, or with one. Where a dialog goes on, or had begun, its other turns
/// are here too.
struct preference_record {
  std::string id;                          ///< `idx` or `id`, or the record's place in the file, from 0
  std::string question, chosen, rejected;  ///< rejected is empty where no pairs are read, and of image pairs
  std::vector<image_source> images;        ///< of an image pair: the one that the answer is about, the other
  std::string source;              ///< "pairs.jsonl:12", "povid.json:40: [3]", "train.parquet: row 12"
  std::vector<turn> earlier = {};  ///< before the question, the same for both answers
  std::vector<turn> chosen_later = {},
                    rejected_later = {};  ///< after the answer; all of their answers are scored
  bool score_earlier = false;             ///< the answers of `earlier` are scored too, as LLaVA and POVID do
  std::vector<std::string> others =
      {};  ///< further answers: branches 2, 3, ... of objectives (`revised`: OPA-DPO)
  double margin = std::numeric_limits<double>::quiet_NaN();  ///< how much better chosen is; NaN: not said
  record_form form = record_form::rlhf_v;

  /// How many of the images its texts are about: all, or the first of an image pair's two.
  std::size_t shown_images() const;
};

/// A record that was left out: its place ("pairs.jsonl:12") and what is wrong with it.
struct skipped_record {
  std::string source, reason;
};

/// The records of a file, of the parquet files in a folder, or of the files that a pattern means
/// ("data/train-*.parquet"). All are checked when they are opened, on all cores; a record is read again when
/// it is wanted. Rated answers are one record for each of their pairs.
///
///     auto pairs = preference_data("pairs.jsonl", {.images = "images/"});
///     preference_record first = pairs.record(0);
///
/// Errors are input_errors that begin with the record's place: not JSON or not UTF-8, a missing key, another
/// type, an empty text, two equal answers, messages that do not take turns, an image that is absent or
/// outside of the folder, marks `<image>` that are not as many as the images, a record of more than
/// `max_record_bytes`; a file without records; usage_error for parquet where candor was built without it;
/// io_error where the system refuses.
class preference_data {
 public:
  explicit preference_data(const std::filesystem::path& path, const data_options& options = {});

  std::int64_t size() const;
  const std::filesystem::path& path() const;
  /// Record i of [0, size()). Thread-safe.
  preference_record record(std::int64_t i) const;

  /// What was left out: with `skip_bad_records` in the order of the file, then by `skip_where`.
  const std::vector<skipped_record>& skipped() const { return skipped_; }
  /// Records of rated answers without a pair: all ratings equal, none readable, or gaps below the least one.
  std::int64_t without_pair() const { return without_pair_; }

  /// Leaves out the records for which `check(record, i)` throws an input_error, besides those that are left out
  /// already: texts too long for a model, say, or pictures that do not decode. Called on all cores, while `i`
  /// is still the record's place; what else it throws ends the search. input_error where no record would be left.
  void skip_where(function_ref<void(const preference_record&, std::int64_t)> check);

  /// Calls `check` for each record, on all cores; throws what it throws for the first of them.
  void check_each(function_ref<void(const preference_record&)> check) const;

  /// Adds the parts "records" (the content of the file), "images" (all of them, as they were when the file
  /// was opened) and "pairs" (which records were left out, and which became several pairs). Of a parquet
  /// file, "records" is its footer and its pictures change with the file.
  void add_to(fingerprint& print, image_digest images = image_digest::stat) const;

 private:
  /// A pair by the record that it comes from and its place among that record's pairs.
  struct pair_place {
    std::int64_t record = 0;
    std::int32_t pair = 0;
  };
  pair_place place_of(std::int64_t i) const;

  data_options options_;
  std::shared_ptr<const detail::record_set> records_;
  std::vector<pair_place> pairs_;  // empty: one pair a record
  std::vector<skipped_record> skipped_;
  std::int64_t without_pair_ = 0;
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
