// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of safetensors.hpp: opening, and the writer.

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/io/safetensors_header_impl.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::uint64_t largest_safetensors_header = 100'000'000;

/// The place of a type in the reference's order of alignment; larger comes first in a file.
CANDOR_INLINE int safetensors_rank(dtype type) {
  switch (type) {
    case dtype::i64: return 9;
    case dtype::f64: return 8;
    case dtype::f32: return 7;
    case dtype::i32: return 6;
    case dtype::bf16: return 5;
    case dtype::f16: return 4;
    case dtype::i16: return 3;
    case dtype::i8: return 2;
    case dtype::u8: return 1;
    default: return 0;
  }
}

/// Fills what candor knows of the type and shape that the header names.
CANDOR_INLINE void resolve(tensor_info& t) {
  for (int i = 0; i <= static_cast<int>(dtype::boolean); ++i)
    if (name_of(static_cast<dtype>(i)) == t.type_name) t.type = static_cast<dtype>(i);
  if (t.dims.size() > static_cast<std::size_t>(shape::max_rank)) return;
  for (const auto d : t.dims) t.extents.push_back(static_cast<std::int64_t>(d));
}

}  // namespace detail

CANDOR_INLINE safetensors_file::safetensors_file(byte_source source) : source_(std::move(source)) {
  const std::string file = path().string();
  const std::uint64_t size = source_.size();
  require<input_error>(size >= 8, file, ": ", size, " bytes are too few for a safetensors file");
  std::byte prefix[8];
  source_.read(0, prefix);
  std::uint64_t length = 0;
  std::memcpy(&length, prefix, 8);
  require<input_error>(length <= detail::largest_safetensors_header, file, ": header length ", length,
                       " exceeds the limit of ", detail::largest_safetensors_header,
                       "; this is not a safetensors file, or it is damaged");
  require<input_error>(length <= size - 8, file, ": header length ", length, " exceeds the ", size - 8,
                       " bytes that follow: the file is truncated");
  std::string header(static_cast<std::size_t>(length), '\0');
  source_.read(8, std::as_writable_bytes(std::span(header)));

  const detail::json_source text{.file = file, .max_depth = 4, .count_bytes = true, .first_byte = 8};
  detail::safetensors_header parsed(header, text);
  parsed.run();
  metadata_ = std::move(parsed.metadata);
  data_begin_ = 8 + length;
  detail::refuse_repeated_names(parsed.tensors, file);
  detail::check_layout(parsed.tensors, size - data_begin_, file);
  for (auto& t : parsed.tensors) detail::resolve(t);
  set_tensors(std::move(parsed.tensors));
}

CANDOR_INLINE void write_safetensors(const std::filesystem::path& path,
                                     const std::vector<tensor_source>& tensors,
                                     const std::map<std::string, std::string>& metadata) {
  std::vector<const tensor_source*> order;
  for (const auto& t : tensors) order.push_back(&t);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    const int ra = detail::safetensors_rank(a->type), rb = detail::safetensors_rank(b->type);
    return ra != rb ? ra > rb : a->name < b->name;
  });
  std::vector<std::string_view> names;
  for (const auto* t : order) names.push_back(t->name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    fail<usage_error>("cannot write ", path.string(), ": the tensor name ", detail::in_quotes(*twice),
                      " is given twice");
  require<usage_error>(!std::binary_search(names.begin(), names.end(), "__metadata__"), "cannot write ",
                       path.string(), ": __metadata__ is not a name for a tensor");

  std::string header;
  try {
    header = "{";
    if (!metadata.empty()) header += text("\"__metadata__\":", detail::json(metadata).dump());
    std::uint64_t at = 0;
    for (const auto* t : order) {
      if (header.size() > 1) header += ',';
      header += text(detail::json(t->name).dump(), ":{\"dtype\":\"", name_of(t->type), "\",\"shape\":[");
      for (int i = 0; i < t->extents.rank(); ++i) header += text(i > 0 ? "," : "", t->extents[i]);
      header += text("],\"data_offsets\":[", at, ",", at + t->bytes(), "]}");
      at += t->bytes();
    }
    header += '}';
  } catch (const detail::json::exception&) {
    fail<usage_error>("cannot write ", path.string(), ": a tensor name or the metadata is not valid UTF-8");
  }
  header.resize((header.size() + 7) / 8 * 8, ' ');
  require<usage_error>(header.size() <= detail::largest_safetensors_header, "cannot write ", path.string(),
                       ": a header of ", header.size(),
                       " bytes exceeds the format's limit; use several shards");

  atomic_file file(path);
  const std::uint64_t length = header.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::string_view(header));
  std::vector<std::byte> buffer;
  for (const auto* t : order) {
    buffer.assign(static_cast<std::size_t>(t->bytes()), std::byte{0});
    t->fill(buffer);
    file.write(std::span<const std::byte>(buffer));
  }
  file.commit();
}

}  // namespace CANDOR_NS
