// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Which rows of a row group have which pictures, where a row has a list of them, without keeping a picture.

#include <candor/core/config.hpp>

#if CANDOR_HAS_PARQUET

#include <candor/data/parquet_pages_impl.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace CANDOR_NS::detail {

/// The values of a group's binary column in lists, counted as levels are: an empty list is one without an
/// item.
struct list_values {
  std::vector<std::int64_t> first{};  ///< of each row, and one past the last row's
  std::vector<bool> item{};           ///< whether it is a list's item
  std::vector<bool> there{};          ///< whether it has bytes
};

/// The definition level from which on a value is an item of its list.
inline int item_level(const parquet::ColumnDescriptor& column) {
  int level = column.max_definition_level();
  for (const auto* node = column.schema_node().get(); node != nullptr && !node->is_repeated();
       node = node->parent())
    level -= node->is_optional() ? 1 : 0;
  return level;
}

/// Reads a column of lists through, a page at a time, and keeps its levels.
inline list_values scan_lists(arrow::io::RandomAccessFile& file, const parquet::FileMetaData& metadata,
                              int group, int column) {
  const auto& descriptor = *metadata.schema()->Column(column);
  const int most = descriptor.max_definition_level(), item = item_level(descriptor);
  const auto reader = open_column(file, metadata, group, column, 0).first;
  list_values out;
  constexpr int batch = 256;
  std::array<std::int16_t, batch> definition{}, repetition{};
  std::array<parquet::ByteArray, batch> values;
  while (reader->HasNext()) {
    std::int64_t present = 0;
    const std::int64_t levels =
        reader->ReadBatch(batch, definition.data(), repetition.data(), values.data(), &present);
    if (levels <= 0) break;
    for (std::size_t i = 0; i < static_cast<std::size_t>(levels); ++i) {
      if (repetition[i] == 0) out.first.push_back(static_cast<std::int64_t>(out.item.size()));
      out.item.push_back(definition[i] >= item);
      out.there.push_back(definition[i] == most);
    }
  }
  if (static_cast<std::int64_t>(out.first.size()) != metadata.RowGroup(group)->num_rows())
    throw std::runtime_error("a column ends before its last row");
  out.first.push_back(static_cast<std::int64_t>(out.item.size()));
  return out;
}

/// The pictures of a group. `beside` is a text column in the same lists, such as the pictures' names: it
/// tells their lengths, and the footer mostly tells that all pictures are there, or none; without it the
/// pictures are passed through.
inline list_values picture_lists(arrow::io::RandomAccessFile& file, const parquet::FileMetaData& metadata,
                                 int group, int pictures, int beside) {
  if (beside < 0) return scan_lists(file, metadata, group, pictures);
  auto lists = scan_lists(file, metadata, group, beside);
  const auto chunk = metadata.RowGroup(group)->ColumnChunk(pictures);
  const auto statistics = chunk->statistics();
  const auto values = static_cast<std::int64_t>(lists.item.size());
  std::int64_t items = 0;
  for (const bool item : lists.item) items += item ? 1 : 0;
  const bool counted = statistics != nullptr && statistics->HasNullCount();
  if (counted && statistics->null_count() == values - items)
    lists.there = lists.item;
  else if (counted && statistics->null_count() == values)
    lists.there.assign(lists.item.size(), false);
  else
    lists.there = scan_lists(file, metadata, group, pictures).there;
  if (chunk->num_values() != values || lists.there.size() != lists.item.size())
    throw std::runtime_error("the lists of a row differ in length");
  return lists;
}

}  // namespace CANDOR_NS::detail

#endif
