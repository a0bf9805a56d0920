// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Builds archives as torch.save does, whole or with one thing wrong, from pickles that are put together
/// here.

#include <candor/core/crc32.hpp>

#include "io/safetensors_cases.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace candor_test {

inline std::string le16(std::uint64_t n) { return le64(n).substr(0, 2); }
inline std::string le32(std::uint64_t n) { return le64(n).substr(0, 4); }

// ---- pickles

inline std::string pickled(std::string_view text) { return "X" + le32(text.size()) + std::string(text); }
inline std::string pickled(std::int64_t n) {
  const auto u = static_cast<std::uint64_t>(n);
  if (n >= 0 && n < 256) return std::string("K") + static_cast<char>(n);
  if (n >= INT32_MIN && n <= INT32_MAX) return "J" + le32(u);
  return std::string("\x8a\x08") + le64(u);
}
inline std::string tuple_of(const std::vector<std::int64_t>& numbers) {
  std::string out = "(";
  for (const auto n : numbers) out += pickled(n);
  return out + "t";
}
inline std::string storage_of(std::string_view key, std::int64_t elements,
                              std::string_view type = "FloatStorage") {
  return "(" + pickled("storage") + "ctorch\n" + std::string(type) + "\n" + pickled(key) + pickled("cpu") +
         pickled(elements) + "tQ";
}
inline const std::string ordered_dict = "ccollections\nOrderedDict\n)R";
inline std::string tensor_of(const std::string& storage, std::int64_t offset,
                             const std::vector<std::int64_t>& size, const std::vector<std::int64_t>& stride) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage + pickled(offset) + tuple_of(size) +
         tuple_of(stride) + "\x89" + ordered_dict + "tR";
}
inline std::string dict_of(const std::string& items) { return "}(" + items + "u"; }
inline std::string pickle_of(const std::string& value) { return "\x80\x02" + value + "."; }

// ---- archives

/// An entry of an archive; what is not given is as it should be.
struct zip_part {
  std::string name, data;
  unsigned flags = 8, method = 0;  ///< 8: sizes and check sum follow the data, as torch writes it
  std::optional<std::uint32_t> crc = {}, central_size = {}, central_packed = {}, local_size = {},
                               local_crc = {};
  std::optional<std::uint64_t> offset = {};
  std::optional<std::string> local_name = {}, descriptor = {};
  std::optional<unsigned> local_flags = {}, local_method = {};
  std::string extra = {}, local_extra = {};  ///< extra fields
  std::string local_mark = "PK\3\4", central_mark = "PK\1\2";
  unsigned disk = 0;
};

/// The end of an archive, as it is written.
struct zip_end {
  std::uint64_t count = 0, central_size = 0, central = 0,
                record = 0;  ///< record: offset of the zip64 end record
  std::optional<std::uint64_t> old_count = {}, old_size = {}, old_central = {}, record_length = {};
  unsigned disks = 1, disk = 0;
  bool is64 = true;
  std::string comment = {}, between = {};  ///< between directory and end
};

inline std::string make_zip(const std::vector<zip_part>& parts,
                            const std::function<void(zip_end&)>& change = {}) {
  std::string out, central;
  for (const auto& p : parts) {
    const std::uint32_t crc =
        p.crc.value_or(candor::detail::crc32(std::as_bytes(std::span(p.data.data(), p.data.size()))));
    const std::uint64_t at = out.size(), size = p.data.size();
    const unsigned flags = p.local_flags.value_or(p.flags);
    const bool later = (flags & 8u) != 0;
    const std::string& name = p.local_name ? *p.local_name : p.name;
    const auto local = p.local_size.value_or(later ? 0 : static_cast<std::uint32_t>(size));
    out += p.local_mark + le16(0) + le16(flags) + le16(p.local_method.value_or(p.method)) + le32(0) +
           le32(p.local_crc.value_or(later ? 0 : crc)) + le32(local) + le32(local) + le16(name.size()) +
           le16(p.local_extra.size()) + name + p.local_extra + p.data;
    if (later) out += p.descriptor.value_or("PK\7\x8" + le32(crc) + le32(size) + le32(size));
    central += p.central_mark + le16(0) + le16(0) + le16(p.flags) + le16(p.method) + le32(0) + le32(crc) +
               le32(p.central_packed.value_or(static_cast<std::uint32_t>(size))) +
               le32(p.central_size.value_or(static_cast<std::uint32_t>(size))) + le16(p.name.size()) +
               le16(p.extra.size()) + le16(0) + le16(p.disk) + le16(0) + le32(0) +
               le32(p.offset.value_or(at)) + p.name + p.extra;
  }
  zip_end end{.count = parts.size(), .central_size = central.size(), .central = out.size()};
  end.record = out.size() + central.size();
  if (change) change(end);
  out += central + end.between;
  if (end.is64)
    out += "PK\6\6" + le64(end.record_length.value_or(44)) + le16(0) + le16(0) + le32(end.disk) + le32(0) +
           le64(end.count) + le64(end.count) + le64(end.central_size) + le64(end.central) + "PK\6\7" +
           le32(0) + le64(end.record) + le32(end.disks);
  const auto count = end.old_count.value_or(end.count);
  return out + "PK\5\6" + le16(end.disk) + le16(0) + le16(count) + le16(count) +
         le32(end.old_size.value_or(end.central_size)) + le32(end.old_central.value_or(end.central)) +
         le16(end.comment.size()) + end.comment;
}

inline const std::string four_floats =
    std::string("\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40", 16);  // 1 2 3 4

/// The entries of a file with this pickle and the storage "0" of four floats.
inline std::vector<zip_part> torch_parts(const std::string& pickle) {
  return {{"m/data.pkl", pickle}, {"m/byteorder", "little"}, {"m/data/0", four_floats}, {"m/version", "3\n"}};
}
inline std::string good_pickle() {
  return pickle_of(dict_of(pickled("a") + tensor_of(storage_of("0", 4), 0, {2, 2}, {2, 1})));
}
inline std::string torch_file_of(const std::string& pickle) { return make_zip(torch_parts(pickle)); }
/// A file with one tensor "a".
inline std::string torch_tensor(const std::string& tensor) {
  return torch_file_of(pickle_of(dict_of(pickled("a") + tensor)));
}
/// The good file with one entry changed: 0 pickle, 1 byte order, 2 storage, 3 version.
inline std::string torch_changed(std::size_t part, const std::function<void(zip_part&)>& change) {
  auto parts = torch_parts(good_pickle());
  change(parts[part]);
  return make_zip(parts);
}
inline std::string torch_ended(const std::function<void(zip_end&)>& change) {
  return make_zip(torch_parts(good_pickle()), change);
}

}  // namespace candor_test
