// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of parquet.hpp, over Apache Arrow.

#include <candor/core/error.hpp>
#include <candor/data/parquet.hpp>
#include <candor/data/record_source_impl.hpp>

#include <fstream>
#include <string_view>

#if CANDOR_HAS_PARQUET
#include <candor/data/parquet_lists_impl.hpp>
#include <candor/data/parquet_pages_impl.hpp>
#include <candor/data/parquet_values_impl.hpp>

#include <parquet/arrow/reader.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <optional>
#include <vector>
#endif

namespace CANDOR_NS::detail {

CANDOR_INLINE bool is_parquet(const std::filesystem::path& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) return false;
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == "PAR1";
}

#if CANDOR_HAS_PARQUET

/// The columns that records have, of all that a file may hold, between spaces.
inline constexpr std::string_view parquet_keys =
    " image images image_path img_path idx id margin score score_chosen score_rejected text question prompt "
    "chosen"
    " rejected answer completion responses conversations rejected_conversations contrastive_conversations "
    "messages"
    " rejected_response rejected_messages system history instruction input output query response output_1 "
    "output_2"
    " preference completions revised others ";

inline bool is_record_key(const std::string& column) {
  return parquet_keys.find(' ' + column + ' ') != std::string_view::npos;
}

/// One parquet file. Texts are decoded a row group at a time and kept for some groups, with the places of the
/// pictures in lists; of pictures only the page with the one that is wanted is read.
class parquet_records final : public record_source {
 public:
  explicit parquet_records(const std::filesystem::path& path) : path_(path) {
    guarded([&] {
      file_ = value_of(arrow::io::ReadableFile::Open(path.string()));
      parquet::arrow::FileReaderBuilder builder;
      check_status(builder.Open(file_));
      metadata_ = builder.raw_reader()->metadata();
      check_status(builder.Build(&reader_));
    });
    for (int g = 0; g < metadata_->num_row_groups(); ++g)
      first_.push_back(first_.back() + metadata_->RowGroup(g)->num_rows());
    require<input_error>(size() > 0, path_.string(), ": no records; the file has no rows");
    choose_columns();
  }

  std::int64_t size() const override { return first_.back(); }
  std::string place(std::int64_t i) const override { return text(path_.string(), ": row ", i); }

  json read(std::int64_t i) const override {
    const int g = group_of(i);
    const std::int64_t at = i - first_[static_cast<std::size_t>(g)];
    const auto kept = group(g);
    json row = json::object();
    guarded([&] {
      for (int c = 0; c < kept.texts->num_columns(); ++c)
        row[kept.texts->field(c)->name()] = value_at(*kept.texts->column(c), at);
      if (repeated_)
        mark_images(row, *kept.lists, at);
      else if (bytes_column_ >= 0)
        mark_image(row, g, at);
    });
    return row;
  }

  std::string image(std::int64_t i, const stored_image& which) const override {
    const int g = group_of(i);
    const std::int64_t row = i - first_[static_cast<std::size_t>(g)];
    std::optional<std::string> bytes;
    guarded([&] {
      std::int64_t at = row;
      if (repeated_) {
        const auto lists = group(g).lists;
        at = lists->first.at(static_cast<std::size_t>(row)) + static_cast<std::int64_t>(which.item);
        if (at >= lists->first.at(static_cast<std::size_t>(row) + 1)) return;
      }
      bytes = read_cell(*file_, *metadata_, g, bytes_column_, at);
    });
    require<input_error>(bytes.has_value(), place(i), ": ", which.key, ": the picture is missing");
    return std::move(*bytes);
  }

  /// The footer names the place, size and range of every column; the rows are not read.
  void add_to(fingerprint& print, image_digest images) const override {
    print.add("records", metadata_->SerializeToString());
    images == image_digest::bytes ? print.add_file(path_, "images") : print.add_file_stat(path_, "images");
  }

 private:
  struct kept_group {
    int group = 0;
    std::shared_ptr<arrow::Table> texts{};
    std::shared_ptr<const list_values> lists{};
    std::size_t bytes = 0;
  };

  /// What Arrow throws, or says by a status, as an input_error that names the file.
  template <class Work>
  void guarded(Work work) const {
    try {
      work();
    } catch (const error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& problem) {
      fail<input_error>(path_.string(), ": this parquet file cannot be read: ", problem.what(),
                        "; fetch it again");
    }
  }

  void choose_columns() {
    const auto* schema = metadata_->schema();
    for (int c = 0; c < schema->num_columns(); ++c) {
      const auto path = schema->Column(c)->path()->ToDotVector();
      if (!is_record_key(path.front())) continue;
      if (!is_picture(*schema->Column(c))) {
        text_columns_.push_back(c);
      } else if (bytes_column_ < 0) {
        bytes_column_ = c;
        image_key_ = path.front();
        in_struct_ = path.size() > 1;
        repeated_ = schema->Column(c)->max_repetition_level() > 0;
      }
    }
    if (!repeated_) return;
    for (const int c : text_columns_)
      if (const auto& column = *schema->Column(c);
          column.path()->ToDotVector().front() == image_key_ &&
          column.max_repetition_level() == schema->Column(bytes_column_)->max_repetition_level() &&
          column.physical_type() == parquet::Type::BYTE_ARRAY)
        beside_ = c;
  }

  /// Binary without being text.
  static bool is_picture(const parquet::ColumnDescriptor& column) {
    return column.physical_type() == parquet::Type::BYTE_ARRAY &&
           (column.logical_type() == nullptr || !column.logical_type()->is_string()) &&
           column.converted_type() != parquet::ConvertedType::UTF8;
  }

  int group_of(std::int64_t i) const {
    return static_cast<int>(std::upper_bound(first_.begin(), first_.end(), i) - first_.begin()) - 1;
  }

  /// Puts the mark of a picture where a row has one.
  void mark_image(json& row, int group, std::int64_t at) const {
    const auto chunk = metadata_->RowGroup(group)->ColumnChunk(bytes_column_);
    const auto statistics = chunk->statistics();
    const bool counted = statistics != nullptr && statistics->HasNullCount();
    bool there = counted && statistics->null_count() == 0;
    if (!there && !(counted && statistics->null_count() == chunk->num_values()))
      there = read_cell(*file_, *metadata_, group, bytes_column_, at).has_value();
    json& image = row[image_key_];
    if (in_struct_ && !image.is_object()) image = json::object();
    (in_struct_ ? image["bytes"] : image) = there ? json::binary({}) : json(nullptr);
    if (in_struct_ && !there && image.size() == 1) image = nullptr;
  }

  /// The same for a row's list, which has its pictures' other fields already, if there are any.
  void mark_images(json& row, const list_values& lists, std::int64_t at) const {
    json& images = row[image_key_];  // null where no column beside the pictures was read
    const auto begin = static_cast<std::size_t>(lists.first.at(static_cast<std::size_t>(at)));
    const auto end = static_cast<std::size_t>(lists.first.at(static_cast<std::size_t>(at) + 1));
    for (std::size_t v = begin; v < end && lists.item[v]; ++v) {
      json& image = images[v - begin];
      const auto mark = lists.there[v] ? json::binary({}) : json(nullptr);
      image.is_object() ? image["bytes"] = mark : image = mark;
    }
  }

  /// A row group from those that were wanted last.
  kept_group group(int wanted) const {
    constexpr std::size_t most_bytes = std::size_t{64} << 20;
    const std::lock_guard lock(mutex_);
    for (auto it = kept_.begin(); it != kept_.end(); ++it)
      if (it->group == wanted) {
        kept_.splice(kept_.begin(), kept_, it);
        return *it;
      }
    kept_group read{.group = wanted};
    guarded([&] {
      read.texts = read_group(*reader_, wanted, text_columns_);
      read.bytes = table_bytes(*read.texts);
      if (!repeated_) return;
      read.lists =
          std::make_shared<list_values>(picture_lists(*file_, *metadata_, wanted, bytes_column_, beside_));
      read.bytes += read.lists->first.size() * sizeof(std::int64_t);
    });
    kept_.push_front(read);
    std::size_t bytes = 0;
    for (auto it = kept_.begin(); it != kept_.end();) {
      bytes += it->bytes;
      it = it == kept_.begin() || bytes <= most_bytes ? std::next(it) : kept_.erase(it);
    }
    return read;
  }

  std::filesystem::path path_;
  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::vector<std::int64_t> first_{0};
  std::vector<int> text_columns_;
  int bytes_column_ = -1;  // of the pictures
  int beside_ = -1;        // a text in the same lists
  std::string image_key_;
  bool in_struct_ = false, repeated_ = false;
  mutable std::mutex mutex_;
  mutable std::list<kept_group> kept_;
};

CANDOR_INLINE std::unique_ptr<record_source> open_parquet(const std::filesystem::path& path) {
  return std::make_unique<parquet_records>(path);
}

#else

CANDOR_INLINE std::unique_ptr<record_source> open_parquet(const std::filesystem::path& path) {
  fail<usage_error>(
      path.string(), ": this program was built without Apache Arrow, which reads parquet files. Install ",
      "it (pip install pyarrow, or libparquet-dev of arrow.apache.org), configure candor again, with ",
      "-DCANDOR_ARROW_ROOT=FOLDER where it is not found, and build; or save the records as JSON lines");
}

#endif

}  // namespace CANDOR_NS::detail
