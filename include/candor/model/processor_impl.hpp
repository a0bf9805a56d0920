// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Questions, answers and pictures as tokens and pixels.

#include <candor/model/processor.hpp>

#include <algorithm>

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

CANDOR_INLINE encoded_branches processor::encode(std::span<const turn> earlier, const std::string& question,
                                                 std::span<const dialog_path> paths, std::size_t images,
                                                 std::string_view where) const {
  encoded_branches branches = chat_.encode_branches(words_, earlier, question, paths, images, where);
  shorten(branches, length_, where);
  return branches;
}

CANDOR_INLINE forest processor::tree(const encoded_branches& branches, std::span<const std::vector<float>> weights,
                                     bool score_stem) const {
  forest f;
  segment stem;
  std::vector<float> stem_weights;
  for (const auto& part : branches.stem.segments)
    for (const std::int32_t id : part.ids) {
      if (id == image_mark) {
        ++f.images;
        for (std::size_t i = 0; i < length_.image_tokens; ++i) stem.tokens.push_back(image_row(f.feature_rows++));
      } else {
        stem.tokens.push_back(id);
      }
      stem_weights.resize(stem.tokens.size(), part.answer ? 1.0f : 0.0f);
    }
  f.segments.push_back(std::move(stem));
  score_stem = score_stem && std::count(stem_weights.begin(), stem_weights.end(), 1.0f) > 0;
  for (std::size_t a = 0; a < branches.answers.size(); ++a) {
    scored_path cell;
    if (score_stem) cell.push_back({0, stem_weights});
    std::size_t used = 0;  // of the answers' weights
    const auto hang = [&](const segment_tokens& part, std::int32_t parent) {
      const auto index = static_cast<std::int32_t>(f.segments.size());
      f.segments.push_back({.tokens = part.ids, .parent = parent});
      if (!part.answer) return index;
      std::vector<float> own;
      if (!weights.empty()) {
        const auto first = weights[a].begin() + static_cast<std::ptrdiff_t>(used);
        own.assign(first, first + static_cast<std::ptrdiff_t>(part.ids.size()));
        used += part.ids.size();
      }
      cell.push_back({index, std::move(own)});
      return index;
    };
    std::int32_t parent = hang(branches.answers[a], 0);
    if (a < branches.later.size())
      for (const auto& part : branches.later[a]) parent = hang(part, parent);
    f.cells.push_back(std::move(cell));
  }
  return f;
}

CANDOR_INLINE std::vector<float> processor::pixels(std::span<const image_source> images) const {
  std::vector<float> all;
  for (const auto& source : images) {
    const auto one = transform_(load_image(source));
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

CANDOR_INLINE encoded_record processor::prompt(const std::string& question, std::span<const image_source> images,
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
