// SPDX-License-Identifier: Apache-2.0
#include "training/made_with.hpp"

#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/io/atomic_file.hpp>

namespace training {

void require_made_with(const std::filesystem::path& note, const candor::run_config& made_with,
                       std::string_view what, std::string_view advice) {
  candor::require<candor::usage_error>(std::filesystem::exists(note), what,
                                       " does not say what it was made with (", note.string(),
                                       " is missing); ", advice);
  const auto difference = made_with.difference_from(note);
  candor::require<candor::usage_error>(difference.empty(), what, " was made with other data or options (",
                                       difference, "); ", advice);
}

void claim(const std::filesystem::path& note, const candor::run_config& made_with, std::string_view what,
           std::string_view advice) {
  if (std::filesystem::exists(note)) return require_made_with(note, made_with, what, advice);
  std::filesystem::create_directories(note.parent_path());
  candor::write_atomically(note, made_with.document());
}

void add_model(candor::run_config& made_with, const std::filesystem::path& folder, const options& o) {
  candor::fingerprint files;
  candor::add_model_files(files, {.model = folder, .vision_tower = o.vision_tower}, "model");
  made_with.add(files);
  made_with.add("template", o.processor.chat_template);
  made_with.add("image_transform", o.image_transform);
  made_with.add("dtype", o.dtype);
}

}  // namespace training
