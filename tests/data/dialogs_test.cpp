// SPDX-License-Identifier: Apache-2.0
/// Records whose texts are dialogs: LLaVA's and POVID's conversations, and lists of messages.
#include <candor/core/error.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/io/atomic_file.hpp>

#include "data/turn_words.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <string>
#include <string_view>

using candor::preference_data;
using candor_test::contains;
using candor_test::words_of;

namespace {

/// A folder with the image a.png and a file of records that is a list.
struct dialog_folder {
  candor_test::scratch_folder folder;

  dialog_folder() { candor::write_atomically(folder / "a.png", "picture"); }
  preference_data open(std::string_view records, bool pairs) const {
    candor::write_atomically(folder / "records.json", records);
    return preference_data(folder / "records.json", {.pairs = pairs});
  }
  candor::preference_record one(std::string_view record, bool pairs) const {
    return open(candor::text("[", record, "]"), pairs).record(0);
  }
};

/// {"from": "human" | "gpt", "value"} by turns.
std::string conversation(const std::vector<std::string>& values) {
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i)
    out += candor::text(i > 0 ? ", " : "[", R"({"from": ")", i % 2 == 0 ? "human" : "gpt", R"(", "value": ")",
                        values[i], "\"}");
  return out + "]";
}
/// {"role": "user" | "assistant", "content"} by turns, beginning with the assistant where `answer`.
std::string messages(const std::vector<std::string>& contents, bool answer = false) {
  std::string out;
  for (std::size_t i = 0; i < contents.size(); ++i)
    out += candor::text(i > 0 ? ", " : "[", R"({"role": ")", (i % 2 == 0) != answer ? "user" : "assistant",
                        R"(", "content": ")", contents[i], "\"}");
  return out + "]";
}

}  // namespace

TEST_CASE("LLaVA's conversations are dialogs whose first question is the stem", "[data][dialogs]") {
  const dialog_folder here;
  const auto r =
      here.one(R"({"id": "000000033471", "image": "a.png", "conversations": )" +
                   conversation({"<image>\\nWhat is it?", "A bus.", "Which colour?", "Red and white."}) + "}",
               false);
  CHECK(r.id == "000000033471");
  CHECK(r.question == "<image>\nWhat is it?");
  CHECK(r.chosen == "A bus.");
  CHECK(words_of(r.chosen_later) == "[Which colour?|Red and white.]");
  CHECK(r.earlier.empty());
  CHECK(r.rejected.empty());
  CHECK(r.source == (here.folder / "records.json").string() + ":1: [0]");
  REQUIRE(r.images.size() == 1);
  CHECK(r.images[0].read() == "picture");
}

TEST_CASE("the image's mark comes first, as LLaVA's preprocess_multimodal puts it", "[data][dialogs]") {
  const dialog_folder here;
  const auto question = [&](const std::string& value) {
    return here.one(R"({"image": "a.png", "conversations": )" + conversation({value, "Yes."}) + "}", false)
        .question;
  };
  CHECK(question("What is it?\\n<image>") == "<image>\nWhat is it?");
  CHECK(question(" <image>  Where? ") == "<image>\nWhere?");
  CHECK(question("What <image> is it?") == "<image>\nWhat  is it?");
  CHECK(question("<image>") == "<image>");
  CHECK(question(" No mark. ") == " No mark. ");
}

TEST_CASE("a dialog without an image, a first answer and a last question are taken as LLaVA takes them",
          "[data][dialogs]") {
  const dialog_folder here;
  const auto r = here.one(
      R"({"id": 1, "conversations": [{"from": "gpt", "value": "Hello!"}, {"from": "human", "value": "1+1?"},
      {"from": "gpt", "value": "2"}, {"from": "human", "value": "Thanks"}]})",
      false);
  CHECK(r.images.empty());
  CHECK(r.question == "1+1?");
  CHECK(r.chosen == "2");
  CHECK(r.chosen_later.empty());
}

TEST_CASE("POVID's pairs part at the first answer that differs", "[data][dialogs]") {
  const dialog_folder here;
  const auto pair = [&](const std::vector<std::string>& chosen, const std::vector<std::string>& rejected) {
    return here.one(R"({"image": "a.png", "conversations": )" + conversation(chosen) +
                        R"(, "rejected_conversations": )" + conversation(rejected) + "}",
                    true);
  };
  const auto r = pair({"<image>\\nWhat?", "A cat.", "Where?", "On a mat."},
                      {"<image>\\nWhat?", "A dog.", "Where?", "Outside."});
  CHECK(r.earlier.empty());
  CHECK(r.question == "<image>\nWhat?");
  CHECK(r.chosen == "A cat.");
  CHECK(r.rejected == "A dog.");
  CHECK(words_of(r.chosen_later) == "[Where?|On a mat.]");
  CHECK(words_of(r.rejected_later) == "[Where?|Outside.]");
  CHECK(r.score_earlier);

  const auto second = pair({"What?", "A cat.", "Where?", "On a mat.", "Sure?", "Yes."},
                           {"What?", "A cat.", "Where?", "Outside."});
  CHECK(words_of(second.earlier) == "[What?|A cat.]");
  CHECK(second.question == "Where?");
  CHECK(second.chosen == "On a mat.");
  CHECK(second.rejected == "Outside.");
  CHECK(words_of(second.chosen_later) == "[Sure?|Yes.]");
  CHECK(second.rejected_later.empty());

  CHECK_THROWS_WITH(pair({"What?", "A cat."}, {"What?", "A cat."}),
                    contains("records.json:1: [0]: chosen and rejected are equal"));
  CHECK_THROWS_WITH(pair({"What?", "A cat."}, {"What?", "A cat.", "Where?", "Here."}),
                    contains("is the beginning of the other"));
  CHECK_THROWS_WITH(pair({"What?", "A cat."}, {"Who?", "A dog."}),
                    contains("the user's texts of turn 1 differ"));
  CHECK_THROWS_WITH(
      here.one(R"({"image": "a.png", "conversations": )" + conversation({"What?", "A cat."}) + "}", true),
      contains("the key \"rejected_conversations\" is missing"));
}

TEST_CASE("TRL's messages are pairs, with a prompt or with what both share", "[data][dialogs]") {
  const dialog_folder here;
  const auto explicit_prompt = here.one(
      R"({"images": ["a.png"], "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}],
      "chosen": [{"role": "assistant", "content": [{"type": "text", "text": "A cat."}]}], "rejected": [{"role": "assistant", "content": "A dog."}]})",
      true);
  CHECK(explicit_prompt.question == "<image>\nWhat?");
  CHECK(explicit_prompt.chosen == "A cat.");
  CHECK(explicit_prompt.rejected == "A dog.");
  CHECK(!explicit_prompt.score_earlier);

  const auto shared =
      here.one(R"({"image": "a.png", "chosen": )" + messages({"What?", "A cat.", "Where?", "Here."}) +
                   R"(, "rejected": )" + messages({"What?", "A cat.", "Where?", "There."}) + "}",
               true);
  CHECK(words_of(shared.earlier) == "[What?|A cat.]");
  CHECK(shared.question == "Where?");
  CHECK(shared.chosen == "Here.");
  CHECK(!shared.score_earlier);

  const auto history = here.one(R"({"image": "a.png", "prompt": )" + messages({"What?", "A cat.", "Where?"}) +
                                    R"(, "chosen": )" + messages({"Here.", "Sure?", "Yes."}, true) +
                                    R"(, "rejected": "There."})",
                                true);
  CHECK(words_of(history.earlier) == "[What?|A cat.]");
  CHECK(history.chosen == "Here.");
  CHECK(words_of(history.chosen_later) == "[Sure?|Yes.]");
  CHECK(history.rejected == "There.");
}

TEST_CASE("records for fine-tuning come as messages, prompt and completion, or question and answer",
          "[data][dialogs]") {
  const dialog_folder here;
  const auto list = here.one(
      R"({"images": ["a.png"], "messages": )" + messages({"What?", "A cat.", "Where?", "Here."}) + "}",
      false);
  CHECK(list.question == "What?");
  CHECK(words_of(list.chosen_later) == "[Where?|Here.]");

  const auto completed =
      here.one(R"({"prompt": )" + messages({"What?", "A cat.", "Where?"}) + R"(, "completion": )" +
                   messages({"Here.", "Sure?", "Yes."}, true) + "}",
               false);
  CHECK(words_of(completed.earlier) == "[What?|A cat.]");
  CHECK(completed.question == "Where?");
  CHECK(completed.chosen == "Here.");
  CHECK(words_of(completed.chosen_later) == "[Sure?|Yes.]");

  for (const std::string key : {"answer", "completion", "chosen"}) {
    const auto flat = here.one(
        R"({"image": "a.png", "question": "What?", ")" + key + R"(": "A cat.", "rejected": "A dog."})",
        false);
    CHECK(flat.question == "What?");
    CHECK(flat.chosen == "A cat.");
    CHECK(flat.rejected.empty());
  }
  CHECK(
      here.one(
              R"({"image": "a.png", "text": "{\"question\": \"What?\", \"chosen\": \"A cat.\", \"rejected\": \"A dog.\"}"})",
              false)
          .chosen == "A cat.");
}

TEST_CASE("dialogs that cannot be used are refused with their place", "[data][dialogs]") {
  const dialog_folder here;
  const auto error = [&](const std::string& record) -> std::string {
    try {
      here.open("[\n{\"conversations\": " + conversation({"q", "a"}) + "},\n" + record + "]", false);
    } catch (const candor::input_error& problem) {
      const std::string message = problem.what();
      CHECK(message.starts_with((here.folder / "records.json").string() + ":3"));
      return message;
    }
    return "no error";
  };
  CHECK_THAT(
      error(R"({"conversations": [{"from": "human", "value": "q"}, {"from": "human", "value": "q"}]})"),
      contains("[1]: conversations[1]: two messages of the user follow each other"));
  CHECK_THAT(error(R"({"conversations": [{"from": "human", "value": "q"}]})"),
             contains("no question with an answer"));
  CHECK_THAT(error(R"({"conversations": []})"), contains("conversations: the list is empty"));
  CHECK_THAT(error(R"({"conversations": [{"from": "tool", "value": "q"}]})"),
             contains("the role \"tool\" is not known"));
  CHECK_THAT(error(R"({"messages": [{"role": "system", "content": "Be brief."}]})"),
             contains("has its own system text"));
  CHECK_THAT(error(R"({"messages": [{"role": "user", "content": [{"type": "audio"}]}]})"),
             contains("a part of type \"audio\""));
  CHECK_THAT(error(R"({"messages": [{"role": "user", "content": " "}]})"),
             contains("messages[0].content: the text is empty"));
  CHECK_THAT(error(R"({"messages": [{"content": "q"}]})"), contains("the key \"role\" is missing"));
  CHECK_THAT(
      error(
          R"({"prompt": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "completion": "b"})"),
      contains("the prompt ends with an answer"));
  CHECK_THAT(error(R"({"prompt": "q", "completion": [{"role": "user", "content": "a"}]})"),
             contains("begins with a message of the user"));
  CHECK_THAT(error(R"({"prompt": "q"})"),
             contains("the key \"answer\" is missing; a record needs conversations, messages, or"));
  CHECK_THAT(error(R"({"conversations": )" + conversation({"<image>q", "a"}) + "}"),
             contains("has 1 <image> mark, but there are 0 images"));
  CHECK_THAT(
      error(R"({"image": "a.png", "conversations": )" + conversation({"q", "a", "<image>", "b"}) + "}"),
      contains("stands in an answer or behind the first scored answer"));
}

TEST_CASE("a JSON list is read element by element, whatever its layout", "[data][dialogs]") {
  const dialog_folder here;
  const std::string a = R"({"question": "1, [2] \" \\", "answer": "{"})",
                    b = R"({"question": "]", "answer": "\\"})";
  for (const std::string& records :
       {"[" + a + "," + b + "]", "\n\n [\n  " + a + " ,\n" + b + "\n ]\n", "[" + a + "\n,\r\n" + b + "]  "}) {
    const auto data = here.open(records, false);
    REQUIRE(data.size() == 2);
    CHECK(data.record(0).question == "1, [2] \" \\");
    CHECK(data.record(1).question == "]");
    CHECK(data.record(1).chosen == "\\");
  }
  CHECK_THAT(here.open("[\n" + a + ",\n" + b + "]", false).record(1).source, contains("records.json:3: [1]"));
  CHECK_THROWS_WITH(here.open("[" + a, false), contains("records.json:1: the file ends inside of the list"));
  CHECK_THROWS_WITH(here.open("[" + a + ",", false), contains("its ] is missing"));
  CHECK_THROWS_WITH(here.open("[" + a.substr(0, 9), false), contains("the record of line 1 is not closed"));
  CHECK_THROWS_WITH(here.open("[" + a + ",]", false), contains("an element of the list is missing"));
  CHECK_THROWS_WITH(here.open("[," + a + "]", false), contains("an element of the list is missing"));
  CHECK_THROWS_WITH(here.open("[" + a + "]\n" + a, false),
                    contains("records.json:2: the file goes on after the end of its list"));
  CHECK_THROWS_WITH(here.open("[]", false), contains("no records"));
  CHECK_THROWS_WITH(here.open("[" + a + ", 3]", false),
                    contains("records.json:1: [1]: expected an object, found 3"));
  CHECK_THROWS_WITH(here.open("[" + a + ", {\"a\": }]", false),
                    contains("records.json:1: [1]:1:7: not valid JSON"));
  CHECK_THROWS_WITH(here.open("[" + a + ",\n{\"a\": ]}]", false), contains("records.json:2"));
}

TEST_CASE("of several wrong records the first is named, however many cores check them", "[data][dialogs]") {
  const dialog_folder here;
  std::string lines;
  for (int i = 0; i < 5000; ++i)
    lines += i % 1000 == 999 ? "{\"question\": \"q\"}\n"
                             : R"({"question": "q", "answer": "a"})"
                               "\n";
  for (int repeat = 0; repeat < 20; ++repeat)
    CHECK_THROWS_WITH(here.open(lines, false), contains("records.json:1000: "));
}
