// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the files of CLIP's tokenizer say, for implementation files: vocabulary, merges and added tokens.
/// Inline in every build.

#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/text/tokenizer_stages_impl.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

struct clip_added_token {
  std::int32_t id;
  std::string text;
  bool normalized;               // found in the text after it was lower-cased,
  std::u32string normal_form{};  // as this
};

struct clip_tokenizer_files {
  std::string place;                                        // begins error messages
  std::vector<std::pair<std::string, std::int32_t>> words;  // of the vocabulary
  std::vector<std::pair<std::string, std::string>> merges;  // first come first
  std::vector<clip_added_token> added;
  std::string bos = "<|startoftext|>", eos = "<|endoftext|>", unk = "<|endoftext|>";
  fingerprint content;
};

inline constexpr std::int64_t largest_clip_id = (1 << 24) - 1;
inline constexpr std::uint64_t largest_clip_file = std::uint64_t{64} << 20;

/// The types of the stages, as "NFC Replace Lowercase".
inline std::string stage_types(const std::vector<json_field>& stages) {
  std::string out;
  for (const auto& s : stages) out += text(out.empty() ? "" : " ", s["type"].string());
  return out;
}

/// Refuses what is not CLIP's: nothing else is computed here.
inline void require_clip_stages(const json_field& root) {
  const auto expect = [&](std::string_view part, const std::string& found, std::string_view wanted) {
    if (found != wanted)
      root.refuse("the ", part, " is ", in_quotes(found), "; CLIP's is ", in_quotes(wanted),
                  ", and no other is supported here");
  };
  expect("normalizer", stage_types(stages_of(root, "normalizer", "normalizers")), "NFC Replace Lowercase");
  const auto cut = stages_of(root, "pre_tokenizer", "pretokenizers");
  expect("pre_tokenizer", stage_types(cut), "Split ByteLevel");
  std::string pattern = cut[0]["pattern"]["Regex"].string();
  for (const std::string_view special : {"<\\|startoftext\\|>|", "<\\|endoftext\\|>|"})
    if (const auto at = pattern.find(special); at != std::string::npos) pattern.erase(at, special.size());
  expect("pattern of the pre_tokenizer", pattern,
         "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+");
  const json_field model = root["model"];
  expect("model", model.string_or("type", "BPE"), "BPE");
  expect("end_of_word_suffix", model.string_or("end_of_word_suffix", ""), "</w>");
  expect("continuing_subword_prefix", model.string_or("continuing_subword_prefix", ""), "");
}

inline void read_clip_words(const json_field& vocabulary, clip_tokenizer_files& files) {
  for (const auto& [word, id] : vocabulary.object().value().items())
    files.words.emplace_back(word, static_cast<std::int32_t>(vocabulary[word].integer(0, largest_clip_id)));
}

/// tokenizer.json
inline void read_clip_json(const std::string& bytes, clip_tokenizer_files& files) {
  const json document = parse_json(bytes, {.file = files.place});
  const json_field root(document, files.place);
  require_clip_stages(root);
  const json_field model = root["model"];
  read_clip_words(model["vocab"], files);
  for (const auto& merge : model["merges"].items()) {  // "left right" or ["left", "right"]
    if (merge.value().is_array()) {
      const auto parts = merge.items();
      if (parts.size() != 2) merge.refuse("expected two parts, found ", parts.size());
      files.merges.emplace_back(parts[0].string(), parts[1].string());
    } else {
      const auto& both = merge.string();
      const auto space = both.find(' ');
      if (space == std::string::npos)
        merge.refuse("expected two parts with a space between, found ", in_quotes(both));
      files.merges.emplace_back(both.substr(0, space), both.substr(space + 1));
    }
  }
  files.unk = model.string_or("unk_token", files.unk);
  if (const auto list = root.find("added_tokens"))
    for (const auto& t : list->items()) {
      for (const char* flag : {"lstrip", "rstrip", "single_word"})
        if (t.boolean_or(flag, false)) t.refuse(flag, " true is not supported for added tokens");
      files.added.push_back({static_cast<std::int32_t>(t["id"].integer(0, largest_clip_id)),
                             t["content"].string(),
                             t.boolean_or("normalized", true),
                             {}});
      if (files.added.back().text.empty()) t.refuse("an added token is empty");
    }
  if (const auto post = root.find("post_processor")) {
    if (const auto& type = (*post)["type"].string(); type != "RobertaProcessing")
      post->refuse("the type ", in_quotes(type), " is not supported; expected RobertaProcessing");
    const auto name_of_pair = [&](std::string_view key) {
      const auto pair = (*post)[key].items();
      if (pair.size() != 2) post->refuse(key, " has ", pair.size(), " members; expected a token and its id");
      return pair[0].string();
    };
    files.bos = name_of_pair("cls");
    files.eos = name_of_pair("sep");
  }
}

/// merges.txt: a line for each merge, after a line that begins with #version.
inline void read_clip_merges(std::string_view bytes, const std::string& place, clip_tokenizer_files& files) {
  for (std::size_t line = 1; !bytes.empty(); ++line) {
    const auto end = bytes.find('\n');
    std::string_view row = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (row.ends_with('\r')) row.remove_suffix(1);
    if (row.empty() || (line == 1 && row.starts_with("#version"))) continue;
    const auto space = row.find(' ');
    require<input_error>(space != std::string_view::npos && space > 0 && space + 1 < row.size(), place, ":",
                         line, ": expected two parts with a space between, found ", in_quotes(row));
    files.merges.emplace_back(row.substr(0, space), row.substr(space + 1));
  }
}

inline clip_tokenizer_files read_clip_tokenizer_files(const std::filesystem::path& folder) {
  clip_tokenizer_files files;
  std::error_code ignored;
  const auto whole = folder / "tokenizer.json", words = folder / "vocab.json", merges = folder / "merges.txt";
  if (std::filesystem::exists(whole, ignored)) {
    files.place = whole.string();
    const std::string bytes = read_file(whole, largest_clip_file);
    files.content.add("tokenizer.json", bytes);
    read_clip_json(bytes, files);
    return files;
  }
  files.place = words.string();
  for (const auto& path : {words, merges})
    require<input_error>(std::filesystem::exists(path, ignored), folder.string(),
                         ": holds no CLIP tokenizer: neither ", "tokenizer.json nor ",
                         path.filename().string(), " is there");
  const std::string vocabulary = read_file(words, largest_clip_file),
                    rules = read_file(merges, largest_clip_file);
  files.content.add("vocab.json", vocabulary);
  files.content.add("merges.txt", rules);
  const json document = parse_json(vocabulary, {.file = files.place});
  read_clip_words(json_field(document, files.place), files);
  read_clip_merges(rules, merges.string(), files);
  return files;
}

}  // namespace CANDOR_NS::detail
