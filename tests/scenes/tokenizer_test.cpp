// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/io/atomic_file.hpp>

#include <scenes/claims.hpp>
#include <scenes/tokenizer.hpp>
#include <scenes/world_text.hpp>

#include <sentencepiece_processor.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace {

const std::filesystem::path shipped = candor_test::examples_folder() / "scenes/base";

struct processor : sentencepiece::SentencePieceProcessor {
  explicit processor(const std::filesystem::path& folder) {
    REQUIRE(LoadFromSerializedProto(candor::read_file(folder / "tokenizer.model")).ok());
  }
  std::vector<std::string> pieces() const {
    std::vector<std::string> out;
    for (int i = 0; i < GetPieceSize(); ++i) out.push_back(IdToPiece(i));
    return out;
  }
};

nlohmann::json read_json(const std::filesystem::path& path) {
  return nlohmann::json::parse(candor::read_file(path));
}

}  // namespace

TEST_CASE("the shipped tokenizer is the one that make_tokenizer makes", "[scenes][tokenizer]") {
  const candor_test::scratch_folder scratch;
  const auto& folder = scratch.path();
  const auto report = scenes::write_tokenizer(folder);
  const auto expected = processor(shipped).pieces();
  CHECK(processor(folder).pieces() == expected);
  CHECK(report.pieces == static_cast<int>(expected.size()));
  CHECK(report.image_id == report.pieces);
  CHECK(report.pad_id == report.pieces + 1);
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}) {
    INFO(name);
    CHECK(candor::read_file(folder / name) == candor::read_file(shipped / name));
  }
}

TEST_CASE("the tokenizer is laid out as LLaMA's", "[scenes][tokenizer]") {
  const processor tokenizer(shipped);
  CHECK(tokenizer.unk_id() == 0);
  CHECK(tokenizer.bos_id() == 1);
  CHECK(tokenizer.eos_id() == 2);
  CHECK(tokenizer.GetPieceSize() < 200);  // the head has a row a piece
  const auto added = read_json(shipped / "added_tokens.json");
  CHECK(added["<image>"] == tokenizer.GetPieceSize());
  CHECK(added["<pad>"] == tokenizer.GetPieceSize() + 1);
  CHECK(read_json(shipped / "tokenizer_config.json")["tokenizer_class"] == "LlamaTokenizer");
}

TEST_CASE("every word of the world is one piece", "[scenes][tokenizer]") {
  const processor tokenizer(shipped);
  for (const auto& names :
       {std::vector<std::string>(scenes::kind_names.begin(), scenes::kind_names.end()),
        std::vector<std::string>(scenes::colour_names.begin(), scenes::colour_names.end()),
        {"top", "bottom", "left", "right", "middle", "Yes", "No", "Nothing"}})
    for (const auto& name : names) {
      INFO(name);
      CHECK(tokenizer.PieceToId("\u2581" + name) != tokenizer.unk_id());
    }
  // Scenes that it was not trained on. Behind an image comes the lone space, then the new line.
  for (const auto& sentence : scenes::world_text(500, 77)) {
    std::vector<std::string> said;
    REQUIRE(tokenizer.Encode(sentence, &said).ok());
    INFO(sentence);
    const std::size_t count = scenes::words(sentence).size();
    if (sentence[0] == '\n') {
      REQUIRE(said.size() == count + 2);
      CHECK(said[0] == "\u2581");
      CHECK(said[1] == "\n");
    } else {
      REQUIRE(said.size() == count);
    }
    std::string back;
    REQUIRE(tokenizer.Decode(said, &back).ok());
    CHECK(back == sentence);
  }
}
