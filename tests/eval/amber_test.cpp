// SPDX-License-Identifier: Apache-2.0
/// AMBER: figures equal those of its inference.py over all 15,220 items, with word vectors and without.

#include "eval/eval_world.hpp"

#include <candor/eval/amber.hpp>

#include <array>

using namespace candor_test;

namespace {

/// The answers that golden/make_amber.py gives.
std::vector<json> made_answers() {
  const auto captions = read_lines(shared_data("pope/captions_instructblip.json"));
  std::vector<json> out;
  for (const auto& item : read_json(shared_data("amber/annotations.json"))) {
    const std::uint64_t pick = hash_of("amber " + std::to_string(item.at("id").get<int>()));
    if (item.at("type") == "generative") {
      auto words = item.at("truth").get<std::vector<std::string>>();
      for (const auto& word : item.at("hallu")) words.push_back(word);
      const auto said = [&](int i) { return words[(pick >> 8 * i) % words.size()]; };
      out.push_back(
          {{"id", item.at("id")},
           {"response", captions[pick % captions.size()].at("text").get<std::string>() + ". There is a " +
                            said(0) + ", a " + said(1) + " and some " + said(2) + "s near people."}});
    } else {
      const std::array<const char*, 7> others{"Yes", "No", "Yes", "No", "No.", "yes", ""};
      const char* right = item.at("truth") == "yes" ? "Yes" : "No";
      out.push_back({{"id", item.at("id")}, {"response", pick % 7 < 4 ? right : others[pick / 7 % 7]}});
    }
  }
  return out;
}

json values_of(const candor::figure_row& row) { return row.values; }

json answer(int id, const char* text) { return {{"id", id}, {"response", text}}; }

/// A benchmark of one picture and two questions.
struct small_amber {
  scratch_folder folder;
  small_amber() {
    candor::write_atomically(
        folder / "relation.json",
        R"({"dog": ["puppy", "animal"], "cat": ["animal"], "sky": [], "tree": ["bush"]})");
    candor::write_atomically(folder / "safe_words.txt", "light\n");
    candor::write_atomically(folder / "annotations.json",
                             R"([{"id": 1, "type": "generative", "truth": ["dog", "sky"], "hallu": ["cat"]},
                                 {"id": 2, "type": "discriminative-hallucination", "truth": "no"},
                                 {"id": 3, "type": "relation", "truth": "yes"}])");
  }
  candor::amber_result score(const std::vector<json>& lines,
                             const candor::amber_options& options = {}) const {
    write_lines(folder / "answers.jsonl", lines);
    return candor::score_amber(
        candor::read_amber(folder.path()), candor::read_answers(folder / "answers.jsonl", {"id"}),
        folder / "answers.jsonl", candor::text_tools(), candor::word_vectors(), options);
  }
};

}  // namespace

TEST_CASE("AMBER's figures are those of its own program", "[eval][amber]") {
  if (shared_data("amber/annotations.json").empty()) CANDOR_SKIP("needs amber/ of the optional real data");
  const json expected = read_json(golden("eval/amber.json"));
  const scratch_folder folder;
  candor::write_atomically(folder / "answers.json", json(made_answers()).dump());
  const auto benchmark = candor::read_amber(shared_data("amber/annotations.json").parent_path());
  const auto answers = candor::read_answers(folder / "answers.json", {"id"});
  const candor::text_tools tools(golden("eval/nltk_data"), {.lemmas = true, .tags = true});
  const auto figures_with = [&](const candor::word_vectors& vectors) {
    return candor::amber_figures(
        candor::score_amber(benchmark, answers, folder / "answers.json", tools, vectors));
  };
  const auto all = figures_with(candor::word_vectors(golden("eval/amber_vectors.txt")));
  REQUIRE(all.size() == 3);
  const json& vectors = expected.at("vectors");
  CHECK(values_of(all[0].rows[0]) == vectors.at("Generative Task"));
  const std::array<const char*, 7> sections{
      "Descriminative Task", "Exsitence", "Attribute", "State", "Number", "Action", "Relation"};
  for (std::size_t s = 0; s < sections.size(); ++s) {
    INFO(sections[s]);
    CHECK(values_of(all[1].rows[s]) == vectors.at(sections[s]));
  }
  CHECK(all[0].rows[0].count == 1004);
  CHECK(all[1].rows[0].count == 14216);
  const double chair = vectors.at("Generative Task")[0], f1 = vectors.at("Descriminative Task")[3];
  CHECK(all[2].rows[0].values[0] == Approx((100 - chair + f1) / 2));
  CHECK(values_of(figures_with({})[0].rows[0]) == expected.at("plain").at("Generative Task"));
}

TEST_CASE("AMBER counts objects by their related words", "[eval][amber]") {
  const small_amber world;
  const auto result = world.score(
      {answer(1, "an animal, a puppy, two cats, a bush and a light"), answer(2, "No"), answer(3, "yes")});
  const auto& c = *result.descriptions;
  CHECK(c.nouns == 4);         // animal, puppy, cat, bush; light is in no list
  CHECK(c.hallucinated == 2);  // cat, bush
  CHECK(c.covered == 1);
  CHECK(c.fallen_for == 1);
  CHECK(result.questions[1].rightly_no == 1);
  CHECK(result.questions[5].neither == 1);
  CHECK(result.questions[5].right == 0);
  // One part alone, and answers without ids.
  const auto said = [](const char* text) { return json{{"responses", {text}}}; };
  CHECK_FALSE(world.score({said("No"), said("Yes")}).descriptions.has_value());
  CHECK_FALSE(world.score({said("sky")}).asked);
  CHECK(world.score({said("sky"), said("No"), said("Yes")}).questions[5].right == 1);
  CHECK_THAT(thrown_by([&] {
               world.score({said("a"), said("b"), said("c"), said("d")});
             }),
             contains("4 answers without ids for the 3"));
  CHECK_FALSE(world.score({answer(2, "No"), answer(3, "Yes")}).descriptions.has_value());
  CHECK_FALSE(world.score({answer(1, "sky")}).asked);
}

TEST_CASE("AMBER refuses answers and files that do not fit", "[eval][amber][bad]") {
  const small_amber world;
  CHECK_THAT(thrown_by([&] { world.score({answer(2, "No")}); }),
             contains("1 question of AMBER without an answer"));
  CHECK_THAT(thrown_by([&] {
               world.score({answer(1, "a"), answer(9, "No")});
             }),
             contains("answers.jsonl:2: the id 9 belongs to no question"));
  CHECK(world.score({answer(2, "No")}, {.join = {.partial = true}}).join.missing == 1);
  const auto refusal = [&](const char* file, const std::string& text) {
    const small_amber broken;
    candor::write_atomically(broken.folder / file, text);
    return thrown_by([&] { candor::read_amber(broken.folder.path()); });
  };
  CHECK_THAT(
      refusal("annotations.json", R"([{"id": 1, "type": "generative", "truth": ["cow"], "hallu": []}])"),
      contains("annotations.json:1: [0]") && contains("\"cow\" is not in"));
  CHECK_THAT(refusal("annotations.json", R"([{"id": 1, "type": "odd", "truth": "no"}])"),
             contains("type: AMBER has no type \"odd\""));
  CHECK_THAT(refusal("annotations.json", R"([{"id": 1, "type": "relation", "truth": "No"}])"),
             contains("expected \"yes\" or \"no\", found \"No\""));
  CHECK_THAT(refusal("relation.json", R"({"dog": "puppy"})"), contains("dog: expected an array"));
}

TEST_CASE("Word vectors are read with every line checked", "[eval][amber][bad]") {
  const scratch_folder folder;
  const auto file = folder / "vectors.txt";
  const auto refusal = [&](const char* text) {
    candor::write_atomically(file, text);
    return thrown_by([&] { candor::word_vectors vectors(file); });
  };
  CHECK(refusal("2 3\ndog 1 0 0\ncat 0.6 0.8 0\n").empty());
  const candor::word_vectors vectors(file);
  CHECK(vectors.similarity("dog", "cat") == Approx(0.6));
  CHECK(vectors.similarity("dog", "cow") == 0.0f);
  CHECK(vectors.similarity("cow", "cow") == 1.0f);
  CHECK_THAT(refusal("dog 1 0\ncat 1\n"),
             contains("vectors.txt:2: the word \"cat\" has 1 numbers; expected 2"));
  CHECK_THAT(refusal("dog 1 x\n"), contains("vectors.txt:1: expected a word and its numbers"));
  CHECK_THAT(refusal("dog 1 nan\n"), contains("vectors.txt:1:"));
  CHECK_THAT(refusal(""), contains("no vectors"));
}
