// SPDX-License-Identifier: Apache-2.0
/// CHAIR, classic and refined, and Object HalBench: figures and hallucinated words of 2,000 captions equal
/// those of the benchmarks' own scorers.

#include "eval/coco_world.hpp"

#include <candor/eval/chair.hpp>

#include <unordered_set>

using namespace candor_test;

namespace {

struct scored {
  candor::chair_counts counts;
  std::string wrong_digest;
};

template <class Find>
scored score(const std::vector<json>& told, const candor::coco_truth& truth, Find find) {
  scored out;
  std::vector<std::string> wrong;
  for (const auto& line : told) {
    const auto id = std::to_string(line.at("image_id").get<int>());
    const std::string caption = line.at("text");
    const auto verdict = out.counts.add(id, caption, find(caption), truth.at(id));
    std::string words;
    for (const auto& m : verdict.hallucinated) words += (words.empty() ? "" : ",") + m.word;
    wrong.push_back(id + ":" + words);
  }
  std::sort(wrong.begin(), wrong.end());
  std::string all;
  for (const auto& line : wrong) all += (all.empty() ? "" : "\n") + line;
  out.wrong_digest = std::to_string(hash_of(all));
  return out;
}

void check_refined(const scored& s, const json& expected) {
  const auto& c = s.counts;
  CHECK(c.captions == expected.at("captions"));
  CHECK(c.chair_s() == Approx(expected.at("CHAIRs").get<double>()).epsilon(1e-12));
  CHECK(c.chair_s_refined() == Approx(expected.at("CHAIRs_refine").get<double>()).epsilon(1e-12));
  CHECK(c.chair_i() == Approx(expected.at("CHAIRi").get<double>()).epsilon(1e-12));
  CHECK(c.recall() == Approx(expected.at("obj_rec").get<double>()).epsilon(1e-12));
  CHECK(c.mean_words() == Approx(expected.at("avg_word_len").get<double>()).epsilon(1e-12));
  CHECK(c.with_mentions == expected.at("coco_sentence_num").get<double>());
  CHECK(c.found == expected.at("coco_word_count").get<double>());
  CHECK(c.objects == expected.at("gt_word_count").get<double>());
  CHECK(s.wrong_digest == expected.at("wrong digest"));
}

std::vector<std::string> objects_of(const std::vector<candor::object_mention>& mentions) {
  std::vector<std::string> out;
  for (const auto& m : mentions) out.push_back(m.object);
  return out;
}

}  // namespace

TEST_CASE("CHAIR's figures are those of its own scorer and of RLAIF-V's", "[eval][chair]") {
  const auto told = coco_captions();
  if (told.empty()) CANDOR_SKIP("needs pope/ and chair/ of the optional real data");
  const json expected = read_json(golden("eval/chair.json"));
  const candor::text_tools tools(golden("eval/nltk_data"), {.lemmas = true, .tags = true});
  const scratch_folder folder;
  write_coco_annotations(folder.path(), told);
  std::unordered_set<std::string> images;
  for (const auto& line : told) images.insert(std::to_string(line.at("image_id").get<int>()));

  SECTION("classic") {
    const candor::coco_objects words(shared_data("chair/synonyms.txt"), candor::coco_rules::classic);
    const candor::object_finder find(words, tools, candor::coco_rules::classic);
    const auto in_caption = [&](std::string_view text) { return find.in_caption(text); };
    const auto truth = candor::read_coco_annotations(folder.path(), images, words, in_caption);
    const auto s = score(told, truth, in_caption);
    CHECK(s.counts.captions == expected.at("classic").at("captions"));
    CHECK(s.counts.chair_s() == Approx(expected.at("classic").at("CHAIRs").get<double>()).epsilon(1e-12));
    CHECK(s.counts.chair_i() == Approx(expected.at("classic").at("CHAIRi").get<double>()).epsilon(1e-12));
    CHECK(s.wrong_digest == expected.at("classic").at("wrong digest"));

    candor::write_coco_truth(folder / "truth.jsonl", truth);
    CHECK(candor::read_coco_truth(folder / "truth.jsonl", words) == truth);
  }
  SECTION("refined, and Object HalBench with a judge's lists") {
    const candor::coco_objects words(shared_data("chair/synonyms_refine.txt"), candor::coco_rules::refined);
    const candor::object_finder find(words, tools, candor::coco_rules::refined);
    const auto in_caption = [&](std::string_view text) { return find.in_caption(text); };
    const auto truth = candor::read_coco_annotations(folder.path(), images, words, in_caption);
    check_refined(score(told, truth, in_caption), expected.at("refined"));
    const auto in_list = [&](const std::string& text) { return find.in_list(listed_objects(text)); };
    check_refined(score(told, truth, in_list), expected.at("listed"));
  }
}

TEST_CASE("Objects are found as CHAIR finds them", "[eval][chair]") {
  const scratch_folder folder;
  candor::write_atomically(folder / "synonyms.txt",
                           "person, man, baby\nelephant\nhot dog\ntoilet\nchair, seat\ntie, bow\nbus\ntrain\n"
                           "wine glass, glass of wine\n");
  const candor::coco_objects words(folder / "synonyms.txt", candor::coco_rules::classic);
  const candor::text_tools tools;
  const candor::object_finder find(words, tools, candor::coco_rules::classic);
  using names = std::vector<std::string>;
  const auto objects = [&](const char* text) { return objects_of(find.in_caption(text)); };
  CHECK(objects("A man, a Baby elephant and two men.") == names{"person", "elephant", "person"});
  CHECK(objects("hot dogs on a toilet seat") == names{"hot dog", "toilet"});
  CHECK(objects("the seat of the toilet") == names{"toilet"});
  CHECK(objects("wine glasses, a bow tie, a passenger train") == names{"wine glass", "tie", "train"});
  CHECK(objects("a bus and three buses") == names{"bus"});  // the scorer takes "bus" for a plural
  CHECK(objects("").empty());
  CHECK(find.in_answer("a man sits").empty());
  CHECK(objects_of(find.in_answer("a man sits, a man stands, a baby lies")) == names{"person", "person"});
  CHECK(objects_of(find.in_list(names{"hot dogs", "young man", "chair leg", "man"})) ==
        names{"hot dog", "person"});

  candor::chair_counts counts;
  const auto verdict =
      counts.add("7", "a man in a seat", find.in_caption("a man in a seat"), {"person", "bus"});
  CHECK(counts.chair_i() == 0.5);
  CHECK(counts.recall() == 0.5);
  CHECK(json::parse(candor::verdict_json(verdict)) ==
        json::parse(R"({"image_id": "7", "caption": "a man in a seat", "CHAIRs": 1, "CHAIRi": 0.5,
                        "mscoco_hallucinated_words": [["seat", "chair"]],
                        "mscoco_generated_words": [["man", "person"], ["seat", "chair"]]})"));
}

TEST_CASE("Bad lists and annotations are refused by name", "[eval][chair][bad]") {
  const scratch_folder folder;
  candor::write_atomically(folder / "synonyms.txt", "\n");
  CHECK_THAT(thrown_by([&] { candor::coco_objects(folder / "synonyms.txt", candor::coco_rules::refined); }),
             contains("3: ") && contains("synonyms.txt: no names"));
  candor::write_atomically(folder / "synonyms.txt", "dog\ncat\n");
  const candor::coco_objects words(folder / "synonyms.txt", candor::coco_rules::refined);
  const auto none = [](std::string_view) { return std::vector<candor::object_mention>(); };
  const auto refusal = [&] {
    return thrown_by([&] { candor::read_coco_annotations(folder.path(), {"1"}, words, none); });
  };
  CHECK_THAT(refusal(), contains("no file instances_*.json"));
  candor::write_atomically(
      folder / "instances_val.json",
      R"({"images": [{"id": 1}], "annotations": [{"image_id": 1, "category_id": 3}], "categories": []})");
  CHECK_THAT(refusal(), contains("no file captions_*.json"));
  candor::write_atomically(folder / "captions_val.json", "{}");
  CHECK_THAT(refusal(), contains("the category 3 of the image 1 is not in the list"));
  candor::write_atomically(
      folder / "instances_val.json",
      R"({"images": [], "annotations": [{"image_id": 1, "category_id": 3}], "categories": [{"id": 3, "name": "car"}]})");
  CHECK_THAT(refusal(), contains("the category \"car\" is not in the list of synonyms"));
  candor::write_atomically(folder / "instances_val.json", R"({"images": [{"id": 1)");
  CHECK_THAT(refusal(), contains("instances_val.json:1:"));
  candor::write_atomically(folder / "truth.jsonl", R"({"image_id": 1, "objects": ["dog", "car"]})");
  CHECK_THAT(thrown_by([&] { candor::read_coco_truth(folder / "truth.jsonl", words); }),
             contains("truth.jsonl:1: objects[1]: the object \"car\""));
}
