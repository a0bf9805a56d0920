// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of safetensors.hpp: opening, pread, and the writer.

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/os_error.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/io/safetensors_header_impl.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
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

CANDOR_INLINE safetensors_file::safetensors_file(std::filesystem::path path) : path_(std::move(path)) {
  // Not blocking, so that a named pipe is refused and not waited for.
  descriptor_ = detail::open_retrying(path_, O_RDONLY | O_NONBLOCK, 0);
  if (descriptor_ < 0) fail_io("open", path_, errno);
  try {
    const std::string file = path_.string();
    struct stat found {};
    if (::fstat(descriptor_, &found) != 0) fail_io("examine", path_, errno);
    require<input_error>(S_ISREG(found.st_mode), file, ": not a regular file; name a .safetensors file");
    const auto size = static_cast<std::uint64_t>(found.st_size);
    require<input_error>(size >= 8, file, ": ", size, " bytes are too few for a safetensors file");
    std::byte prefix[8];
    read_at(0, prefix);
    std::uint64_t length = 0;
    std::memcpy(&length, prefix, 8);
    require<input_error>(length <= detail::largest_safetensors_header, file, ": header length ", length,
                         " exceeds the limit of ", detail::largest_safetensors_header,
                         "; this is not a safetensors file, or it is damaged");
    require<input_error>(length <= size - 8, file, ": header length ", length, " exceeds the ", size - 8,
                         " bytes that follow: the file is truncated");
    std::string header(static_cast<std::size_t>(length), '\0');
    read_at(8, std::as_writable_bytes(std::span(header)));

    const detail::json_source source{.file = file, .max_depth = 4, .count_bytes = true, .first_byte = 8};
    detail::safetensors_header parsed(header, source);
    parsed.run();
    tensors_ = std::move(parsed.tensors);
    metadata_ = std::move(parsed.metadata);

    by_name_.resize(tensors_.size());
    std::iota(by_name_.begin(), by_name_.end(), 0u);
    const auto name = [&](std::uint32_t i) -> const std::string& { return tensors_[i].name; };
    const auto sort_names = [&] {
      std::sort(by_name_.begin(), by_name_.end(), [&](auto a, auto b) { return name(a) < name(b); });
    };
    sort_names();
    const auto twice = std::adjacent_find(by_name_.begin(), by_name_.end(),
                                          [&](auto a, auto b) { return name(a) == name(b); });
    if (twice != by_name_.end())
      fail<input_error>(file, ": the tensor ", detail::in_quotes(name(*twice)), " appears twice");
    data_begin_ = 8 + length;
    data_bytes_ = size - data_begin_;
    detail::check_layout(tensors_, data_bytes_, file);
    sort_names();
    for (auto& t : tensors_) detail::resolve(t);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

CANDOR_INLINE safetensors_file::~safetensors_file() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

CANDOR_INLINE safetensors_file::safetensors_file(safetensors_file&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      data_begin_(other.data_begin_),
      data_bytes_(other.data_bytes_),
      tensors_(std::move(other.tensors_)),
      by_name_(std::move(other.by_name_)),
      metadata_(std::move(other.metadata_)) {}

CANDOR_INLINE safetensors_file& safetensors_file::operator=(safetensors_file&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(data_begin_, other.data_begin_);
  std::swap(data_bytes_, other.data_bytes_);
  std::swap(tensors_, other.tensors_);
  std::swap(by_name_, other.by_name_);
  std::swap(metadata_, other.metadata_);
  return *this;
}

CANDOR_INLINE const tensor_info* safetensors_file::find(std::string_view name) const {
  const auto it = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                   [&](std::uint32_t i, std::string_view n) { return tensors_[i].name < n; });
  return it != by_name_.end() && tensors_[*it].name == name ? &tensors_[*it] : nullptr;
}

CANDOR_INLINE void safetensors_file::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  constexpr std::size_t largest_call = std::size_t{1} << 30;
  const std::uint64_t begin = data_begin_ + offset;
  for (std::size_t done = 0; done < out.size();) {
    const ssize_t got = ::pread(descriptor_, out.data() + done, std::min(out.size() - done, largest_call),
                                static_cast<off_t>(begin + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_io("read", path_, errno);
    require<input_error>(got > 0, path_.string(), ": the file ends at byte ", begin + done,
                         ": something shortened it while it was read");
    done += static_cast<std::size_t>(got);
  }
}

CANDOR_INLINE void safetensors_file::read(const tensor_info& tensor, std::span<std::byte> out) const {
  require<shape_error>(tensor.begin <= tensor.end && tensor.end <= data_bytes_, path_.string(), ": tensor \"",
                       tensor.name, "\" is not one of this file");
  require<shape_error>(out.size() == tensor.bytes(), path_.string(), ": tensor \"", tensor.name, "\" has ",
                       tensor.bytes(), " bytes, the destination has ", out.size());
  read_at(tensor.begin, out);
}

CANDOR_INLINE std::size_t safetensors_file::numbers_in(const tensor_info& tensor) const {
  const auto name = [&] { return text(path_.string(), ": tensor ", detail::in_quotes(tensor.name)); };
  if (name_of(tensor.type) != tensor.type_name || !is_floating(tensor.type))
    fail<input_error>(name(), " has the type ", tensor.type_name,
                      "; only F64, F32, F16 and BF16 are read as numbers");
  if (tensor.dims.size() > static_cast<std::size_t>(shape::max_rank))
    fail<input_error>(name(), " has ", tensor.dims.size(), " axes; at most ", shape::max_rank,
                      " are read as numbers with a shape");
  return static_cast<std::size_t>(tensor.elements());
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
