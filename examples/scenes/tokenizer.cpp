// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>

#include <scenes/claims.hpp>
#include <scenes/tokenizer.hpp>
#include <scenes/world_text.hpp>

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace scenes {
namespace {

// The template of the llava-hf models, to the letter, so that it is known where templates are told apart by
// their text.
constexpr const char* chat_template =
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}"
    "{% endif %}{# Render all images first #}{% for content in message['content'] | selectattr('type', "
    "'equalto', "
    "'image') %}{{ '<image>\n' }}{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' "
    "%}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' "
    "'}}"
    "{% endfor %}{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}";

class sentences : public sentencepiece::SentenceIterator {
 public:
  explicit sentences(const std::vector<std::string>& all) : all_(all) {}
  bool done() const override { return next_ >= all_.size(); }
  void Next() override { ++next_; }
  const std::string& value() const override { return all_[next_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& all_;
  std::size_t next_ = 0;
};

/// The serialised model with that many pieces, or nothing where the text cannot fill them.
std::string train(const std::vector<std::string>& text, int pieces) {
  const std::unordered_map<std::string, std::string> options = {{"model_type", "bpe"},
                                                                {"vocab_size", std::to_string(pieces)},
                                                                {"character_coverage", "1.0"},
                                                                {"normalization_rule_name", "identity"},
                                                                {"unk_id", "0"},
                                                                {"bos_id", "1"},
                                                                {"eos_id", "2"},
                                                                {"pad_id", "-1"},
                                                                {"byte_fallback", "false"},
                                                                {"remove_extra_whitespaces", "false"},
                                                                {"num_threads", "1"},
                                                                {"minloglevel", "2"}};
  sentences all(text);
  std::string model;
  return sentencepiece::SentencePieceTrainer::Train(options, &all, &model).ok() ? model : std::string();
}

/// Whether every word and mark of the text is one piece. A text that begins with a new line has the lone
/// space before it.
bool keeps_words_whole(const std::string& model, const std::vector<std::string>& text) {
  sentencepiece::SentencePieceProcessor processor;
  if (!processor.LoadFromSerializedProto(model).ok()) return false;
  return std::all_of(text.begin(), text.end(), [&](const std::string& sentence) {
    std::vector<int> ids;
    const std::size_t extra = sentence.starts_with('\n') ? 2 : 0;
    return processor.Encode(sentence, &ids).ok() && ids.size() == words(sentence).size() + extra;
  });
}

void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& value) {
  candor::write_atomically(path, value.dump(2) + "\n");
}

/// The same tokenizer as transformers' fast ones read it: each text between added tokens gets a space before
/// it, and pairs of pieces grow together in the order of the scores, as sentencepiece has them.
nlohmann::ordered_json fast_tokenizer(const std::string& model, const nlohmann::ordered_json& added) {
  using json = nlohmann::ordered_json;
  constexpr const char* space = "\u2581";
  sentencepiece::SentencePieceProcessor pieces;
  candor::require<candor::error>(pieces.LoadFromSerializedProto(model).ok(),
                                 "sentencepiece does not read its own model");
  json vocabulary = json::object(), merges = json::array();
  std::vector<int> by_score;
  for (int id = 0; id < pieces.GetPieceSize(); ++id) {
    vocabulary[pieces.IdToPiece(id)] = id;
    if (!pieces.IsControl(id) && !pieces.IsUnknown(id)) by_score.push_back(id);
  }
  std::stable_sort(by_score.begin(), by_score.end(),
                   [&](int a, int b) { return pieces.GetScore(a) > pieces.GetScore(b); });
  for (const int id : by_score) {
    const std::string& whole = pieces.IdToPiece(id);
    std::vector<std::pair<int, int>> halves;
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
      const int left = pieces.PieceToId(whole.substr(0, cut)), right = pieces.PieceToId(whole.substr(cut));
      if (left != pieces.unk_id() && right != pieces.unk_id()) halves.emplace_back(left, right);
    }
    std::sort(halves.begin(), halves.end());
    for (const auto& [left, right] : halves)
      merges.push_back({pieces.IdToPiece(left), pieces.IdToPiece(right)});
  }

  json tokens = json::array();
  for (const auto& [id, token] : added.items()) {
    tokens.push_back({{"id", std::stoi(id)}});
    tokens.back().update(token);
  }
  const auto replace = [](const char* from, const char* to) {
    return json{{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
  };
  const auto stages = [](const char* list, std::vector<json> of) {
    return json{{"type", "Sequence"}, {list, std::move(of)}};
  };
  const auto text = [](const char* name, int type) {
    return json{{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  const auto begin = [](int type) { return json{{"SpecialToken", {{"id", "<s>"}, {"type_id", type}}}}; };
  json out;
  out["version"] = "1.0";
  out["truncation"] = nullptr;
  out["padding"] = nullptr;
  out["added_tokens"] = tokens;
  out["normalizer"] =
      stages("normalizers", {json{{"type", "Prepend"}, {"prepend", space}}, replace(" ", space)});
  out["pre_tokenizer"] = nullptr;
  out["post_processor"] = {{"type", "TemplateProcessing"},
                           {"single", json::array({begin(0), text("A", 0)})},
                           {"pair", json::array({begin(0), text("A", 0), begin(1), text("B", 1)})},
                           {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}};
  out["decoder"] = stages("decoders", {replace(space, " "), json{{"type", "Fuse"}},
                                       json{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}});
  out["model"] = {{"type", "BPE"},       {"dropout", nullptr},     {"unk_token", "<unk>"},
                  {"fuse_unk", true},    {"byte_fallback", false}, {"ignore_merges", false},
                  {"vocab", vocabulary}, {"merges", merges}};
  return out;
}

}  // namespace

tokenizer_report write_tokenizer(const std::filesystem::path& folder) {
  const auto text = world_text(300);
  // In training a new line follows a word: behind a space the two would grow into one piece.
  auto training_text = text;
  for (auto& sentence : training_text)
    if (sentence.starts_with('\n')) sentence = "USER" + sentence;

  tokenizer_report report{.pieces = 127};
  std::string model;
  do {
    model = train(training_text, ++report.pieces);
    candor::require<candor::error>(report.pieces < 512,
                                   "the world's words do not become pieces of a vocabulary of ",
                                   report.pieces, "; is this another version of sentencepiece?");
  } while (model.empty() || !keeps_words_whole(model, text));
  report.image_id = report.pieces;
  report.pad_id = report.pieces + 1;

  using json = nlohmann::ordered_json;
  const auto added = [](const char* content) {
    return json{{"content", content}, {"lstrip", false},      {"normalized", false},
                {"rstrip", false},    {"single_word", false}, {"special", true}};
  };
  candor::write_atomically(folder / "tokenizer.model", model);
  write_json(folder / "added_tokens.json", {{"<image>", report.image_id}, {"<pad>", report.pad_id}});
  write_json(folder / "special_tokens_map.json",
             {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"pad_token", "<pad>"}, {"unk_token", "<unk>"}});
  json config;
  config["add_bos_token"] = true;
  config["add_eos_token"] = false;
  config["added_tokens_decoder"] = {{"0", added("<unk>")},
                                    {"1", added("<s>")},
                                    {"2", added("</s>")},
                                    {std::to_string(report.image_id), added("<image>")},
                                    {std::to_string(report.pad_id), added("<pad>")}};
  config["bos_token"] = "<s>";
  config["chat_template"] = chat_template;
  config["clean_up_tokenization_spaces"] = false;
  config["eos_token"] = "</s>";
  config["extra_special_tokens"] = {{"image_token", "<image>"}};
  config["image_token"] = "<image>";
  config["legacy"] = true;
  config["model_max_length"] = 256;
  config["pad_token"] = "<pad>";
  config["padding_side"] = "left";
  config["processor_class"] = "LlavaProcessor";
  config["tokenizer_class"] = "LlamaTokenizer";
  config["unk_token"] = "<unk>";
  write_json(folder / "tokenizer_config.json", config);
  write_json(folder / "tokenizer.json", fast_tokenizer(model, config["added_tokens_decoder"]));
  return report;
}

}  // namespace scenes
