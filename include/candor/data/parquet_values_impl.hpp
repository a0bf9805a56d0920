// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Arrow's columns as JSON values: texts, numbers, truth values, and lists and structs of them. Binary values
/// become an empty binary value, the mark of a picture.

#include <candor/core/config.hpp>

#if CANDOR_HAS_PARQUET

#include <candor/data/parquet_pages_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/text/utf8.hpp>

#include <arrow/array.h>
#include <arrow/chunked_array.h>
#include <arrow/table.h>
#include <arrow/util/byte_size.h>
#include <parquet/arrow/reader.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

inline std::shared_ptr<arrow::Table> read_group(parquet::arrow::FileReader& reader, int group,
                                                const std::vector<int>& columns) {
#if ARROW_VERSION_MAJOR >= 24
  return value_of(reader.ReadRowGroup(group, columns));
#else
  std::shared_ptr<arrow::Table> table;
  check_status(reader.ReadRowGroup(group, columns, &table));
  return table;
#endif
}

inline std::size_t table_bytes(const arrow::Table& table) {
  return static_cast<std::size_t>(arrow::util::TotalBufferSize(table));
}

/// The chunk of a column that holds a row, and the row in it.
inline std::pair<const arrow::Array*, std::int64_t> in_chunk(const arrow::ChunkedArray& column,
                                                             std::int64_t row) {
  int chunk = 0;
  for (; row >= column.chunk(chunk)->length(); ++chunk) row -= column.chunk(chunk)->length();
  return {column.chunk(chunk).get(), row};
}

json value_at(const arrow::Array& array, std::int64_t at);

template <class List>
json list_at(const arrow::Array& array, std::int64_t at) {
  const auto& lists = static_cast<const List&>(array);
  json out = json::array();
  for (std::int64_t i = 0; i < lists.value_length(at); ++i)
    out.push_back(value_at(*lists.values(), lists.value_offset(at) + i));
  return out;
}

/// A text; the format says UTF-8, but nothing has checked it.
inline json checked_text(std::string words) {
  if (const auto at = utf8_error(words); at != std::string_view::npos)
    throw std::runtime_error(text("byte ", at, " of a text is not UTF-8"));
  return words;
}

/// What records cannot hold, such as a time, is null.
inline json value_at(const arrow::Array& array, std::int64_t at) {
  if (array.IsNull(at)) return nullptr;
  const auto number = [&]<class A>(const A& a) { return json(a.Value(at)); };
  switch (array.type_id()) {
    case arrow::Type::STRING:
      return checked_text(static_cast<const arrow::StringArray&>(array).GetString(at));
    case arrow::Type::LARGE_STRING:
      return checked_text(static_cast<const arrow::LargeStringArray&>(array).GetString(at));
    case arrow::Type::BOOL: return number(static_cast<const arrow::BooleanArray&>(array));
    case arrow::Type::INT8: return number(static_cast<const arrow::Int8Array&>(array));
    case arrow::Type::INT16: return number(static_cast<const arrow::Int16Array&>(array));
    case arrow::Type::INT32: return number(static_cast<const arrow::Int32Array&>(array));
    case arrow::Type::INT64: return number(static_cast<const arrow::Int64Array&>(array));
    case arrow::Type::UINT8: return number(static_cast<const arrow::UInt8Array&>(array));
    case arrow::Type::UINT16: return number(static_cast<const arrow::UInt16Array&>(array));
    case arrow::Type::UINT32: return number(static_cast<const arrow::UInt32Array&>(array));
    case arrow::Type::UINT64: return number(static_cast<const arrow::UInt64Array&>(array));
    case arrow::Type::FLOAT: return number(static_cast<const arrow::FloatArray&>(array));
    case arrow::Type::DOUBLE: return number(static_cast<const arrow::DoubleArray&>(array));
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY: return json::binary({});
    case arrow::Type::LIST: return list_at<arrow::ListArray>(array, at);
    case arrow::Type::LARGE_LIST: return list_at<arrow::LargeListArray>(array, at);
    case arrow::Type::STRUCT: {
      const auto& fields = static_cast<const arrow::StructArray&>(array);
      json out = json::object();
      for (int f = 0; f < fields.num_fields(); ++f)
        out[fields.struct_type()->field(f)->name()] = value_at(*fields.field(f), at);
      return out;
    }
    default: return nullptr;
  }
}

inline json value_at(const arrow::ChunkedArray& column, std::int64_t row) {
  const auto [array, at] = in_chunk(column, row);
  return value_at(*array, at);
}

}  // namespace CANDOR_NS::detail

#endif
