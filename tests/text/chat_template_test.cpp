// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/text/chat_template.hpp>

#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace candor;
using Catch::Matchers::Contains;
using ids = std::vector<std::int32_t>;
namespace fs = std::filesystem;

namespace {

const fs::path tiny_model = candor_test::golden("text/tiny");

std::vector<turn> turns_of(const nlohmann::json& row) {
  std::vector<turn> out;
  for (const auto& t : row) out.push_back({t[0], t[1]});
  return out;
}
tokenizer with_rule(const fs::path& model, const std::string& rule) {
  const auto pieces = static_cast<std::int32_t>(tokenizer(model).size());
  return tokenizer(model, {.added = {{pieces, "<image>"}, {pieces + 1, "<pad>"}},
                           .prefix = rule == "E"   ? prefix_rule::each
                                     : rule == "U" ? prefix_rule::each_unless_space
                                                   : prefix_rule::first_unless_space,
                           .merges = rule == "E" ? merge_order::by_score : merge_order::by_id});
}

void compare_with_golden(const fs::path& model, const std::string& golden) {
  const auto document = nlohmann::json::parse(std::ifstream(candor_test::golden("text/" + golden)));
  std::size_t compared = 0;
  for (const std::string rule : {"u", "U", "E"}) {
    const auto words = with_rule(model, rule);
    for (const auto& row : document.at("dialogs")) {
      const auto format = chat_template::named(row.at("template").get<std::string>());
      const auto turns = turns_of(row.at("turns"));
      INFO("rule " << rule << ", " << row.at("turns").dump());
      REQUIRE(format.render(turns) == row.at("text"));
      const auto dialog = format.encode(words, turns, row.at("images"));
      const ids expected = row.at("ids").at(rule);
      REQUIRE(dialog.ids() == expected);
      ids labels(expected.size(), -100);
      for (const auto& span : row.at("scored").at(rule))
        for (std::size_t i = span[0]; i < span[1]; ++i) labels[i] = expected[i];
      REQUIRE(dialog.labels() == labels);
      REQUIRE(dialog.images() == row.at("images"));
      ++compared;
    }
    for (const auto& row : document.at("llava_hf")) {
      if (row.at("rule") != rule) continue;
      INFO("rule " << rule << ", llava_hf, " << row.at("text").dump());
      const auto format = chat_template::named("llava_hf");
      const auto prompt = format.encode_prompt(words, {}, row.at("user"), row.at("images"));
      REQUIRE(prompt.ids() == row.at("ids").get<ids>());
      ++compared;
    }
  }
  CHECK(compared >= 40);
}

struct template_folder {
  candor_test::scratch_folder scratch;
  fs::path path = scratch.path();
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path / name) << content;
  }
};

}  // namespace

TEST_CASE("ids and labels equal LLaVA's joint tokenisation, over the tiny model", "[text][template]") {
  compare_with_golden(tiny_model / "tokenizer.model", "templates_tiny.json");
}

TEST_CASE("ids and labels equal LLaVA's joint tokenisation, over the LLaMA model", "[text][template]") {
  const auto model = candor_test::shared_data("llama/tokenizer.model");
  if (model.empty()) CANDOR_SKIP("llama/tokenizer.model is absent");
  compare_with_golden(model, "templates_llama.json");
}

TEST_CASE("prompt and answer alternate and are marked", "[text][template]") {
  const tokenizer words(tiny_model);
  const chat_template format(chat_template::kind::vicuna_v1);
  const std::vector<turn> turns{{"What?", "A cat."}, {"Sure?", "Yes."}};
  const auto dialog = format.encode(words, turns, 1);
  REQUIRE(dialog.segments.size() == 4);
  CHECK_FALSE(dialog.segments[0].answer);
  CHECK(dialog.segments[1].answer);
  CHECK(dialog.segments[0].ids.front() == words.bos());
  CHECK(dialog.segments[1].ids.back() == words.eos());
  CHECK(words.decode(dialog.segments[1].ids, true) == "A cat.");
  CHECK(words.decode(dialog.segments[3].ids, true) == "Yes.");
  CHECK(dialog.images() == 1);
  CHECK(dialog.length(576) == dialog.ids().size() + 575);
  // The question stands between what belongs to the template.
  const auto& last = dialog.segments[2];
  const ids question(last.ids.begin() + static_cast<std::ptrdiff_t>(last.head),
                     last.ids.end() - static_cast<std::ptrdiff_t>(last.tail));
  CHECK(words.decode(question) == "Sure?");
  CHECK(words.decode(ids(last.ids.end() - static_cast<std::ptrdiff_t>(last.tail), last.ids.end())) ==
        "ASSISTANT:");
}

TEST_CASE("branches share one prompt and equal the dialogs one by one", "[text][template]") {
  const tokenizer words(tiny_model);
  const std::vector<turn> earlier{{"<image>\nWhat?", "A cat."}};
  const std::vector<std::string> answers{"Yes.", "\nNo.", "2", "\xE7\x8C\xAB", "\xF0\x9F\x90\xB1", ""};
  for (const auto k :
       {chat_template::kind::vicuna_v1, chat_template::kind::llava_v1, chat_template::kind::llava_hf}) {
    const chat_template format(k);
    const auto branches = format.encode_branches(words, earlier, "Sure?", answers, 1);
    CHECK(branches.stem.ids() == format.encode_prompt(words, earlier, "Sure?", 1).ids());
    REQUIRE(branches.answers.size() == answers.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      auto turns = earlier;
      turns.push_back({"Sure?", answers[i]});
      auto joined = branches.stem.ids();
      joined.insert(joined.end(), branches.answers[i].ids.begin(), branches.answers[i].ids.end());
      CHECK(joined == format.encode(words, turns, 1).ids());
    }
  }
}

TEST_CASE("branches that go on equal the dialogs one by one", "[text][template]") {
  const tokenizer words(tiny_model);
  const std::vector<turn> earlier{{"<image>\nWhat?", "A cat."}};
  const std::vector<dialog_path> paths{
      {"Yes.", {{"Why?", "\nIt purrs."}, {"3?", "2"}}}, {"No.", {}}, {"2", {{" Is it?", ""}}}};
  for (const auto k :
       {chat_template::kind::vicuna_v1, chat_template::kind::llava_v1, chat_template::kind::llava_hf}) {
    const chat_template format(k);
    const auto branches = format.encode_branches(words, earlier, "Sure?", paths, 1);
    REQUIRE(branches.later.size() == paths.size());
    for (std::size_t i = 0; i < paths.size(); ++i) {
      auto turns = earlier;
      turns.push_back({"Sure?", paths[i].answer});
      turns.insert(turns.end(), paths[i].later.begin(), paths[i].later.end());
      auto path = branches.stem;
      path.segments.push_back(branches.answers[i]);
      path.segments.insert(path.segments.end(), branches.later[i].begin(), branches.later[i].end());
      const auto whole = format.encode(words, turns, 1);
      CHECK(path.segments == whole.segments);
      CHECK(path.labels() == whole.labels());
    }
  }
  const std::vector<dialog_path> marked{{"Yes.", {{"And <image>?", "No."}}}};
  CHECK_THROWS_AS(
      chat_template(chat_template::kind::vicuna_v1).encode_branches(words, {}, "Sure?", marked, 1),
      input_error);
}

TEST_CASE("an image without a mark is put before the first question", "[text][template]") {
  const tokenizer words(tiny_model);
  const chat_template format(chat_template::kind::vicuna_v1);
  CHECK(format.encode_prompt(words, {}, "What?", 1).ids() ==
        format.encode_prompt(words, {}, "<image>\nWhat?", 1).ids());
  CHECK(format.encode_prompt(words, {}, "What?", 2).images() == 2);
  CHECK(format.encode_prompt(words, {}, "What?", 0).images() == 0);
}

TEST_CASE("marks and images that differ in number are refused with both numbers", "[text][template]") {
  const tokenizer words(tiny_model);
  const chat_template format(chat_template::kind::vicuna_v1);
  const std::vector<turn> two{{"<image><image> Compare.", "Same."}};
  CHECK_THROWS_WITH(
      format.encode(words, two, 1, "pairs.jsonl:7"),
      "pairs.jsonl:7: the text has 2 <image> marks, but there is 1 image; give one mark for each image, or "
      "none");
  CHECK_THROWS_AS(format.encode(words, two, 1), input_error);
  CHECK_THROWS_WITH(format.encode_prompt(words, {}, "<image> a", 0),
                    Contains("has 1 <image> mark, but there are 0"));
  const std::vector<turn> in_answer{{"What?", "An <image>."}};
  CHECK_THROWS_WITH(format.encode(words, in_answer, 1), Contains("an answer holds an <image> mark"));
  const std::vector<std::string> answers{"<image>"};
  CHECK_THROWS_AS(format.encode_branches(words, {}, "What?", answers, 1), input_error);
  CHECK_THROWS_AS(format.encode(words, {}, 0), input_error);
}

TEST_CASE("a piece across the end of the prompt is refused", "[text][template]") {
  // <unk>, <s>, </s>, single characters, and ":" joined with the space and "x" after it.
  std::string model;
  const auto piece = [&](const std::string& text, char kind) {
    model += std::string("\x0A") + static_cast<char>(text.size() + 4) + "\x0A" +
             static_cast<char>(text.size()) + text + "\x18" + kind;
  };
  piece("<unk>", 2);
  piece("<s>", 3);
  piece("</s>", 3);
  for (const char c : std::string(":xASINTUERachtbewnuridlgs.'fpov,W?")) piece(std::string(1, c), 1);
  const std::string space = "\xE2\x96\x81";
  piece(space, 1);
  piece(":" + space, 1);
  model += std::string("\x12\x02\x18\x02", 4);
  const template_folder folder;
  folder.write("tokenizer.model", model);
  const tokenizer words(folder.path);
  const std::vector<turn> turns{{"W?", "x"}};
  CHECK_THROWS_WITH(chat_template(chat_template::kind::llava_hf).encode(words, turns, 0, "a.jsonl:1"),
                    Contains("a.jsonl:1: ") && Contains("have no boundary"));
}

TEST_CASE("auto finds the template of a folder", "[text][template]") {
  const template_folder folder;
  const auto found = [&] { return chat_template::of_folder(folder.path).name(); };
  CHECK(chat_template::of_folder(tiny_model).name() == "llava_hf");
  CHECK(chat_template::of_folder(tiny_model, "llava_v1").name() == "llava_v1");
  for (const std::string name : {"vicuna_v1", "llava_v1", "llava_hf"}) {
    const auto jinja = chat_template::named(name).jinja();
    folder.write("chat_template.jinja", jinja + "\n");
    CHECK(found() == name);
  }
  // chat_template.jinja comes before chat_template.json, that before tokenizer_config.json.
  folder.write("chat_template.json",
               nlohmann::json{{"chat_template", chat_template::named("vicuna_v1").jinja()}}.dump());
  CHECK(found() == "llava_hf");
  fs::remove(folder.path / "chat_template.jinja");
  CHECK(found() == "vicuna_v1");
  folder.write("chat_template.json", "{}");
  folder.write("tokenizer_config.json",
               nlohmann::json{{"chat_template", chat_template::named("llava_v1").jinja()}}.dump());
  CHECK(found() == "llava_v1");
  fs::remove(folder.path / "chat_template.json");
  folder.write("tokenizer_config.json", "{}");
  folder.write("config.json", R"({"model_type": "llava_llama", "architectures": ["LlavaLlamaForCausalLM"]})");
  CHECK(found() == "vicuna_v1");
}

TEST_CASE("an unknown or missing template is refused with what to do", "[text][template]") {
  const template_folder folder;
  folder.write("config.json", R"({"model_type": "llava"})");
  CHECK_THROWS_WITH(chat_template::of_folder(folder.path),
                    Contains("has no chat template") && Contains("vicuna_v1"));
  folder.write("chat_template.jinja", "{{ 'Question: ' + messages[0] }}");
  CHECK_THROWS_WITH(chat_template::of_folder(folder.path),
                    Contains("chat_template.jinja: ") && Contains("{{ 'Question: ' + messages[0] }}"));
  CHECK_THROWS_AS(chat_template::of_folder(folder.path), input_error);
  CHECK_THROWS_AS(chat_template::of_folder(folder.path, "chatml"), usage_error);
  CHECK(chat_template::of_folder(folder.path, "llava_hf").name() == "llava_hf");
  fs::remove(folder.path / "chat_template.jinja");
  folder.write("chat_template.json", "{\"chat_template\": 3}");
  CHECK_THROWS_WITH(chat_template::of_folder(folder.path),
                    Contains("chat_template.json") && Contains("a string"));
}
