// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the files of a tokenizer say, for implementation files. Inline in every build.

#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/text/sentencepiece_check.hpp>
#include <candor/text/tokenizer.hpp>
#include <candor/text/tokenizer_json_impl.hpp>

#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace CANDOR_NS::detail {

/// The joined content of the files.
struct tokenizer_files {
  std::string model_path;
  sentencepiece_content model;
  std::map<std::int32_t, added_token> added;  // by id; the pieces that are found in texts included
  std::int32_t bos = -1, eos = -1, pad = -1;
  prefix_rule prefix = prefix_rule::each;
  merge_order merges = merge_order::by_score;
  bool strip = true;
  fingerprint content;
};

class tokenizer_file_reader {
 public:
  tokenizer_files read(const std::filesystem::path& path, const tokenizer_options& options) {
    const bool folder = std::filesystem::is_directory(path);
    read_model(folder ? path / "tokenizer.model" : path, folder);
    if (folder) read_folder(path);
    for (const auto& t : options.added) add(t, "the given tokens");
    find_special("bos_token", files_.bos, "<s>");
    find_special("eos_token", files_.eos, "</s>");
    find_special("pad_token", files_.pad, "<pad>");
    for (const auto& name : also_special_)
      if (const auto id = find(name)) mark(*id, name);
    if (folder) check_image_id(path);
    if (options.prefix) files_.prefix = *options.prefix;
    if (options.merges) files_.merges = *options.merges;
    add_options_to_hash(options);
    return std::move(files_);
  }

 private:
  void read_model(const std::filesystem::path& path, bool folder) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
      fail<input_error>(path.string(),
                        ": there is no such file. candor reads the tokenizers of the LLaMA family from ",
                        "their sentencepiece model", folder ? "; tokenizer.json alone is not enough" : "",
                        ". Copy the tokenizer.model of the model that this one was made from");
    files_.model_path = path.string();
    const std::string bytes = read_file(path);
    files_.model = check_sentencepiece(bytes, files_.model_path);
    files_.content.add("tokenizer.model", bytes);
    require<input_error>(!files_.model.whitespace_as_suffix && files_.model.escape_whitespaces,
                         files_.model_path,
                         ": spaces as suffixes, or not written as U+2581, are not supported");
    require<input_error>(files_.model.model == sentencepiece_content::algorithm::bpe ||
                             files_.model.model == sentencepiece_content::algorithm::unigram,
                         files_.model_path,
                         ": word and character models are not supported; expected BPE or unigram");
    for (std::size_t i = 0; i < files_.model.pieces.size(); ++i) {
      const auto& p = files_.model.pieces[i];
      ids_.emplace(p.text, static_cast<std::int32_t>(i));
      if (p.kind == piece_kind::control || p.kind == piece_kind::user_defined ||
          p.kind == piece_kind::unknown)
        add({static_cast<std::int32_t>(i), p.text, p.kind != piece_kind::user_defined}, files_.model_path);
    }
  }

  void read_folder(const std::filesystem::path& folder) {
    if (const auto document = read_json(folder / "added_tokens.json")) {
      const json_field root(*document, (folder / "added_tokens.json").string());
      for (const auto& [name, id] : root.object().value().items())
        add({static_cast<std::int32_t>(root[name].integer(0, highest_id())), name, false}, root.place());
    }
    if (const auto document = read_json(folder / "tokenizer_config.json")) {
      const json_field root(*document, (folder / "tokenizer_config.json").string());
      read_config(root);
      if (!root.boolean_or("legacy", true)) files_.prefix = prefix_rule::first;
    }
    if (const auto document = read_json(folder / "special_tokens_map.json"))
      read_names(json_field(*document, (folder / "special_tokens_map.json").string()));
    if (const auto document = read_json(folder / "tokenizer.json")) {
      const json_field root(*document, (folder / "tokenizer.json").string());
      check_vocabulary(root, files_.model);
      if (const auto list = root.find("added_tokens"))
        for (const auto& t : list->items())
          add_described(static_cast<std::int32_t>(t["id"].integer(0, highest_id())), t);
      files_.prefix = prefix_of(root);
      files_.merges = merges_of(root, files_.model);
      files_.strip = strips_first_space(root);
    }
  }

  void read_config(const json_field& root) {
    if (const auto decoder = root.find("added_tokens_decoder"))
      for (const auto& [key, value] : decoder->object().value().items()) {
        std::int32_t id = -1;
        const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), id);
        if (problem != std::errc() || end != key.data() + key.size() || id < 0 || id > highest_id())
          decoder->refuse("the key \"", key.substr(0, 40), "\" is not an id from 0 to ", highest_id());
        add_described(id, (*decoder)[key]);
      }
    read_names(root);
  }

  /// `bos_token` and its like, as a string or as an object with `content`; the first file that names one
  /// counts.
  void read_names(const json_field& root) {
    for (const char* key : {"bos_token", "eos_token", "pad_token", "unk_token"})
      if (const auto f = root.find(key))
        named_.emplace(
            key, std::pair(f->value().is_object() ? (*f)["content"].string() : f->string(), root.place()));
    for (const char* key : {"additional_special_tokens", "extra_special_tokens"})
      if (const auto f = root.find(key); f && f->value().is_array())
        for (const auto& t : f->items())
          also_special_.push_back(t.value().is_object() ? t["content"].string() : t.string());
  }

  void add_described(std::int32_t id, const json_field& t) {
    for (const char* flag : {"lstrip", "rstrip", "single_word"})
      if (t.boolean_or(flag, false)) t.refuse(flag, " true is not supported for added tokens");
    add({id, t["content"].string(), t.boolean_or("special", false)}, t.place());
  }

  void add(const added_token& token, const std::string& from) {
    require<input_error>(!token.text.empty(), from, ": the token with id ", token.id, " is empty");
    require<input_error>(token.id >= 0 && token.id <= highest_id(), from, ": the token \"", token.text,
                         "\" has the id ", token.id, "; expected 0 to ", highest_id());
    const auto pieces = static_cast<std::int32_t>(files_.model.pieces.size());
    const auto disagree = [&](const std::string& other_text, std::int32_t other_id,
                              const std::string& other_file) {
      fail<input_error>(from, ": the token \"", token.text, "\" has the id ", token.id, ", but in ",
                        other_file, " \"", other_text, "\" has the id ", other_id,
                        ". The files of a tokenizer must agree");
    };
    if (const auto same = ids_.find(token.text); same != ids_.end() && same->second != token.id)
      disagree(token.text, same->second, source_of(same->second));
    if (token.id < pieces && files_.model.pieces[static_cast<std::size_t>(token.id)].text != token.text)
      disagree(files_.model.pieces[static_cast<std::size_t>(token.id)].text, token.id, files_.model_path);
    const auto [at, fresh] = files_.added.try_emplace(token.id, token);
    if (fresh) {
      ids_.emplace(token.text, token.id);
      sources_.emplace(token.id, from);
      return;
    }
    if (at->second.text != token.text) disagree(at->second.text, token.id, source_of(token.id));
    at->second.special = at->second.special || token.special;
  }

  void find_special(const char* key, std::int32_t& id, const char* usual) {
    const auto named = named_.find(key);
    const std::string& name = named == named_.end() ? usual : named->second.first;
    const auto found = find(name);
    if (named != named_.end() && !found)
      fail<input_error>(named->second.second, ": ", key, " is \"", name,
                        "\", but no file of the tokenizer gives it an id; add it to added_tokens.json");
    if (!found) return;
    id = *found;
    if (named != named_.end() || id < static_cast<std::int32_t>(files_.model.pieces.size())) mark(id, name);
  }
  void mark(std::int32_t id, const std::string& name) {
    files_.added.try_emplace(id, added_token{id, name, true}).first->second.special = true;
  }

  /// A LLaVA folder whose configuration has an id for images needs the token with that id.
  void check_image_id(const std::filesystem::path& folder) const {
    const auto document = read_json_if_there(folder / "config.json");
    if (!document || !document->is_object()) return;
    for (const char* key : {"image_token_index", "image_token_id"}) {
      const auto value = document->find(key);
      if (value == document->end() || !value->is_number_integer() || value->get<std::int64_t>() < 0) continue;
      const auto wanted = value->get<std::int64_t>();
      const auto found = find("<image>");
      require<input_error>(found == wanted, (folder / "config.json").string(), ": ", key, " is ", wanted,
                           ", but ",
                           found ? text("the tokenizer gives \"<image>\" the id ", *found)
                                 : std::string("the tokenizer has no token \"<image>\""),
                           ". Put {\"<image>\": ", wanted, "} into the folder's added_tokens.json");
    }
  }

  void add_options_to_hash(const tokenizer_options& options) {
    for (const auto& t : options.added)
      files_.content.add("given tokens", text(t.id, " ", t.special, " ", t.text.size(), " ", t.text));
    files_.content.add("prefix rule, merges",
                       text(static_cast<int>(files_.prefix), " ", static_cast<int>(files_.merges)));
  }

  std::optional<json> read_json(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return std::nullopt;
    const std::string bytes = read_file(path);
    files_.content.add(path.filename().string(), bytes);
    return parse_json(bytes, {.file = path.string()});
  }
  static std::optional<json> read_json_if_there(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored) ? std::optional(read_json_file(path)) : std::nullopt;
  }

  std::optional<std::int32_t> find(const std::string& name) const {
    const auto found = ids_.find(name);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }
  std::string source_of(std::int32_t id) const {
    const auto found = sources_.find(id);
    return found == sources_.end() ? files_.model_path : found->second;
  }
  std::int32_t highest_id() const { return static_cast<std::int32_t>(files_.model.pieces.size()) + 65'536; }

  tokenizer_files files_;
  std::unordered_map<std::string, std::int32_t> ids_;
  std::map<std::int32_t, std::string> sources_;
  std::map<std::string, std::pair<std::string, std::string>, std::less<>> named_;  // key -> (token, file)
  std::vector<std::string> also_special_;
};

inline tokenizer_files read_tokenizer_files(const std::filesystem::path& path,
                                            const tokenizer_options& options) {
  return tokenizer_file_reader().read(path, options);
}

}  // namespace CANDOR_NS::detail
