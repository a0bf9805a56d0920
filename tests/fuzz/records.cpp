// SPDX-License-Identifier: Apache-2.0
// Files of records: where lines and elements of a list begin and end, and what a pair, a dialog and a
// question must hold. Two images, a.png and b.png, are there.
#include <candor/data/preference_data.hpp>
#include <candor/data/record_index_impl.hpp>
#include <candor/data/record_parse_impl.hpp>
#include <candor/io/atomic_file.hpp>

#include "fuzz/fuzz.hpp"

#include <cmath>

namespace {

using candor::record_range;

/// The records of a text that comes in blocks of this size.
template <class Index>
std::vector<record_range> records_of(std::string_view text, std::size_t block) {
  static const std::filesystem::path name = "records";
  Index index(name, 900);
  for (std::size_t at = 0; at < text.size(); at += block) index.add(text.substr(at, block));
  index.finish();
  return index.take();
}

bool same(const std::vector<record_range>& a, const std::vector<record_range>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.offset == y.offset && x.bytes == y.bytes && x.line == y.line;
  });
}

/// The elements of a list are those that the JSON parser finds, and blocks make no difference.
template <class Index>
std::vector<record_range> checked_records(std::string_view text) {
  const auto found = records_of<Index>(text, text.size());
  candor_fuzz::promise(same(found, records_of<Index>(text, 7)), "a record may lie in several blocks");
  for (const auto& r : found)
    candor_fuzz::promise(r.offset <= text.size() && r.bytes <= text.size() - r.offset,
                         "a record lies in its file");
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace candor_fuzz;
  namespace detail = candor::detail;
  static const scratch_folder images;
  [[maybe_unused]] static const bool drawn = (candor::write_atomically(images / "a.png", "picture"),
                                              candor::write_atomically(images / "b.png", "picture"), true);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return 0;

  std::vector<record_range> records;
  const auto whole = [&] { return detail::parse_json(text, {.file = "records"}); };
  if (text[first] == '[') {
    if (!accepted("records", [&] { records = checked_records<detail::list_index>(text); })) return 0;
    detail::json list;
    if (accepted("records", [&] { list = whole(); })) {
      promise(list.size() == records.size(), "each element of the list is a record");
      for (std::size_t i = 0; i < records.size(); ++i) {
        const auto part = text.substr(records[i].offset, records[i].bytes);
        promise(detail::parse_json(part, {.file = "records"}) == list[i], "a record is its element");
      }
    }
  } else if (!accepted("records", [&] { records = checked_records<detail::line_index>(text); })) {
    return 0;
  }

  for (const auto& r : records) {
    detail::json record;
    const auto part = text.substr(r.offset, r.bytes);
    if (!accepted("records", [&] { record = detail::parse_json(part, {.file = "records"}); })) continue;
    for (const bool pairs : {true, false})
      for (const bool image_pairs : {true, false})
        accepted("records", [&] {
          const detail::record_context context{images.path(), pairs, image_pairs};
          for (const auto& parsed : detail::parse_preferences(record, "records", 0, context)) {
            promise(!pairs || parsed.chosen != parsed.rejected || !parsed.rejected_later.empty(),
                    "one is preferred");
            promise(!pairs || image_pairs || !parsed.rejected.empty(), "a pair has two answers");
            promise(!std::isinf(parsed.margin), "a margin is finite or absent");
            for (const auto& image : parsed.images)
              promise(image.file().parent_path() == images.path(), "images stay in place");
          }
        });
    accepted("records", [&] { detail::parse_question(record, "records", 0, {images.path()}); });
  }
  return 0;
}
