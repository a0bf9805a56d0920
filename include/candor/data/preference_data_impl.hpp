// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of preference_data.hpp: what a line must hold, and where its images lie.

#include <candor/core/error.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>

#include <initializer_list>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// A line of a file of records that is parsed and known to be an object.
class record_line {
 public:
  record_line(std::string_view bytes, std::string source, std::uint64_t number, const std::string& file)
      : document_(parse_json(bytes, {.file = file, .first_line = static_cast<std::size_t>(number)})),
        source_(std::move(source)) {
    field().object();
  }

  json_field field() const { return {document_, source_}; }
  const std::string& source() const { return source_; }

  /// The first of these keys that is there.
  std::optional<json_field> any_of(std::initializer_list<std::string_view> keys) const {
    for (const auto key : keys)
      if (auto found = field().find(key)) return found;
    return std::nullopt;
  }

  /// `idx` or `id`, or the place in the file.
  std::string id(std::int64_t index) const {
    const auto found = any_of({"idx", "id"});
    if (!found) return text(index);
    if (found->value().is_string()) return found->string();
    if (!found->value().is_number_integer()) found->refuse("expected an integer or a string");
    return found->value().dump();
  }

 private:
  json document_;
  std::string source_;
};

/// A text with something to read in it.
CANDOR_INLINE std::string filled_text(const json_field& field) {
  const std::string& s = field.string();
  if (s.find_first_not_of(" \t\r\n") == std::string::npos)
    field.refuse("the text is empty; remove the record or fill it in");
  return s;
}

/// A text under one of these keys, of which the first one is asked for in the error.
CANDOR_INLINE std::string record_text(const record_line& line, std::initializer_list<std::string_view> keys,
                                      std::string_view all_keys) {
  const auto found = line.any_of(keys);
  if (!found)
    line.field().refuse("the key ", in_quotes(*keys.begin()), " is missing; a record needs ", all_keys);
  return filled_text(*found);
}

/// The file that an image's name stands for. Names are taken literally: a link inside of the folder may lead
/// elsewhere, the name itself may not.
CANDOR_INLINE std::filesystem::path resolve_image(const json_field& field,
                                                  const std::filesystem::path& root) {
  if (field.value().is_object())
    field.refuse(
        "images inside of the line (\"bytes\", \"path\") are not read; save each image as a file and ",
        "give its name");
  const std::string& name = field.string();
  if (name.empty() || name.find('\0') != std::string::npos)
    field.refuse(in_quotes(name), " is no file name; expected the name of an image in ", root.string());
  const auto folder = std::filesystem::absolute(root).lexically_normal();
  const auto file = (folder / name).lexically_normal();
  const auto inside = file.lexically_relative(folder);
  if (inside.empty() || *inside.begin() == "..")
    field.refuse("the image ", in_quotes(name), " is outside of the folder of images ", root.string(),
                 "; give names inside of it, or another folder");
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

CANDOR_INLINE std::vector<std::filesystem::path> record_images(const record_line& line,
                                                               const std::filesystem::path& root,
                                                               std::string_view all_keys) {
  std::vector<std::filesystem::path> out;
  if (const auto one = line.any_of({"image", "image_path"})) {
    out.push_back(resolve_image(*one, root));
  } else if (const auto many = line.any_of({"images"})) {
    for (const auto& item : many->items()) out.push_back(resolve_image(item, root));
    if (out.empty()) many->refuse("the list is empty; expected at least one image");
  } else {
    line.field().refuse("the key \"image\" is missing; a record needs ", all_keys);
  }
  return out;
}

CANDOR_INLINE preference_record parse_preference(std::string_view bytes, const std::string& source,
                                                 const line_place& place, const std::filesystem::path& file,
                                                 const std::filesystem::path& images) {
  constexpr std::string_view keys = "image, question, chosen and rejected";
  const record_line line(bytes, source, place.number, file.string());
  preference_record r;
  r.source = source;
  r.id = line.id(place.index);
  r.images = record_images(line, images, keys);
  std::optional<record_line> inner;
  const auto packed = line.any_of({"text"});
  if (packed && !line.field().has("chosen")) {
    const std::string inside = source + ": text";
    inner.emplace(packed->string(), inside, 1, inside);
  }
  const record_line& texts = inner ? *inner : line;
  r.question = record_text(texts, {"question", "prompt"}, keys);
  r.chosen = record_text(texts, {"chosen"}, keys);
  r.rejected = record_text(texts, {"rejected"}, keys);
  require<input_error>(r.chosen != r.rejected, texts.source(),
                       ": chosen and rejected are equal, so nothing can be preferred; remove the record");
  return r;
}

CANDOR_INLINE question_record parse_question(std::string_view bytes, const std::string& source,
                                             const line_place& place, const std::filesystem::path& file,
                                             const std::filesystem::path& images) {
  constexpr std::string_view keys = "image and question";
  const record_line line(bytes, source, place.number, file.string());
  question_record r;
  r.source = source;
  r.id = line.id(place.index);
  r.images = record_images(line, images, keys);
  r.question = record_text(line, {"question", "prompt"}, keys);
  if (const auto responses = line.field().find("responses"))
    for (const auto& response : responses->items()) r.responses.push_back(response.string());
  return r;
}

CANDOR_INLINE std::filesystem::path image_root(const std::filesystem::path& records,
                                               const data_options& options) {
  if (!options.images.empty()) {
    std::error_code failed;
    require<io_error>(std::filesystem::is_directory(options.images, failed), "the folder of images ",
                      options.images.string(),
                      " does not exist; name the folder that image names start from");
    return options.images;
  }
  return records.has_parent_path() ? records.parent_path() : std::filesystem::path(".");
}

/// Parses each line of a file of records as `parse` does, to check it.
template <class Parse>
record_file open_records(const std::filesystem::path& path, const data_options& options,
                         const std::filesystem::path& images, Parse parse) {
  const auto check = [&](std::string_view bytes, const line_place& place) {
    parse(bytes, text(path.string(), ":", place.number), place, path, images);
  };
  return record_file(path, check, options.max_line_bytes);
}

template <class Data>
void add_data_to(fingerprint& print, const Data& data, image_digest images) {
  print.add_file(data.path(), "records");
  std::set<std::string> seen;
  for (std::int64_t i = 0; i < data.size(); ++i)
    for (const auto& image : data.record(i).images) {
      if (!seen.insert(image.string()).second) continue;
      images == image_digest::bytes ? print.add_file(image, "images") : print.add_file_stat(image, "images");
    }
}

}  // namespace detail

CANDOR_INLINE preference_data::preference_data(const std::filesystem::path& path, const data_options& options)
    : images_(detail::image_root(path, options)),
      file_(detail::open_records(path, options, images_, detail::parse_preference)) {}

CANDOR_INLINE preference_record preference_data::record(std::int64_t i) const {
  const auto place = file_.place(i);
  return detail::parse_preference(file_.read(i), file_.source(place), place, file_.path(), images_);
}

CANDOR_INLINE void preference_data::add_to(fingerprint& print, image_digest images) const {
  detail::add_data_to(print, *this, images);
}

CANDOR_INLINE questions_data::questions_data(const std::filesystem::path& path, const data_options& options)
    : images_(detail::image_root(path, options)),
      file_(detail::open_records(path, options, images_, detail::parse_question)) {}

CANDOR_INLINE question_record questions_data::record(std::int64_t i) const {
  const auto place = file_.place(i);
  return detail::parse_question(file_.read(i), file_.source(place), place, file_.path(), images_);
}

CANDOR_INLINE void questions_data::add_to(fingerprint& print, image_digest images) const {
  detail::add_data_to(print, *this, images);
}

}  // namespace CANDOR_NS
