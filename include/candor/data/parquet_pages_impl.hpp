// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// One cell of a binary column of a parquet file, reading only the page that holds it. How much that is, is
/// the writer's choice: pyarrow looks at a page's size every 1,024 rows only, so a row group of pictures is
/// mostly one page, and a hundred rows a group, as `datasets` writes, are read ten times as quickly as a
/// thousand.

#include <candor/core/config.hpp>

#if CANDOR_HAS_PARQUET

#include <arrow/buffer.h>
#include <arrow/io/file.h>
#include <arrow/util/config.h>
#include <parquet/api/reader.h>
#include <parquet/column_page.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace CANDOR_NS::detail {

inline void check_status(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}
template <class T>
T value_of(arrow::Result<T> result) {
  check_status(result.status());
  return std::move(result).ValueUnsafe();
}

/// A part of a file as a stream that passes over what it is told to skip without reading it. Arrow skips a
/// page by a read whose result it drops.
class page_stream final : public arrow::io::InputStream {
 public:
  page_stream(arrow::io::RandomAccessFile& file, std::int64_t begin, std::int64_t size)
      : file_(file), begin_(begin), size_(size) {}

  void skip_next_read() { skip_ = true; }

  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<std::int64_t> Tell() const override { return at_; }
  arrow::Result<std::int64_t> Read(std::int64_t count, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const std::int64_t got, file_.ReadAt(begin_ + at_, left(count), out));
    at_ += got;
    return got;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(std::int64_t count) override {
    if (std::exchange(skip_, false)) {
      at_ += left(count);
      return std::make_shared<arrow::Buffer>("");
    }
    ARROW_ASSIGN_OR_RAISE(auto buffer, file_.ReadAt(begin_ + at_, left(count)));
    at_ += buffer->size();
    return buffer;
  }
  arrow::Result<std::string_view> Peek(std::int64_t count) override {
    ARROW_ASSIGN_OR_RAISE(peeked_, file_.ReadAt(begin_ + at_, left(count)));
    return std::string_view(*peeked_);
  }

 private:
  std::int64_t left(std::int64_t count) const { return std::min(count, size_ - at_); }

  arrow::io::RandomAccessFile& file_;
  std::int64_t begin_, size_, at_ = 0;
  bool skip_ = false, closed_ = false;
  std::shared_ptr<arrow::Buffer> peeked_;
};

/// The reader of a group's binary column, page by page, from the page on that holds its value number `from`
/// (counted as levels are: a null or an empty list is one); and how many values it has passed over.
inline std::pair<std::shared_ptr<parquet::ByteArrayReader>, std::int64_t> open_column(
    arrow::io::RandomAccessFile& file, const parquet::FileMetaData& metadata, int group, int column,
    std::int64_t from) {
  const auto chunk = metadata.RowGroup(group)->ColumnChunk(column);
  const auto* descriptor = metadata.schema()->Column(column);
  std::int64_t begin = chunk->data_page_offset();
  if (chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0)
    begin = std::min(begin, chunk->dictionary_page_offset());
  const auto stream = std::make_shared<page_stream>(file, begin, chunk->total_compressed_size());
#if ARROW_VERSION_MAJOR >= 25
  auto pages = parquet::PageReader::Open(stream, chunk->num_values(), chunk->compression(),
                                         parquet::default_reader_properties(), *descriptor);
#else
  auto pages = parquet::PageReader::Open(stream, chunk->num_values(), chunk->compression());
#endif
  const auto before = std::make_shared<std::int64_t>(0);
  pages->set_data_page_filter([=, found = false](const parquet::DataPageStats& page) mutable {
    found = found || *before + page.num_values > from;
    if (found) return false;
    *before += page.num_values;
    stream->skip_next_read();
    return true;
  });
  auto reader = std::static_pointer_cast<parquet::ByteArrayReader>(
      parquet::ColumnReader::Make(descriptor, std::move(pages)));
  reader->HasNext();  // goes to the page
  return {std::move(reader), *before};
}

/// Value number `at` of a group's binary column; nothing where it is null.
inline std::optional<std::string> read_cell(arrow::io::RandomAccessFile& file,
                                            const parquet::FileMetaData& metadata, int group, int column,
                                            std::int64_t at) {
  const auto [reader, before] = open_column(file, metadata, group, column, at);
  if (!reader->HasNext()) throw std::runtime_error("a column ends before its last row");
  reader->Skip(at - before);
  std::int16_t definition = metadata.schema()->Column(column)->max_definition_level(), repetition = 0;
  parquet::ByteArray value;
  std::int64_t values = 0;
  if (reader->ReadBatch(1, &definition, &repetition, &value, &values) != 1)
    throw std::runtime_error("a column ends before its last row");
  if (values == 0) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(value.ptr), value.len);
}

}  // namespace CANDOR_NS::detail

#endif
