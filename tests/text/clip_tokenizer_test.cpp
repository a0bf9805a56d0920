// SPDX-License-Identifier: Apache-2.0
// CLIP's tokenizer gives the ids of transformers' CLIPTokenizer, from either form of its files.
#include "support/catch.hpp"

#include <candor/core/error.hpp>
#include <candor/text/clip_tokenizer.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using candor_test::contains;
using candor_test::golden;

namespace {

nlohmann::json json_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE(file.good());
  return nlohmann::json::parse(file);
}

/// A folder that goes with the object.
struct folder {
  std::filesystem::path path;
  explicit folder(const std::string& name)
      : path(std::filesystem::temp_directory_path() / ("candor_clip_" + name)) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path / name) << content;
  }
};

}  // namespace

TEST_CASE("ids of captions and odd strings equal transformers' CLIPTokenizer", "[text][clip][golden]") {
  const auto rows = json_of(golden("text/tokenizer_clip.json"))["rows"];
  REQUIRE(rows.size() > 600);
  const candor::clip_tokenizer whole(golden("model/clip")), parts(golden("model/clip_gelu"));
  CHECK(whole.size() == 673);
  CHECK(whole.content_hash() != parts.content_hash());
  int different = 0;
  for (const auto& row : rows) {
    const auto text = row[0].get<std::string>();
    const auto wanted = row[1].get<std::vector<std::int32_t>>();
    INFO(row[0].dump());
    CHECK(whole.encode(text, 77) == wanted);
    CHECK(parts.encode(text, 77) == wanted);
    different += wanted.size() == 77;
  }
  CHECK(different > 1);  // some are cut
}

TEST_CASE("a text that is too long keeps its begin and its end", "[text][clip]") {
  const candor::clip_tokenizer words(golden("model/clip"));
  const auto all = words.encode("a red kite near the river", 77);
  REQUIRE(all.size() > 5);
  auto cut = all;
  cut.erase(cut.begin() + 3, cut.end() - 1);
  CHECK(words.encode("a red kite near the river", 4) == cut);
  CHECK(words.encode("a", 2) == std::vector<std::int32_t>{words.bos(), words.eos()});
  CHECK_THROWS_AS(words.encode("a", 1), candor::usage_error);
}

TEST_CASE("a very long word takes no more than its merges", "[text][clip]") {
  const candor::clip_tokenizer words(golden("model/clip"));
  CHECK(words.encode(std::string(200'000, 'a'), 300'000).size() > 2);
}

TEST_CASE("files of another tokenizer, and damaged ones, are refused with their place", "[text][clip]") {
  const auto message = [](const folder& f) {
    try {
      const candor::clip_tokenizer words(f.path);
    } catch (const candor::input_error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const folder empty("empty"), llama("llama"), no_merge("no_merge"), line("line");
  CHECK_THAT(message(empty), contains("neither tokenizer.json nor vocab.json is there"));
  auto document = json_of(golden("model/clip/tokenizer.json"));
  auto other = document;
  other["normalizer"] = nullptr;
  llama.write("tokenizer.json", other.dump());
  CHECK_THAT(message(llama), contains("CLIP's is") && contains("NFC Replace Lowercase"));
  other = document;
  other["model"]["merges"][3] = {"qqq", "q"};
  no_merge.write("tokenizer.json", other.dump());
  CHECK_THAT(message(no_merge), contains("merge 3 of") && contains("not in the vocabulary"));
  line.write("vocab.json", document["model"]["vocab"].dump());
  line.write("merges.txt", "#version: 0.2\nt h\nrubbish\n");
  CHECK_THAT(message(line), contains("merges.txt:3: expected two parts"));
}
