// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The directory of a zip archive whose entries are stored, as torch writes them (APPNOTE 6.3.9, zip64
/// included). Every number is checked against the bytes that are there; central directory, local headers and
/// data descriptors must say the same, and entries must not overlap. Data is not read here.

#include <candor/core/error.hpp>
#include <candor/io/byte_source.hpp>
#include <candor/io/json_impl.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS::detail {

/// A stored entry; its bytes lie as they are at `begin` in the file.
struct zip_entry {
  std::string name;
  std::uint64_t begin = 0, size = 0;
  std::uint32_t crc = 0;     ///< CRC-32 of the bytes, as the archive says
  std::uint64_t header = 0;  ///< offset of the local header
};

class zip_directory {
 public:
  explicit zip_directory(const byte_source& source) : source_(source), file_(source.path().string()) {
    find_end();
    read_central();
    for (auto& e : entries_) check_local(e);
    check_places();
    std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    const auto twice = std::adjacent_find(entries_.begin(), entries_.end(),
                                          [](const auto& a, const auto& b) { return a.name == b.name; });
    if (twice != entries_.end()) refuse("the entry ", in_quotes(twice->name), " appears twice");
  }

  /// Sorted by name.
  const std::vector<zip_entry>& entries() const { return entries_; }
  const zip_entry* find(std::string_view name) const {
    const auto it = std::lower_bound(entries_.begin(), entries_.end(), name,
                                     [](const zip_entry& e, std::string_view n) { return e.name < n; });
    return it != entries_.end() && it->name == name ? &*it : nullptr;
  }

 private:
  static constexpr std::uint64_t end_bytes = 22, locator_bytes = 20, end64_bytes = 56, central_bytes = 46,
                                 local_bytes = 30, most_central_bytes = std::uint64_t{64} << 20;
  static constexpr std::uint16_t none16 = 0xFFFF;      ///< "see the zip64 record"
  static constexpr std::uint32_t none32 = 0xFFFFFFFF;  ///< the same
  static constexpr unsigned has_descriptor = 1u << 3, is_utf8 = 1u << 11;

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail<input_error>(file_, ": ", parts...);
  }

  template <class N>
  static N number(std::string_view bytes, std::size_t at) {
    N n;
    std::memcpy(&n, bytes.data() + at, sizeof n);
    return n;
  }
  static std::uint16_t n16(std::string_view b, std::size_t at) { return number<std::uint16_t>(b, at); }
  static std::uint32_t n32(std::string_view b, std::size_t at) { return number<std::uint32_t>(b, at); }
  static std::uint64_t n64(std::string_view b, std::size_t at) { return number<std::uint64_t>(b, at); }

  std::string read(std::uint64_t at, std::uint64_t bytes) const {
    std::string out(static_cast<std::size_t>(bytes), '\0');
    source_.read(at, std::as_writable_bytes(std::span(out)));
    return out;
  }

  /// The end record, which must close the file, and where it says that the directory lies.
  void find_end() {
    const std::uint64_t size = source_.size();
    if (size < end_bytes) refuse(size, " bytes are too few for a zip archive: the file is truncated");
    const std::uint64_t longest = std::min<std::uint64_t>(size, end_bytes + none16);
    const std::string tail = read(size - longest, longest);
    std::uint64_t at = longest - end_bytes;
    for (;; --at) {
      if (n32(tail, at) == 0x06054b50 && n16(tail, at + 20) == longest - end_bytes - at) break;
      if (at == 0) refuse("no end of the zip directory: the file is truncated; download or copy it again");
    }
    const std::string_view end = std::string_view(tail).substr(at, end_bytes);
    std::uint64_t close = size - longest + at;  // where the directory must end
    disks(n16(end, 4), n16(end, 6));
    count_ = n16(end, 10);
    central_size_ = n32(end, 12);
    central_ = n32(end, 16);
    if (n16(end, 8) != count_) refuse("the zip archive is split into several files, which is not supported");
    if (close >= locator_bytes && n32(read(close - locator_bytes, 4), 0) == 0x07064b50)
      close = read_end64(close - locator_bytes);
    else if (count_ == none16 || central_size_ == none32 || central_ == none32)
      refuse("the zip directory refers to a zip64 record that is not there");
    if (central_size_ > close || central_ != close - central_size_)
      refuse("the zip directory is said to lie at ", central_, " with ", central_size_,
             " bytes, but it must end at ", close);
    if (central_size_ > most_central_bytes || count_ > central_size_ / central_bytes)
      refuse("the zip directory of ", central_size_, " bytes cannot hold ", count_, " entries");
  }

  void disks(std::uint64_t this_disk, std::uint64_t first_disk) const {
    if (this_disk != 0 || first_disk != 0)
      refuse("the zip archive is split into several files, which is not supported");
  }

  /// The zip64 end record; gives its offset. The old record must agree, or say that it does not know.
  std::uint64_t read_end64(std::uint64_t locator_at) {
    const std::string locator = read(locator_at, locator_bytes);
    const std::uint64_t at = n64(locator, 8);
    disks(n32(locator, 4), n32(locator, 16) > 1);
    if (locator_at < end64_bytes || at > locator_at - end64_bytes)
      refuse("the zip64 record is said to lie at ", at, ", beyond the end of the archive");
    const std::string end = read(at, end64_bytes);
    if (n32(end, 0) != 0x06064b50) refuse("there is no zip64 record at ", at, ", where its locator points");
    if (n64(end, 4) != locator_at - at - 12)
      refuse("the zip64 record at ", at, " says that ", n64(end, 4), " bytes follow, there are ",
             locator_at - at - 12);
    disks(n32(end, 16), n32(end, 20));
    const std::uint64_t count = n64(end, 32), size = n64(end, 40), offset = n64(end, 48);
    if (n64(end, 24) != count) refuse("the zip archive is split into several files, which is not supported");
    if ((count_ != none16 && count_ != count) || (central_size_ != none32 && central_size_ != size) ||
        (central_ != none32 && central_ != offset))
      refuse("the zip64 record says ", count, " entries in ", size, " bytes at ", offset, ", the old one ",
             count_, " in ", central_size_, " at ", central_);
    count_ = count;
    central_size_ = size;
    central_ = offset;
    return at;
  }

  void read_central() {
    const std::string all = read(central_, central_size_);
    std::size_t at = 0;
    for (std::uint64_t i = 0; i < count_; ++i) {
      const auto place = [&] { return text("zip directory entry ", i, " at ", central_ + at); };
      if (all.size() - at < central_bytes || n32(all, at) != 0x02014b50)
        refuse(place(), ": not the begin of an entry; the directory should hold ", count_);
      const std::string_view fixed = std::string_view(all).substr(at, central_bytes);
      const std::size_t name = n16(fixed, 28), extra = n16(fixed, 30), comment = n16(fixed, 32);
      if (all.size() - at - central_bytes < name + extra + comment)
        refuse(place(), ": name and extra fields reach beyond the directory");
      zip_entry& e = entries_.emplace_back();
      e.name = all.substr(at + central_bytes, name);
      if (e.name.empty() || e.name.find('\0') != e.name.npos)
        refuse(place(), ": an entry without a proper name");
      check_kind(e.name, n16(fixed, 8), n16(fixed, 10));
      e.crc = n32(fixed, 16);
      wide_numbers n{n32(fixed, 24), n32(fixed, 20), n32(fixed, 42), n16(fixed, 34)};
      widen(e.name, n, std::string_view(all).substr(at + central_bytes + name, extra));
      disks(n.disk, 0);
      if (n.packed != n.size)
        refuse(in_quotes(e.name), " has ", n.size, " bytes, but ", n.packed, " are stored");
      e.size = n.size;
      e.header = n.header;
      at += central_bytes + name + extra + comment;
    }
    if (at != all.size()) refuse(all.size() - at, " bytes follow the last entry of the zip directory");
  }

  void check_kind(const std::string& name, unsigned flags, unsigned method) const {
    if ((flags & 1u) != 0) refuse(in_quotes(name), " is encrypted, which is not supported");
    if ((flags & ~(has_descriptor | is_utf8)) != 0)
      refuse(in_quotes(name), " sets the zip flags ", flags, ", which are not supported");
    if (method != 0)
      refuse(in_quotes(name), " is compressed (zip method ", method,
             "); torch stores tensors as they are: unpack the archive and pack it with `zip -0`");
  }

  /// Numbers of an entry that may be too large for their place.
  struct wide_numbers {
    std::uint64_t size, packed, header, disk;
  };

  /// Replaces those that are by what the zip64 field says, in its fixed order.
  void widen(const std::string& name, wide_numbers& n, std::string_view extra) const {
    std::optional<std::string_view> field;
    while (!extra.empty()) {
      const std::size_t length = extra.size() >= 4 ? n16(extra, 2) : 0;
      if (extra.size() < 4 || extra.size() - 4 < length)
        refuse(in_quotes(name), ": a zip extra field reaches beyond its entry");
      if (n16(extra, 0) == 1) {
        if (field) refuse(in_quotes(name), " has two zip64 fields");
        field = extra.substr(4, length);
      }
      extra.remove_prefix(4 + length);
    }
    const auto take = [&](std::uint64_t& value, std::uint64_t none, std::size_t width) {
      if (value != none) return;
      if (!field || field->size() < width)
        refuse(in_quotes(name), ": its zip64 field is missing or too short");
      value = width == 8 ? n64(*field, 0) : n32(*field, 0);
      field->remove_prefix(width);
    };
    take(n.size, none32, 8);
    take(n.packed, none32, 8);
    take(n.header, none32, 8);
    take(n.disk, none16, 4);
  }

  /// The header before the data must describe the same entry; it tells where the data begins.
  void check_local(zip_entry& e) const {
    if (e.header > central_ || central_ - e.header < local_bytes)
      refuse(in_quotes(e.name), " is said to lie at ", e.header, ", beyond the entries, which end at ",
             central_);
    const std::string fixed = read(e.header, local_bytes);
    if (n32(fixed, 0) != 0x04034b50)
      refuse(in_quotes(e.name), ": there is no local zip header at ", e.header);
    check_kind(e.name, n16(fixed, 6), n16(fixed, 8));
    const std::uint64_t name = n16(fixed, 26), extra = n16(fixed, 28);
    if (central_ - e.header - local_bytes < name + extra)
      refuse(in_quotes(e.name), ": its local header reaches beyond the entries");
    if (read(e.header + local_bytes, name) != e.name)
      refuse(in_quotes(e.name), " has another name in its local header");
    e.begin = e.header + local_bytes + name + extra;
    if (e.size > central_ - e.begin)
      refuse(in_quotes(e.name), " has ", e.size, " bytes at ", e.begin, ", but the entries end at ",
             central_);
    // With a descriptor behind the data the numbers of the header may be left out as 0.
    const bool later = (n16(fixed, 6) & has_descriptor) != 0;
    wide_numbers n{n32(fixed, 22), n32(fixed, 18), 0, 0};
    if (n.size == none32 || n.packed == none32) widen(e.name, n, read(e.begin - extra, extra));
    const auto agrees = [&](std::uint64_t local, std::uint64_t value) {
      return local == value || (later && local == 0);
    };
    if (!agrees(n32(fixed, 14), e.crc) || !agrees(n.packed, e.size) || !agrees(n.size, e.size))
      refuse(in_quotes(e.name), ": its local header has another size or check sum than the zip directory");
    if (later) check_descriptor(e);
  }

  void check_descriptor(const zip_entry& e) const {
    const std::uint64_t at = e.begin + e.size, room = central_ - at;
    const std::string d = read(at, std::min<std::uint64_t>(room, 24));
    const bool marked = d.size() >= 16 && n32(d, 0) == 0x08074b50 && n32(d, 4) == e.crc;
    const bool small = marked && n32(d, 8) == e.size && n32(d, 12) == e.size;
    const bool large = marked && d.size() == 24 && n64(d, 8) == e.size && n64(d, 16) == e.size;
    if (!small && !large)
      refuse(in_quotes(e.name),
             ": the descriptor behind its data says something else than the zip directory");
  }

  void check_places() {
    std::sort(entries_.begin(), entries_.end(),
              [](const auto& a, const auto& b) { return a.header < b.header; });
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      const auto &before = entries_[i - 1], &e = entries_[i];
      if (e.header < before.begin + before.size)
        refuse(in_quotes(e.name), " lies inside of ", in_quotes(before.name));
    }
  }

  const byte_source& source_;
  std::string file_;
  std::uint64_t count_ = 0, central_ = 0, central_size_ = 0;
  std::vector<zip_entry> entries_;
};

}  // namespace CANDOR_NS::detail
