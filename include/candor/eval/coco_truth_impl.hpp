// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of coco_truth.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/coco_truth.hpp>
#include <candor/eval/records_impl.hpp>
#include <candor/io/os_error.hpp>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// Receives the members of the objects in the top-level lists of an annotation file, and hands each object on
/// as its numbers and texts. Nothing else of the file is kept: segmentations are most of it.
class coco_handler final : public json_handler {
 public:
  struct item {
    std::string id, image_id, category_id, name, caption;
  };
  /// list ("annotations", "categories") and item
  using receiver = function_ref<void(const std::string&, const item&)>;

  coco_handler(std::string_view text, const json_source& source, receiver use)
      : json_handler(text, source), use_(use) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t v) override { return take(std::to_string(v)); }
  bool number_unsigned(number_unsigned_t v) override { return take(std::to_string(v)); }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t& v) override { return take(std::move(v)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    enter();
    if (depth() == 3) item_ = {};
    return true;
  }
  bool end_object() override {
    if (depth() == 3) use_(list_, item_);
    leave();
    return true;
  }
  bool start_array(std::size_t) override {
    enter();
    return true;
  }
  bool end_array() override {
    leave();
    return true;
  }
  bool key(string_t& k) override {
    if (depth() == 1) list_ = k;
    key_ = std::move(k);
    return true;
  }

 private:
  bool take(std::string value) {
    if (depth() != 3) return true;
    for (const auto& [name, member] : {std::pair{"id", &item::id}, std::pair{"image_id", &item::image_id},
                                       std::pair{"category_id", &item::category_id},
                                       std::pair{"name", &item::name}, std::pair{"caption", &item::caption}})
      if (key_ == name) item_.*member = std::move(value);
    return true;
  }

  receiver use_;
  std::string list_, key_;
  item item_;
};

/// The annotation files of one kind, sorted.
CANDOR_INLINE std::vector<std::filesystem::path> annotation_files(const std::filesystem::path& folder,
                                                                  const std::string& kind) {
  std::vector<std::filesystem::path> out;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kind + "_") && name.ends_with(".json")) out.push_back(entry.path());
  }
  if (failed) fail_io("read", folder, failed.value());
  require<input_error>(!out.empty(), folder.string(), ": no file ", kind,
                       "_*.json; expected MSCOCO's annotations, such as ", kind, "_val2014.json");
  std::sort(out.begin(), out.end());
  return out;
}

CANDOR_INLINE void for_annotations(const std::filesystem::path& file, coco_handler::receiver use) {
  const std::string bytes = read_file(file, std::uint64_t{2} << 30);
  const json_source source{.file = file.string()};
  coco_handler(bytes, source, use).run();
}

}  // namespace detail

CANDOR_INLINE coco_truth read_coco_annotations(
    const std::filesystem::path& folder, const std::unordered_set<std::string>& images,
    const coco_objects& vocabulary, function_ref<std::vector<object_mention>(std::string_view)> mentions) {
  const auto instances = detail::annotation_files(folder, "instances"),
             captions = detail::annotation_files(folder, "captions");
  coco_truth out;
  for (const auto& file : instances) {
    std::unordered_map<std::string, std::string>
        names;  // the list of categories stands behind the annotations
    std::set<std::pair<std::string, std::string>> seen;
    detail::for_annotations(file, [&](const std::string& list, const detail::coco_handler::item& item) {
      if (list == "images" && images.contains(item.id)) out[item.id];
      if (list == "categories") names[item.id] = item.name;
      if (list == "annotations" && images.contains(item.image_id))
        seen.emplace(item.image_id, item.category_id);
    });
    for (const auto& [image, category] : seen) {
      const auto name = names.find(category);
      require<input_error>(name != names.end(), file.string(), ": the category ", category, " of the image ",
                           image, " is not in the list of categories");
      const auto object = vocabulary.object_of(name->second);
      require<input_error>(!object.empty(), file.string(), ": the category \"", name->second,
                           "\" is not in the list of synonyms");
      out[image].emplace(object);
    }
  }
  for (const auto& file : captions)
    detail::for_annotations(file, [&](const std::string& list, const detail::coco_handler::item& item) {
      if (list != "annotations" || !out.contains(item.image_id)) return;
      for (const auto& mention : mentions(item.caption)) out[item.image_id].insert(mention.object);
    });
  return out;
}

CANDOR_INLINE coco_truth read_coco_truth(const std::filesystem::path& file, const coco_objects& vocabulary) {
  coco_truth out;
  detail::for_records(file, [&](const detail::json_field& record) {
    auto& objects = out[detail::id_text(record["image_id"])];
    for (const auto& name : record["objects"].items()) {
      const auto object = vocabulary.object_of(name.string());
      if (object.empty())
        name.refuse("the object ", detail::in_quotes(name.string()), " is not in the list of synonyms");
      objects.emplace(object);
    }
  });
  return out;
}

CANDOR_INLINE void write_coco_truth(const std::filesystem::path& file, const coco_truth& truth) {
  std::string lines;
  for (const auto& [image, objects] :
       std::map<std::string, std::set<std::string>>(truth.begin(), truth.end()))
    lines += nlohmann::ordered_json{{"image_id", image}, {"objects", objects}}.dump() + "\n";
  write_atomically(file, lines);
}

}  // namespace CANDOR_NS
