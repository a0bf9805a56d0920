// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Questions, answers and pictures as tokens and pixels.

#include <candor/image/decode.hpp>
#include <candor/model/processor.hpp>

namespace CANDOR_NS {

CANDOR_INLINE image_transform source_transform(const llava_source& source, const llava_config& config,
                                               std::optional<image_mode> mode) {
  const auto has_file = [](const std::filesystem::path& folder) {
    return std::filesystem::exists(folder / "preprocessor_config.json") ||
           std::filesystem::exists(folder / "processor_config.json");
  };
  const bool original = !config.image_aspect_ratio.empty();  // transformers' configurations have no such key
  const auto folder = config_folder(source);
  if (has_file(folder)) return read_image_transform(folder, mode);
  if (!mode && original) mode = original_image_transform(config).mode;
  if (!source.vision_tower.empty() && has_file(source.vision_tower))
    return read_image_transform(source.vision_tower, mode);
  if (!original) return read_image_transform(folder, mode);  // its error says what is missing
  image_transform t = original_image_transform(config);
  t.mode = *mode;
  return t;
}

CANDOR_INLINE processor::processor(const llava_source& source, const llava_config& config,
                                   const processor_options& options)
    : words_(source.model),
      chat_(chat_template::of_folder(config_folder(source), options.chat_template)),
      transform_(source_transform(source, config, options.image_transform)),
      length_{.max_length = static_cast<std::size_t>(options.max_length),
              .image_tokens = static_cast<std::size_t>(config.image_tokens()),
              .questions = options.keep,
              .cut_answers = options.cut_answers} {
  const std::string folder = source.model.string();
  require<input_error>(transform_.size == config.vision.image_size, folder, ": the image transform makes pictures of ",
                       transform_.size, " pixels, config.json says that the tower takes ", config.vision.image_size);
  require<input_error>(static_cast<std::int64_t>(words_.size()) <= config.text.vocab_size, folder, ": the tokenizer has ",
                       words_.size(), " ids, the model's vocabulary ", config.text.vocab_size,
                       "; tokenizer and weights belong to different models");
  require<input_error>(words_.bos() >= 0 && words_.eos() >= 0, folder, ": the tokenizer has no <s> or no </s>");
  require<usage_error>(options.max_length > config.image_tokens(), "--max-length ", options.max_length,
                       " leaves no room beside the ", config.image_tokens(), " tokens of an image");
}

CANDOR_INLINE encoded_branches processor::encode(const std::string& question, std::span<const std::string> answers,
                                                 std::size_t images, std::string_view where) const {
  encoded_branches branches = chat_.encode_branches(words_, {}, question, answers, images, where);
  shorten(branches, length_, where);
  return branches;
}

CANDOR_INLINE forest processor::tree(const encoded_branches& branches, std::span<const std::vector<float>> weights) const {
  forest f;
  segment stem;
  for (const std::int32_t id : branches.stem.ids()) {
    if (id != image_mark) {
      stem.tokens.push_back(id);
      continue;
    }
    ++f.images;
    for (std::size_t i = 0; i < length_.image_tokens; ++i) stem.tokens.push_back(image_row(f.feature_rows++));
  }
  f.segments.push_back(std::move(stem));
  for (std::size_t a = 0; a < branches.answers.size(); ++a) {
    f.cells.push_back({{static_cast<std::int32_t>(f.segments.size()), weights.empty() ? std::vector<float>() : weights[a]}});
    f.segments.push_back({.tokens = branches.answers[a].ids, .parent = 0});
  }
  return f;
}

CANDOR_INLINE std::vector<float> processor::pixels(std::span<const std::filesystem::path> images) const {
  std::vector<float> all;
  for (const auto& path : images) {
    const auto one = transform_(load_image(path));
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

CANDOR_INLINE encoded_record processor::prompt(const std::string& question, std::span<const std::filesystem::path> images,
                                               std::string_view where) const {
  return {tree(encode(question, {}, images.size(), where)), pixels(images)};
}

CANDOR_INLINE void processor::add_to(fingerprint& f) const {
  f.add("template", chat_.name());
  f.add("tokenizer", words_.content_hash());
  f.add("image transform", transform_.describe());
  f.add("max length", text(length_.max_length, " ", length_.questions == keep_part::end, " ", length_.cut_answers));
}

}  // namespace CANDOR_NS
