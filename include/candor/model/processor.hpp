// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// From questions, answers and pictures to what the network takes: one tokenizer, one template, one image
/// transform, shared by every stage of a pipeline and part of every fingerprint.

#include <candor/core/fingerprint.hpp>
#include <candor/image/image_source.hpp>
#include <candor/image/transform.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/model/llava_source.hpp>
#include <candor/model/scoring.hpp>
#include <candor/text/chat_template.hpp>
#include <candor/text/tokenizer.hpp>
#include <candor/text/truncate.hpp>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

struct processor_options {
  std::string chat_template = "auto";             ///< vicuna_v1, llava_v1, llava_hf, or the folder's own
  std::optional<image_mode> image_transform = {};  ///< instead of what the folder says
  std::int64_t max_length = 2048;                 ///< tokens of a stem with one answer, images counted in full
  keep_part keep = keep_part::end;                ///< which part of a question that is too long survives
  bool cut_answers = false;                       ///< shorten answers too; else such a record is refused
};

/// What original LLaVA's code does to images: its folders have no preprocessor_config.json, but image_aspect_ratio
/// in config.json ("pad": LLaVA-1.5), and CLIP's constants.
inline image_transform original_image_transform(const llava_config& config) {
  return {.mode = config.image_aspect_ratio == "pad" ? image_mode::pad : image_mode::centre_crop,
          .size = config.vision.image_size};
}

/// The image transform of a model's folder, else that of its tower's folder with what image_aspect_ratio says, else
/// original LLaVA's. `mode` goes before what files say.
image_transform source_transform(const llava_source& source, const llava_config& config,
                                 std::optional<image_mode> mode = {});

class processor {
 public:
  /// Reads tokenizer, template and image transform of a model; an original LLaVA's needs no file for the last two.
  processor(const llava_source& source, const llava_config& config, const processor_options& options = {});
  processor(const std::filesystem::path& folder, const llava_config& config, const processor_options& options = {})
      : processor(llava_source{.model = folder}, config, options) {}

  const tokenizer& words() const { return words_; }
  const chat_template& chat() const { return chat_; }
  const image_transform& transform() const { return transform_; }
  std::int32_t stop_token() const { return words_.eos(); }

  /// A question with several answers, shortened to max_length. `where` begins error messages (file and line).
  encoded_branches encode(const std::string& question, std::span<const std::string> answers, std::size_t images,
                          std::string_view where = {}) const;

  /// The same for dialogs: turns before the question, and paths that may go on after their answers.
  encoded_branches encode(std::span<const turn> earlier, const std::string& question, std::span<const dialog_path> paths,
                          std::size_t images, std::string_view where = {}) const;

  /// The stem with one branch and one cell for each answer. Where its dialog goes on, the branch is a chain of segments
  /// and the cell scores all of its answers. `weights[a]` are the token weights of these answers, one after the other,
  /// or all ones where there are none. With `score_stem` each cell also scores the answers in the stem.
  forest tree(const encoded_branches& branches, std::span<const std::vector<float>> weights = {},
              bool score_stem = false) const;

  /// Decodes and transforms: (images, 3, S, S) in a row.
  std::vector<float> pixels(std::span<const image_source> images) const;

  /// A question alone, as generation takes it. Its key is 0: give each prompt a key of its own where they are sampled,
  /// or all draw the same random numbers.
  encoded_record prompt(const std::string& question, std::span<const image_source> images,
                        std::string_view where = {}) const;

  /// Adds template, tokenizer, image transform and length.
  void add_to(fingerprint& f) const;

 private:
  tokenizer words_;
  chat_template chat_;
  image_transform transform_;
  shorten_options length_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/model/processor_impl.hpp>
#endif
