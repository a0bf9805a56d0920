// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The fields of a record that all forms share: id, texts, and where its images are.

#include <candor/core/error.hpp>
#include <candor/data/ratings.hpp>
#include <candor/data/record_source_impl.hpp>
#include <candor/image/image_source.hpp>
#include <candor/io/json_field_impl.hpp>

#include <functional>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

/// What a record is read with.
struct record_context {
  std::filesystem::path images;  ///< folder that names start from; empty: names are not looked up
  bool pairs = true;             ///< a rejected answer and an image are required
  bool image_pairs = false;      ///< two images for one text are a pair too
  rating_ladder ladder = {};
  /// Reads a picture that record i holds itself.
  std::function<std::string(std::int64_t, const stored_image&)> stored = {};
};

/// A record that is parsed and known to be an object.
class record_fields {
 public:
  record_fields(json document, std::string source, std::int64_t index)
      : document_(std::move(document)), source_(std::move(source)), index_(index) {
    field().object();
  }

  json_field field() const { return {document_, source_}; }
  const std::string& source() const { return source_; }
  std::int64_t index() const { return index_; }

  /// The first of these keys that is there.
  std::optional<json_field> any_of(std::initializer_list<std::string_view> keys) const {
    for (const auto key : keys)
      if (auto found = field().find(key)) return found;
    return std::nullopt;
  }

  /// `idx` or `id`, or the place in the file.
  std::string id() const {
    const auto found = any_of({"idx", "id"});
    if (!found) return text(index_);
    if (found->value().is_string()) return found->string();
    if (!found->value().is_number_integer()) found->refuse("expected an integer or a string");
    return found->value().dump();
  }

 private:
  json document_;
  std::string source_;
  std::int64_t index_;
};

/// A text with something to read in it.
inline std::string filled_text(const json_field& field) {
  const std::string& s = field.string();
  if (s.find_first_not_of(" \t\r\n") == std::string::npos)
    field.refuse("the text is empty; remove the record or fill it in");
  return s;
}

/// The value under one of these keys, of which the first one is asked for in the error.
inline json_field needed(const record_fields& record, std::initializer_list<std::string_view> keys,
                         std::string_view all_keys) {
  if (auto found = record.any_of(keys)) return *found;
  record.field().refuse("the key ", in_quotes(*keys.begin()), " is missing; a record needs ", all_keys);
}

/// The file that an image's name stands for. Names are taken literally: a link inside of the folder may lead
/// elsewhere, the name itself may not.
inline std::filesystem::path image_file(const json_field& field, const std::filesystem::path& root) {
  const std::string& name = field.string();
  if (name.empty() || name.find('\0') != std::string::npos)
    field.refuse(in_quotes(name), " is no file name; expected the name of an image in ", root.string());
  const auto folder = std::filesystem::absolute(root).lexically_normal();
  const auto file = (folder / name).lexically_normal();
  const auto inside = file.lexically_relative(folder);
  if (inside.empty() || *inside.begin() == "..")
    field.refuse("the image ", in_quotes(name), " is outside of the folder of images ", root.string(),
                 "; give names inside of it, or another folder");
  if (root.empty()) return inside;
  const auto path = root / inside;
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (status.type() == std::filesystem::file_type::not_found)
    field.refuse("the image ", path.string(), " does not exist; check the name and the folder of images");
  if (failed) field.refuse("the image ", path.string(), " cannot be reached: ", failed.message());
  if (status.type() != std::filesystem::file_type::regular)
    field.refuse("the image ", path.string(), " is not a file");
  return path;
}

/// An image as a name, as bytes of the file of records, or as `datasets` has it: {"bytes", "path"}, of which
/// one is null.
inline image_source record_image(const json_field& field, const record_fields& record, stored_image which,
                                 const record_context& context) {
  const auto bytes = field.value().is_object() ? field.find("bytes") : std::optional(field);
  if (bytes && bytes->value().is_binary())
    return {bytes->place(), [read = context.stored, i = record.index(), which] { return read(i, which); }};
  if (!field.value().is_object()) return image_file(field, context.images);
  if (bytes)
    field.refuse("images as text inside of the record are not read; save each image as a file and give its ",
                 "name, or the records as parquet");
  return image_file(field["path"], context.images);
}

/// One image or a list of them.
inline std::vector<image_source> images_under(const json_field& found, const std::string& key,
                                              const record_fields& record, const record_context& context) {
  std::vector<image_source> out;
  if (!found.value().is_array()) {
    out.push_back(record_image(found, record, {key, 0}, context));
    return out;
  }
  for (const auto& item : found.items())
    out.push_back(record_image(item, record, {key, out.size()}, context));
  return out;
}

inline std::vector<image_source> record_images(const record_fields& record, const record_context& context,
                                               std::string_view all_keys) {
  for (const auto* key : {"image", "images", "image_path", "img_path"})
    if (const auto found = record.field().find(key)) {
      auto out = images_under(*found, key, record, context);
      if (out.empty() && context.pairs) found->refuse("the list is empty; expected at least one image");
      return out;
    }
  if (context.pairs) record.field().refuse("the key \"image\" is missing; a record needs ", all_keys);
  return {};
}

}  // namespace CANDOR_NS::detail
