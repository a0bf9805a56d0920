// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The tokenizer of the embedded world: a sentencepiece model of LLaMA's kind (BPE, a space before the text,
/// no normalisation, <unk> <s> </s> = 0 1 2), trained on the world's own text, with <image> and <pad> added
/// behind it. Two deviations keep the model's head small, about 180 rows: no byte pieces, so a character that
/// the world never uses is <unk>; and the new line is a piece of its own.

#include <filesystem>

namespace scenes {

struct tokenizer_report {
  int pieces = 0;  ///< of the sentencepiece model; <image> is this id and <pad> the next
  int image_id = 0;
  int pad_id = 0;
};

/// Trains the tokenizer and writes tokenizer.model, tokenizer.json, tokenizer_config.json,
/// special_tokens_map.json and added_tokens.json into the folder, as transformers reads them, with llava-hf's
/// chat template. The vocabulary is the smallest in which every word of the world is one piece, so a caption
/// has one token a word and mark. The same files come out each time. Throws candor::io_error where the folder
/// cannot be written.
tokenizer_report write_tokenizer(const std::filesystem::path& folder);

}  // namespace scenes
