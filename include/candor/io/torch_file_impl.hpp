// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of torch_file.hpp.

#include <candor/core/crc32.hpp>
#include <candor/core/error.hpp>
#include <candor/io/pickle_impl.hpp>
#include <candor/io/torch_file.hpp>
#include <candor/io/torch_names_impl.hpp>
#include <candor/io/zip_archive_impl.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <tuple>

namespace CANDOR_NS {

/// What either form of file gives.
struct torch_file::contents {
  std::vector<tensor_info> tensors;
  std::vector<view> views;
  std::vector<storage> storages;

  /// Lists the tensors of the pickled object, one after the other, with their views.
  void list(const detail::pickle_machine& pickle, std::uint32_t root, const std::string& file) {
    std::uint64_t at = 0;
    for (const auto& [name, number] : detail::torch_names(pickle, file).of(root)) {
      const detail::torch_view& from = pickle.tensors()[number];
      const dtype type = pickle.storages()[from.storage].type;
      tensor_info t{.name = name,
                    .type = type,
                    .extents = {},
                    .begin = at,
                    .type_name = std::string(name_of(type)),
                    .dims = from.dims};
      if (t.dims.size() <= static_cast<std::size_t>(shape::max_rank))
        for (const auto d : t.dims) t.extents.push_back(static_cast<std::int64_t>(d));
      // No more elements than the storage has, whose bytes were compared with the file's.
      const bool empty = std::find(t.dims.begin(), t.dims.end(), 0u) != t.dims.end();
      const std::uint64_t bytes = empty ? 0 : t.elements() * size_of(type);
      require<input_error>(!__builtin_add_overflow(at, bytes, &at), file,
                           ": the sizes of the tensors overflow");
      t.end = at;
      bool contiguous = true;
      std::uint64_t step = 1;
      for (std::size_t i = t.dims.size(); i-- > 0 && !empty; step *= t.dims[i])
        contiguous =
            contiguous && (t.dims[i] == 1 || from.strides[i] == step);  // one element: any stride will do
      views.push_back({from.storage, from.offset, from.strides, contiguous});
      tensors.push_back(std::move(t));
    }
    detail::refuse_repeated_names(tensors, file);
  }
};

namespace detail {

inline constexpr std::uint64_t most_pickle_bytes = std::uint64_t{16} << 20;

/// The pickle of the magic number with which files from before torch 1.6 begin.
inline constexpr std::string_view old_torch_magic =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
static_assert(old_torch_magic.size() == 15);

CANDOR_INLINE std::string read_text(const byte_source& source, std::uint64_t at, std::uint64_t bytes) {
  std::string out(static_cast<std::size_t>(bytes), '\0');
  source.read(at, std::as_writable_bytes(std::span(out)));
  return out;
}

/// An entry of the archive that is small, with its check sum verified.
CANDOR_INLINE std::string read_entry(const byte_source& source, const zip_entry& entry) {
  const std::string file = source.path().string();
  require<input_error>(entry.size <= most_pickle_bytes, file, ": ", in_quotes(entry.name), " has ",
                       entry.size, " bytes; at most ", most_pickle_bytes, " are read");
  std::string out = read_text(source, entry.begin, entry.size);
  require<input_error>(crc32(std::as_bytes(std::span(out))) == entry.crc, file, ": the check sum of ",
                       in_quotes(entry.name), " is wrong: the file is damaged; download or copy it again");
  return out;
}

/// The folder inside the archive, with its slash: that of the one data.pkl.
CANDOR_INLINE std::string torch_root(const zip_directory& zip, const std::string& file) {
  std::string root;
  for (const auto& e : zip.entries()) {
    const auto slash = e.name.find('/');
    if (slash == e.name.npos || e.name.substr(slash) != "/data.pkl") continue;
    require<input_error>(root.empty(), file, ": two pickles, ", in_quotes(root + "data.pkl"), " and ",
                         in_quotes(e.name));
    root = e.name.substr(0, slash + 1);
  }
  require<input_error>(!root.empty(), file, ": a zip archive without data.pkl; torch.save did not write it");
  require<input_error>(
      zip.find(root + "constants.pkl") == nullptr, file,
      ": a TorchScript archive, which holds a program; save model.state_dict() with torch.save");
  return root;
}

}  // namespace detail

CANDOR_INLINE torch_file::torch_file(byte_source source) : source_(std::move(source)) {
  const std::string begin =
      detail::read_text(source_, 0, std::min<std::uint64_t>(source_.size(), detail::old_torch_magic.size()));
  if (begin == detail::old_torch_magic)
    take(read_old(source_));
  else if (begin.starts_with("PK"))
    take(read_zip(source_));
  else
    fail<input_error>(
        path().string(), ": not a file of torch.save, which is a zip archive",
        begin == "version https:/" ? "; this is a Git LFS pointer, download the file itself" : "");
}

CANDOR_INLINE void torch_file::take(contents found) {
  storages_ = std::move(found.storages);
  views_ = std::move(found.views);
  checked_ = std::make_unique<std::atomic<bool>[]>(storages_.size());
  set_tensors(std::move(found.tensors));
}

CANDOR_INLINE torch_file::contents torch_file::read_zip(const byte_source& source) {
  const std::string file = source.path().string();
  const detail::zip_directory zip(source);
  const std::string root = detail::torch_root(zip, file);
  if (const auto* order = zip.find(root + "byteorder"))
    if (const std::string word = detail::read_entry(source, *order); word != "little")
      fail<input_error>(file, ": the byte order ", detail::in_quotes(word), " is not supported, only little");
  const auto* version = zip.find(root + "version");
  require<input_error>(version != nullptr, file, ": the entry ", detail::in_quotes(root + "version"),
                       " is missing");
  const std::string number = detail::read_entry(source, *version);
  require<input_error>(number == "2\n" || number == "3\n", file, ": the format version ",
                       detail::in_quotes(number), " is not supported; 2 and 3 are");

  const std::string bytes = detail::read_entry(source, *zip.find(root + "data.pkl"));
  detail::pickle_machine pickle(bytes, file + ": data.pkl");
  const auto object = pickle.run();
  require<input_error>(pickle.end() == bytes.size(), file, ": data.pkl: ", bytes.size() - pickle.end(),
                       " bytes follow the pickle");
  contents out;
  for (const auto& s : pickle.storages()) {
    const auto* entry = zip.find(root + "data/" + s.key);
    require<input_error>(entry != nullptr, file, ": the storage ", detail::in_quotes(s.key), " is missing");
    std::uint64_t size = 0;
    require<input_error>(
        !__builtin_mul_overflow(s.elements, std::uint64_t{size_of(s.type)}, &size) && size == entry->size,
        file, ": the storage ", detail::in_quotes(s.key), " has ", entry->size, " bytes, the pickle says ",
        s.elements, " elements of ", name_of(s.type));
    out.storages.push_back({entry->begin, size, entry->crc});
  }
  out.list(pickle, object, file);
  return out;
}

/// Five pickles (magic number, protocol, system, object, keys of the storages), then each storage as its
/// number of elements and its bytes.
CANDOR_INLINE torch_file::contents torch_file::read_old(const byte_source& source) {
  const std::string file = source.path().string();
  const std::string bytes =
      detail::read_text(source, 0, std::min<std::uint64_t>(source.size(), detail::most_pickle_bytes));
  detail::pickle_machine pickle(bytes, file);
  const auto protocol = pickle.run(detail::old_torch_magic.size());
  if (pickle[protocol].kind != detail::pickle_value::integer || pickle[protocol].number != 1001)
    pickle.refuse("the protocol of torch's old form must be 1001");
  const auto system = pickle.run(pickle.end());
  const auto& facts = pickle[system].items;
  for (std::size_t i = 0; i + 1 < facts.size(); i += 2)
    if (pickle[facts[i]].text == "little_endian" && pickle[facts[i + 1]].number != 1)
      pickle.refuse("the byte order is not supported, only little");
  const auto object = pickle.run(pickle.end());
  const auto keys = pickle.run(pickle.end());
  if (pickle[keys].kind != detail::pickle_value::list)
    pickle.refuse("the keys of the storages must be a list");

  contents out;
  out.storages.resize(pickle.storages().size());
  std::map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < out.storages.size(); ++i) places.emplace(pickle.storages()[i].key, i);
  std::uint64_t at = pickle.end();
  for (const auto key : pickle[keys].items) {
    const auto found = places.find(pickle[key].text);
    if (pickle[key].kind != detail::pickle_value::string || found == places.end())
      pickle.refuse("the storage ", detail::in_quotes(pickle[key].text), " is unknown, or listed twice");
    const auto& s = pickle.storages()[found->second];
    require<input_error>(source.size() - at >= 8, file, ": truncated before the storage ",
                         detail::in_quotes(s.key));
    std::uint64_t elements = 0, size = 0;
    source.read(at, std::as_writable_bytes(std::span(&elements, 1)));
    at += 8;
    require<input_error>(elements == s.elements, file, ": the storage ", detail::in_quotes(s.key), " has ",
                         elements, " elements, the pickle says ", s.elements);
    require<input_error>(!__builtin_mul_overflow(elements, std::uint64_t{size_of(s.type)}, &size) &&
                             size <= source.size() - at,
                         file, ": truncated inside of the storage ", detail::in_quotes(s.key), " of ",
                         elements, " elements");
    out.storages[found->second] = {at, size, std::nullopt};
    at += size;
    places.erase(found);
  }
  require<input_error>(places.empty(), file, ": the data of ", places.size(), " storages is missing");
  require<input_error>(at == source.size(), file, ": ", source.size() - at, " bytes follow the last storage");
  out.list(pickle, object, file);
  return out;
}

CANDOR_INLINE const torch_file::view& torch_file::view_of(const tensor_info& tensor) const {
  const tensor_info* own = find(tensor.name);
  require<shape_error>(own != nullptr, path().string(), ": tensor \"", tensor.name,
                       "\" is not one of this file");
  return views_[static_cast<std::size_t>(own - tensors().data())];
}

CANDOR_INLINE void torch_file::check_crc(std::size_t number) const {
  const storage& s = storages_[number];
  if (!s.crc || checked_[number].load(std::memory_order_relaxed)) return;
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(s.bytes, 1u << 20)));
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < s.bytes;) {
    const auto part = std::span(buffer).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), s.bytes - done)));
    source_.read(s.begin + done, part);
    crc = detail::crc32(part, crc);
    done += part.size();
  }
  require<input_error>(crc == *s.crc, path().string(), ": the check sum of the storage at byte ", s.begin,
                       " is ", crc, ", the archive says ", *s.crc,
                       ": the file is damaged; download or copy it again (or it was saved with "
                       "set_crc32_options(False): save it again without)");
  checked_[number].store(true, std::memory_order_relaxed);
}

CANDOR_INLINE void torch_file::read_part(const tensor_info& tensor, std::uint64_t from,
                                         std::span<std::byte> out) const {
  if (out.empty()) return;
  const view& v = view_of(tensor);
  check_crc(v.storage);
  if (!v.contiguous) return gather(tensor, v, from, out);
  source_.read(storages_[v.storage].begin + v.offset * size_of(tensor.type) + from, out);
}

/// Reads the part of the storage that the tensor spans, and picks its elements.
CANDOR_INLINE void torch_file::gather(const tensor_info& tensor, const view& v, std::uint64_t from,
                                      std::span<std::byte> out) const {
  const std::size_t width = size_of(tensor.type), axes = tensor.dims.size();
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < axes; ++i) last += (tensor.dims[i] - 1) * v.strides[i];
  std::vector<std::byte> span(static_cast<std::size_t>(last + 1) * width);
  source_.read(storages_[v.storage].begin + v.offset * width, span);
  std::vector<std::uint64_t> index(axes);
  std::uint64_t rest = from / width, place = 0;
  for (std::size_t i = axes; i-- > 0; rest /= tensor.dims[i]) {
    index[i] = rest % tensor.dims[i];
    place += index[i] * v.strides[i];
  }
  for (std::size_t done = 0; done < out.size(); done += width) {
    std::memcpy(out.data() + done, span.data() + place * width, width);
    for (std::size_t i = axes; i-- > 0;) {
      place += v.strides[i];
      if (++index[i] < tensor.dims[i]) break;
      place -= tensor.dims[i] * v.strides[i];
      index[i] = 0;
    }
  }
}

}  // namespace CANDOR_NS
