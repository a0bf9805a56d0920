// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/text/tokenizer.hpp>

#include <nlohmann/json.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

using namespace candor;
using Catch::Matchers::Contains;
using ids = std::vector<std::int32_t>;
namespace fs = std::filesystem;

namespace {

const fs::path tiny = candor_test::golden("text/tiny");

/// A copy of a golden folder that a test may change.
struct scratch_folder {
  fs::path path;
  explicit scratch_folder(const std::string& name, const fs::path& from = tiny)
      : path(fs::temp_directory_path() / ("candor_tokenizer_" + name)) {
    fs::remove_all(path);
    fs::create_directories(path);
    for (const auto& file : fs::directory_iterator(from)) {
      std::ifstream in(file.path(), std::ios::binary);
      std::ofstream(path / file.path().filename(), std::ios::binary) << in.rdbuf();
    }
  }
  ~scratch_folder() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path / name) << content;
  }
  std::string refusal() const {
    try {
      tokenizer refused(path);
    } catch (const input_error& e) {
      return e.what();
    }
    return "(accepted)";
  }
};

std::string streamed(const tokenizer& words, const ids& all, bool skip) {
  text_stream stream(words, skip);
  std::string out;
  for (const auto id : all) out += stream.push(id);
  return out + stream.finish();
}

void compare_with_golden(const fs::path& model, const std::string& golden, std::size_t least_rows) {
  const auto document = nlohmann::json::parse(std::ifstream(candor_test::golden("text/" + golden)));
  const auto pieces = static_cast<std::int32_t>(tokenizer(model).size());
  const auto with = [&](prefix_rule rule, merge_order order = merge_order::by_id) {
    return tokenizer(
        model, {.added = {{pieces, "<image>"}, {pieces + 1, "<pad>"}}, .prefix = rule, .merges = order});
  };
  const std::vector<std::pair<std::string, tokenizer>> rules = {
      {"base", with(prefix_rule::first_unless_space)},
      {"U", with(prefix_rule::each_unless_space)},
      {"E", with(prefix_rule::each, merge_order::by_score)},
      {"F", with(prefix_rule::first, merge_order::by_score)},
      {"N", with(prefix_rule::none)}};
  const auto& rows = document.at("rows");
  REQUIRE(rows.size() >= least_rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = rows[i];
    const std::string text = row[0];
    INFO("row " << i << ": " << row[0].dump());
    for (const auto& [name, words] : rules) {
      if (name == "N" && i >= 150) continue;
      const ids expected = row[2].contains(name) ? row[2][name] : row[1];
      INFO("rule " << name);
      REQUIRE(words.encode(text) == expected);
    }
    const auto& base = rules[0].second;
    const std::string shown = row[3].is_string() ? row[3].get<std::string>() : text;
    const std::string skipped = row[4].is_string() ? row[4].get<std::string>() : text;
    REQUIRE(base.decode(row[1].get<ids>()) == shown);
    REQUIRE(base.decode(row[1].get<ids>(), true) == skipped);
    REQUIRE(streamed(base, row[1], true) == skipped);
  }
}

}  // namespace

TEST_CASE("ids and texts of the tiny model equal transformers' under every prefix rule",
          "[text][tokenizer]") {
  compare_with_golden(tiny / "tokenizer.model", "tokenizer_tiny.json", 400);
}

TEST_CASE("ids and texts of the LLaMA model equal transformers' on more than 2,000 strings",
          "[text][tokenizer]") {
  const auto model = candor_test::shared_data("llama/tokenizer.model");
  if (model.empty()) CANDOR_SKIP("llama/tokenizer.model is absent");
  compare_with_golden(model, "tokenizer_llama.json", 2000);
}

TEST_CASE("a folder gives added tokens, special ids and the prefix rule", "[text][tokenizer]") {
  const tokenizer words(tiny), with_json(candor_test::golden("text/tiny_json"));
  CHECK(words.size() == 702);
  CHECK(words.bos() == 1);
  CHECK(words.eos() == 2);
  CHECK(words.unk() == 0);
  CHECK(words.pad() == 701);
  CHECK(words.image() == 700);
  CHECK(words.piece(700) == "<image>");
  CHECK(words.is_special(701));
  CHECK_FALSE(words.is_special(400));
  CHECK(words.prefix() == prefix_rule::first);
  CHECK(with_json.prefix() == prefix_rule::each);
  CHECK(words.content_hash() != with_json.content_hash());
  CHECK(words.content_hash() == tokenizer(tiny).content_hash());
  CHECK(words.content_hash().size() == 32);

  const scratch_folder legacy("legacy");
  legacy.write("tokenizer_config.json", R"({"legacy": true})");
  CHECK(tokenizer(legacy.path).prefix() == prefix_rule::each);
  CHECK(tokenizer(legacy.path).content_hash() != words.content_hash());
  const scratch_folder silent("silent");
  silent.write("tokenizer_config.json", "{}");
  CHECK(tokenizer(silent.path).prefix() == prefix_rule::each);
  CHECK(tokenizer(silent.path, {.prefix = prefix_rule::none}).prefix() == prefix_rule::none);
}

TEST_CASE("encode adds the ends that are asked for and can read special tokens as text",
          "[text][tokenizer]") {
  const tokenizer words(tiny);
  const ids plain = words.encode("a cat");
  ids framed{1};
  framed.insert(framed.end(), plain.begin(), plain.end());
  framed.push_back(2);
  CHECK(words.encode("a cat", {.bos = true, .eos = true}) == framed);
  CHECK(words.encode("") == ids{});
  CHECK(words.encode("</s>") == ids{2});
  const ids as_text = words.encode("</s>", {.split_special = false});
  CHECK(as_text.size() > 1);
  CHECK(words.decode(as_text) == "</s>");
  CHECK(words.encode("cat", {.continues = true}) != words.encode("cat"));
  CHECK(words.encode(" cat", {.continues = true}) == words.encode("cat"));
}

TEST_CASE("bytes that are no text decode to one replacement character each", "[text][tokenizer]") {
  const tokenizer words(tiny);
  const auto byte = [&](int b) { return 3 + b; };  // the 256 byte pieces follow the three special ones
  REQUIRE(words.byte_of(byte(0xE4)) == 0xE4);
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(words.decode(ids{byte(0xE4), byte(0xBD), byte(0xA0)}) == "\xE4\xBD\xA0");
  CHECK(words.decode(ids{byte(0xE4), byte(0xBD)}) == bad + bad);
  CHECK(words.decode(ids{byte('a'), byte(0xFF)}) == bad + bad);
  CHECK(words.decode(ids{byte(0xC3), 1, byte(0xA9)}, true) == "\xC3\xA9");
  CHECK(words.decode(ids{byte(0xC3), 1, byte(0xA9)}) == bad + "<s>" + bad);
  CHECK(words.decode(ids{image_mark, 100'000, -1}) == "");
  text_stream stream(words);
  CHECK(stream.push(byte(0xC3)) == "");
  CHECK(stream.push(byte(0xA9)) == "");
  CHECK(stream.finish() == "\xC3\xA9");
  const std::string broken_text = "a\xFF\xC3z";
  CHECK(words.decode(words.encode(broken_text)) == "a" + bad + bad + "z");
}

TEST_CASE("a folder without tokenizer.model says what is needed", "[text][tokenizer]") {
  const scratch_folder folder("none", candor_test::golden("text/tiny_json"));
  fs::remove(folder.path / "tokenizer.model");
  CHECK_THAT(folder.refusal(), Contains("tokenizer.model: there is no such file") &&
                                   Contains("tokenizer.json alone is not enough") &&
                                   Contains("Copy the tokenizer.model"));
}

TEST_CASE("tokenizer files that contradict each other are refused by name", "[text][tokenizer]") {
  struct wrong {
    std::string file, content, says;
  };
  const std::string begin = R"({"added_tokens_decoder": {)";
  const std::vector<wrong> cases = {
      {"added_tokens.json", R"({"<image>": 701, "<pad>": 700})", "must agree"},
      {"added_tokens.json", R"({"<image>": 650})", "must agree"},
      {"added_tokens.json", R"({"<other>": 700})", "must agree"},
      {"added_tokens.json", R"({"<image>": -1})", "expected an integer"},
      {"added_tokens.json", R"({"<image>": 70000000})", "expected an integer"},
      {"added_tokens.json", R"({"<image>": "700"})", "expected an integer"},
      {"added_tokens.json", R"({"": 702})", "is empty"},
      {"added_tokens.json", R"(["<image>"])", "expected an object"},
      {"added_tokens.json", "{\"<image>\": 700,\n \"<image>\": 701}", "added_tokens.json:2"},
      {"added_tokens.json", "{\"<image>\": ", "not valid JSON"},
      {"tokenizer_config.json", begin + R"("x": {"content": "<a>"}}})", "is not an id"},
      {"tokenizer_config.json", begin + R"("702": {"content": "<a>", "lstrip": true}}})",
       "lstrip true is not supported"},
      {"tokenizer_config.json", begin + R"("702": {}}})", "\"content\" is missing"},
      {"tokenizer_config.json", R"({"legacy": "no"})", "expected true or false"},
      {"tokenizer_config.json", R"({"pad_token": "[PAD]"})", "add it to added_tokens.json"},
      {"config.json", R"({"image_token_index": 32000})", "gives \"<image>\" the id 700"},
      {"tokenizer.json", R"({"model": {"vocab": {}}})", "has 0 entries, but tokenizer.model has 700"},
      {"tokenizer.json", R"({"normalizer": {"type": "NFC"}})", "the normaliser NFC is not supported"},
      {"tokenizer.json", R"({"pre_tokenizer": {"type": "ByteLevel"}})", "the pre-tokenizer ByteLevel"},
      {"tokenizer.json", R"({"decoder": {"type": "WordPiece"}})", "the decoder WordPiece"},
      {"tokenizer.model", "not a model", "tokenizer.model: byte 0"},
  };
  for (const auto& c : cases) {
    INFO(c.file << " with " << c.content);
    const scratch_folder folder("wrong");
    folder.write(c.file, c.content);
    CHECK_THAT(folder.refusal(), Contains(c.says) && Contains(folder.path.string()));
  }
}

TEST_CASE("a folder whose configuration has an image id needs the token", "[text][tokenizer]") {
  const scratch_folder folder("image");
  fs::remove(folder.path / "added_tokens.json");
  folder.write("tokenizer_config.json", R"({"legacy": false})");
  CHECK_THAT(folder.refusal(), Contains("image_token_index is 700") && Contains("has no token \"<image>\"") &&
                                   Contains("added_tokens.json"));
}

TEST_CASE("a vocabulary of another model in tokenizer.json is refused", "[text][tokenizer]") {
  const scratch_folder folder("vocabulary", candor_test::golden("text/tiny_json"));
  auto document = nlohmann::json::parse(std::ifstream(folder.path / "tokenizer.json"));
  std::swap(document["model"]["vocab"]["<0x0A>"], document["model"]["vocab"]["<0x0B>"]);
  folder.write("tokenizer.json", document.dump());
  CHECK_THAT(folder.refusal(), Contains("does not give \"<0x0A>\" the id 13"));
}

TEST_CASE("the order of a tokenizer.json's merges is found and followed", "[text][tokenizer]") {
  const scratch_folder folder("merges", candor_test::golden("text/tiny_json"));
  CHECK(tokenizer(folder.path).merges() == merge_order::by_score);
  auto document = nlohmann::json::parse(std::ifstream(folder.path / "tokenizer.json"));
  auto& merges = document["model"]["merges"];
  const auto id_of = [&](const nlohmann::json& merge) {
    auto whole = merge.get<std::string>();
    whole.erase(whole.find(' '), 1);
    return document["model"]["vocab"][whole].get<int>();
  };
  auto by_id = merges.get<std::vector<nlohmann::json>>();
  std::stable_sort(by_id.begin(), by_id.end(),
                   [&](const auto& a, const auto& b) { return id_of(a) < id_of(b); });
  merges = by_id;
  folder.write("tokenizer.json", document.dump());
  const tokenizer words(folder.path), scored(candor_test::golden("text/tiny_json"));
  CHECK(words.merges() == merge_order::by_id);
  const std::string spaced = "a  yellow  kite";
  CHECK(words.encode(spaced) != scored.encode(spaced));
  CHECK(words.decode(words.encode(spaced)) == spaced);

  std::reverse(by_id.begin(), by_id.end());
  merges = by_id;
  folder.write("tokenizer.json", document.dump());
  CHECK_THAT(folder.refusal(), Contains("ordered neither by the scores nor by the ids"));
  merges = {"no such"};
  folder.write("tokenizer.json", document.dump());
  CHECK_THAT(folder.refusal(), Contains("merges to \"nosuch\", which tokenizer.model lacks"));
}

TEST_CASE("models with random damage are refused or tokenise", "[text][tokenizer][sentencepiece]") {
  std::ifstream in(tiny / "tokenizer.model", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const scratch_folder folder("damage");
  fs::remove(folder.path / "config.json");
  std::mt19937 random(5);
  std::size_t refused = 0;
  for (int round = 0; round < 150; ++round) {
    std::string bytes = whole;
    for (unsigned k = 0; k <= random() % 4; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    folder.write("tokenizer.model", bytes);
    INFO("round " << round);
    try {
      const tokenizer words(folder.path / "tokenizer.model");
      const auto all = words.encode("A cat </s> and 12 \xF0\x9F\x90\xB1.\n");
      CHECK(std::all_of(all.begin(), all.end(), [&](auto id) { return id >= 0 && id < 700; }));
    } catch (const input_error&) {
      ++refused;
    }
  }
  CHECK(refused > 20);
  CHECK(refused < 150);
}

TEST_CASE("a missing token for the ends of a text is a usage error", "[text][tokenizer]") {
  CHECK_THROWS_AS(tokenizer(fs::path("/nonexistent/tokenizer.model")), input_error);
  const tokenizer words(tiny / "tokenizer.model");
  CHECK(words.pad() == -1);
  CHECK_FALSE(words.image());
}
