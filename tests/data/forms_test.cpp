// SPDX-License-Identifier: Apache-2.0
/// The forms of the field's records, by what each one publishes: tests/data/golden/forms.
#include <candor/core/error.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/io/atomic_file.hpp>

#include "data/turn_words.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <cmath>
#include <string>
#include <string_view>

using candor::preference_data;
using candor::record_form;
using candor_test::contains;
using candor_test::words_of;

namespace {

/// A folder with the images a.png and b.png, and records.
struct form_folder {
  candor_test::scratch_folder folder;

  form_folder() {
    candor::write_atomically(folder / "a.png", "first");
    candor::write_atomically(folder / "b.png", "second");
  }
  preference_data golden(const std::string& name, candor::data_options options = {}) const {
    options.images = folder.path();
    return preference_data(candor_test::golden("data/forms/" + name), options);
  }
  preference_data open(std::string_view record, candor::data_options options = {}) const {
    candor::write_atomically(folder / "records", record);
    return preference_data(folder / "records", options);
  }
  std::string error_of(std::string_view record, const candor::data_options& options = {}) const {
    try {
      open(record, options);
    } catch (const candor::input_error& problem) {
      CHECK(std::string_view(problem.what()).starts_with((folder / "records").string() + ":1"));
      return problem.what();
    }
    return "no error";
  }
};

std::string images_of(const candor::preference_record& r) {
  std::string out;
  for (const auto& image : r.images) out += image.file().filename().string() + " ";
  return out;
}

}  // namespace

TEST_CASE("VLFeedback's ratings become a pair for each two answers with unequal means", "[data][forms]") {
  const form_folder here;
  const auto data = here.golden("vlfeedback.jsonl");
  // Means 4, 5, none, 4 of the first record; the second's 8/3 and 5; the third's are equal.
  REQUIRE(data.size() == 3);
  CHECK(data.without_pair() == 1);
  CHECK(data.skipped().empty());
  const auto first = data.record(0), second = data.record(1), third = data.record(2);
  CHECK(first.form == record_form::vlfeedback);
  CHECK(first.id == "svit-1021-1-0");
  CHECK(first.question == "What is the man doing?");
  CHECK(first.chosen == "A man sits on a bench and reads a newspaper.");
  CHECK(first.rejected == "A man walks his dog.");
  CHECK(first.margin == 1.0);
  CHECK(images_of(first) == "a.png ");
  CHECK_THAT(first.source, contains("vlfeedback.jsonl:1: completions 1 and 0"));
  CHECK(second.id == "svit-1021-1-3");
  CHECK(second.rejected == "He sits.");
  CHECK(third.id == "svit-1022-1-0");
  CHECK(third.chosen == "There are two cups.");
  CHECK(third.margin == Approx(5.0 - 8.0 / 3.0));

  CHECK(here.golden("vlfeedback.jsonl", {.ladder = {.min_gap = 1.5}}).size() == 1);
  CHECK(here.golden("vlfeedback.jsonl", {.ladder = {.max_pairs = 1}}).size() == 2);
  // Faithfulness alone is readable for three answers of the first record: 3, 5, 1 and 4 are all unequal.
  const auto faithful =
      here.golden("vlfeedback.jsonl", {.ladder = {.weights = {{"Visual Faithfulness", 1.0}}}});
  CHECK(faithful.size() == 7);
  CHECK_THROWS_WITH(here.golden("vlfeedback.jsonl", {.ladder = {.min_gap = 5}}),
                    contains("no record has a pair"));

  const auto answers = here.golden("vlfeedback.jsonl", {.pairs = false});
  REQUIRE(answers.size() == 2);
  CHECK(answers.record(0).chosen == first.chosen);
  CHECK(answers.record(0).rejected.empty());
}

TEST_CASE("a malformed VLFeedback record is refused", "[data][forms]") {
  const form_folder here;
  const auto error = [&](const std::string& completions) {
    return here.error_of(R"({"img_path": "a.png", "prompt": "q", "completions": )" + completions + "}");
  };
  CHECK_THAT(error(R"({"response": ["a", "b"], "annotations": [{"H": 1}]})"),
             contains("completions: there are 2 responses, but 1 annotations"));
  CHECK_THAT(error(R"({"annotations": []})"), contains("completions: the key \"response\" is missing"));
  CHECK_THAT(error(R"([{"response": "a", "annotations": {"H": {"Score": 1}}}])"),
             contains("annotations.H: the key \"Rating\" is missing"));
  CHECK_THAT(error(R"([{"response": 3, "annotations": {"H": 1}}])"),
             contains("completions[0].response: expected a string"));
  CHECK_THAT(
      here.error_of(
          R"({"img_path": "a.png", "completions": [{"response": "a", "annotations": {"H": 1}}, {"response": "b", "annotations": {"H": 2}}]})"),
      contains("the key \"prompt\" is missing"));
  // Blank and equal answers are in no pair.
  CHECK_THROWS_WITH(
      here.open(
          R"({"img_path": "a.png", "prompt": "q", "completions": [{"response": "a", "annotations": {"H": 1}}, {"response": " ", "annotations": {"H": 2}}, {"response": "a", "annotations": {"H": "3"}}]})"),
      contains("no record has a pair"));
}

TEST_CASE("LLaVA-RLHF's outputs replace the last answer, the preferred one is chosen", "[data][forms]") {
  const form_folder here;
  const auto data = here.golden("llava_rlhf.json");
  REQUIRE(data.size() == 2);
  const auto first = data.record(0), second = data.record(1);
  CHECK(first.form == record_form::llava_rlhf);
  CHECK(words_of(first.earlier) == "[<image>\nWhat is on the plate?|A slice of pizza.]");
  CHECK(first.question == "Does it look fresh?");
  CHECK(first.chosen == "Yes, its cheese is still melted.");
  CHECK(first.rejected == "Yes, it is steaming and a waiter brings it.");
  CHECK(!first.score_earlier);
  CHECK(second.chosen == "It lies on the sofa.");
  CHECK(second.question == "<image>\nWhere is the cat?");
  const std::string begin =
      R"({"image": "a.png", "conversations": [{"from": "human", "value": "q"}], "output_1": {"value": "a"}, )";
  CHECK(here.open(begin + R"("output_2": {"value": "b"}, "preference": 2})").record(0).chosen == "b");
  CHECK_THAT(here.error_of(begin + R"("output_2": {"value": "b"}, "preference": 0})"),
             contains("preference: expected an integer from 1 to 2, found 0"));
  CHECK_THAT(here.error_of(begin + R"("output_2": {"value": "b"}})"), contains("\"preference\" is missing"));
  CHECK_THAT(here.error_of(begin + R"("preference": 1})"), contains("\"output_2\" is missing"));
  CHECK_THAT(here.error_of(begin + R"("output_2": {"value": "a"}, "preference": 1})"),
             contains("chosen and rejected are equal"));
}

TEST_CASE("LLaMA-Factory's records are dialogs or instructions with two answers", "[data][forms]") {
  const form_folder here;
  const auto data = here.golden("llama_factory_sharegpt.json");
  const auto first = data.record(0), second = data.record(1);
  CHECK(first.form == record_form::llama_factory);
  CHECK(first.question ==
        "<image>What are the key features you observe in the image?");  // its mark stays in place
  CHECK(first.chosen == "A young man standing on stage wearing a white shirt and black pants.");
  CHECK(images_of(second) == "a.png b.png ");
  CHECK(words_of(second.earlier) == "[<image><image>Which of the two is brighter?|The second.]");
  CHECK(second.rejected == "It shows a lamp.");

  const auto alpaca = here.golden("llama_factory_alpaca.json").record(0);
  CHECK(alpaca.question == "<image>Describe the picture.\nUse one sentence.");
  CHECK(words_of(alpaca.earlier) == "[Hello!|Hello, show me a picture.]");
  CHECK(alpaca.rejected == "Two children and their dog build a sand castle.");

  CHECK_THAT(
      here.error_of(
          R"({"images": ["a.png"], "instruction": "q", "chosen": "a", "rejected": "b", "system": "Be kind."})"),
      contains("system: a system text is not read"));
  CHECK_THAT(here.error_of(R"({"images": ["a.png"], "instruction": "q", "chosen": "a"})"),
             contains("\"rejected\" is missing"));
  CHECK_THAT(
      here.error_of(
          R"({"images": ["a.png"], "instruction": "q", "history": [["a"]], "chosen": "a", "rejected": "b"})"),
      contains("history[0]: expected a question with its answer, found 1 texts"));
  CHECK_THAT(
      here.error_of(
          R"({"images": ["a.png"], "conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "a"}, "rejected": {"from": "human", "value": "b"}})"),
      contains("rejected: begins with a message of the user"));
  CHECK(
      here.open(R"({"instruction": "", "input": "q", "output": "a"})", {.pairs = false}).record(0).question ==
      "q");
}

TEST_CASE("ms-swift's rejected response stands for the last answer", "[data][forms]") {
  const form_folder here;
  const auto data = here.golden("ms_swift.jsonl");
  REQUIRE(data.size() == 3);
  const auto first = data.record(0), second = data.record(1), third = data.record(2);
  CHECK(first.form == record_form::ms_swift);
  CHECK(images_of(first) == "a.png b.png ");
  CHECK(first.chosen == "The first one is a kitten, and the second one is a puppy.");
  CHECK(first.rejected == "Both are kittens.");
  CHECK(words_of(second.earlier) == "[<image>What is it?|A kitten.]");
  CHECK(second.rejected == "Grey with red shoes.");
  CHECK(third.question == "<image>Where is it?");
  CHECK(words_of(third.earlier) == "[Hi|Hi, what shall I look at?]");
  CHECK(third.rejected == "In a basket on a bicycle.");
  CHECK_THAT(
      here.error_of(
          R"({"images": ["a.png"], "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})"),
      contains(
          "the key \"rejected_response\" is missing; a record needs images, messages and rejected_response"));
  CHECK_THAT(
      here.error_of(
          R"({"images": ["a.png"], "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "q"}], "rejected_response": "b"})"),
      contains("messages: the dialog ends with a question"));
}

TEST_CASE("two images for one text are a pair where they are asked for", "[data][forms]") {
  const form_folder here;
  const auto data = here.golden("v_dpo.json", {.image_pairs = true});
  const auto first = data.record(0), second = data.record(1);
  CHECK(first.form == record_form::v_dpo);
  CHECK(images_of(first) == "a.png b.png ");
  CHECK(first.question == "<image>\nWhat colour is the bus?");
  CHECK(first.chosen == "The bus is red.");
  CHECK(first.rejected.empty());
  CHECK(second.form == record_form::povid);
  CHECK(second.rejected == "The bus is blue.");
  CHECK_THROWS_WITH(here.golden("v_dpo.json"), contains("\"rejected_conversations\" is missing"));

  const candor::data_options asked{.image_pairs = true};
  const auto swift = here.open(
      R"({"images": ["a.png"], "rejected_images": ["b.png"], "messages": [{"role": "user", "content": "<image>q"}, {"role": "assistant", "content": "a"}]})",
      asked);
  CHECK(images_of(swift.record(0)) == "a.png b.png ");
  CHECK_THAT(here.error_of(R"({"image": "a.png", "question": "q", "answer": "a"})", asked),
             contains("no rejected answer and 1 image; expected two images"));
  CHECK_THAT(
      here.error_of(R"({"image": ["a.png", "b.png", "a.png"], "question": "q", "answer": "a"})", asked),
      contains("no rejected answer and 3 images"));
  CHECK_THAT(here.error_of(R"({"image": ["a.png", "a.png"], "question": "q", "answer": "a"})", asked),
             contains("both images are the same"));

  candor::fingerprint with, without;
  const std::string pair =
      R"({"image": ["a.png", "b.png"], "question": "q", "chosen": "a", "rejected": "b"})";
  here.open(pair, asked).add_to(with);
  here.open(pair).add_to(without);
  CHECK(candor::first_difference(with, without) == "pairs");
}

TEST_CASE("every form is known by its keys", "[data][forms]") {
  const form_folder here;
  const auto form = [&](const std::string& file, std::int64_t i = 0) {
    return here.golden(file).record(i).form;
  };
  CHECK(form("rlhf_v.jsonl", 0) == record_form::rlhf_v);
  CHECK(form("rlhf_v.jsonl", 1) == record_form::packed_rlhf_v);
  CHECK(form("trl.jsonl", 0) == record_form::trl);
  CHECK(form("trl.jsonl", 1) == record_form::trl);
  CHECK(form("povid.json") == record_form::povid);
  CHECK(form("llama_factory_alpaca.json") == record_form::llama_factory);
  const auto answer = [&](std::string_view record) {
    return here.open(record, {.pairs = false}).record(0).form;
  };
  CHECK(answer(R"({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]})") ==
        record_form::llava);
  CHECK(
      answer(R"({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})") ==
      record_form::messages);
  CHECK(answer(R"({"question": "q", "answer": "a"})") == record_form::answer);
  CHECK(name_of(record_form::povid) == "POVID");
}

TEST_CASE("margins and further answers are read where a record has them", "[data][forms]") {
  const form_folder here;
  const auto trl = here.golden("trl.jsonl");
  CHECK(trl.record(0).margin == 2.5);
  CHECK(trl.record(1).margin == 0.25);
  CHECK(std::isnan(here.golden("povid.json").record(0).margin));
  CHECK(here.golden("opa_dpo.jsonl").record(0).others == std::vector<std::string>{"A cat on a sofa."});
  CHECK(trl.record(0).others.empty());
  const std::string pair = R"({"image": "a.png", "question": "q", "chosen": "a", "rejected": "b", )";
  CHECK(here.open(pair + R"("others": ["c", "d"]})").record(0).others == std::vector<std::string>{"c", "d"});
  CHECK_THAT(here.error_of(pair + R"("revised": " "})"), contains("revised: the text is empty"));
  CHECK_THAT(here.error_of(pair + R"("score_chosen": "8", "score_rejected": 1})"),
             contains("score_chosen: expected a number"));
}
