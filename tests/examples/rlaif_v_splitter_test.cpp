// SPDX-License-Identifier: Apache-2.0
/// RLAIF-V with a language model that divides and asks: the round's own, another folder's, a server's.

#include "examples/rlaif_v_world.hpp"
#include "feedback/http_server.hpp"
#include "tools/tool_world.hpp"

#include <candor/feedback/http.hpp>
#include <candor/feedback/questions.hpp>

using namespace candor_test;

namespace {

/// A tiny model, two pictures, and RLAIF-V's first stages on them.
struct splitter_world : tool_world {
  std::filesystem::path instructions = scratch / "instructions.jsonl";

  splitter_world() {
    candor::write_atomically(instructions, R"({"image": "0.png", "question": "describe the picture ."})"
                                           "\n"
                                           R"({"image": "1.png", "question": "what is in the middle ?"})"
                                           "\n");
  }
  program_end stages(const std::string& folder, const arguments& more) const {
    return run_program("rlaif_v", joined({"--model",
                                          model,
                                          "--data",
                                          instructions,
                                          "--images",
                                          images,
                                          "--output",
                                          scratch / folder,
                                          "--rounds",
                                          "1",
                                          "--instructions",
                                          "0",
                                          "--samples",
                                          "3",
                                          "--temperature",
                                          "1",
                                          "--max-new-tokens",
                                          "8",
                                          "--quiet",
                                          "true",
                                          "--resume",
                                          "auto",
                                          "--stages",
                                          "generate",
                                          "split",
                                          "ask"},
                                         more));
  }
  std::filesystem::path round(const std::string& folder) const { return scratch / folder / "round-1"; }
};

bool same_files(const std::filesystem::path& a, const std::filesystem::path& b, const char* name) {
  return candor::read_file(a / name) == candor::read_file(b / name);
}

std::vector<std::string> texts_of(const json& row, const char* key) {
  return row.value(key, json::array()).get<std::vector<std::string>>();
}

}  // namespace

TEST_CASE("RLAIF-V's round divides and asks by its own model, or by another folder's",
          "[examples][rlaif_v][splitter]") {
  const splitter_world w;
  const auto own = w.stages("own", {"--splitter", "policy"});
  INFO(own.err);
  REQUIRE(own.code == 0);
  const auto rows = read_json_lines(w.round("own") / "questions.jsonl");
  REQUIRE(rows.size() == 6);

  std::size_t claims = 0;
  for (const auto& row : rows) {
    CHECK(texts_of(row, "changed_facts").size() == texts_of(row, "facts").size());
    claims += texts_of(row, "facts").size();
  }
  CHECK(claims > 0);

  const auto same = w.stages("same", {"--splitter", w.model});
  INFO(same.err);
  REQUIRE(same.code == 0);
  CHECK(same_files(w.round("same"), w.round("own"), "questions.jsonl"));
  write_tiny_llava(w.scratch / "divider", {.seed = 5});
  const auto other = w.stages("other", {"--splitter", w.scratch / "divider"});
  INFO(other.err);
  REQUIRE(other.code == 0);
  CHECK(same_files(w.round("other"), w.round("own"), "candidates.jsonl"));
  CHECK_FALSE(same_files(w.round("other"), w.round("own"), "claims.jsonl"));

  // A stage that was stopped goes on with the same model only.
  std::filesystem::remove(w.round("own") / "claims.jsonl");
  const auto refused = w.stages("own", {"--splitter", w.scratch / "divider"});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("splitter: "));
}

TEST_CASE("RLAIF-V refuses a splitter that cannot be used before it samples",
          "[examples][rlaif_v][splitter]") {
  const splitter_world w;
  const auto refused = [&](const arguments& given, int code, const std::string& why) {
    const auto end = w.stages("none", given);
    CHECK(end.code == code);
    CHECK_THAT(end.err, contains(why));
    CHECK_FALSE(std::filesystem::exists(w.round("none") / "candidates.jsonl"));
  };
  refused({"--splitter", "grammar"}, 2,
          "--splitter grammar is unknown: use rules, policy, a model's folder, or the URL of a server");
  refused({"--splitter", "http://localhost:1/v1/chat/completions"}, 2, "needs --splitter-model");
}

TEST_CASE("RLAIF-V's splitter on a server: what it leaves out, and where it falls silent",
          "[examples][rlaif_v][splitter]") {
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
  const splitter_world w;
  std::mutex guard;
  int limit = 3, divided = 0;
  const http_server server([&](int, const http_seen& request) {
    const std::lock_guard hold(guard);
    const auto body = json::parse(request.body);
    CHECK(body["model"] == "divider");
    const auto prompt = body["messages"][0]["content"].back()["text"].get<std::string>();
    CHECK(request.body.find("image_url") == std::string::npos);  // it sees no picture
    if (limit == 0) return http_answer("no more today", "410 Gone");
    --limit;
    std::string text = "### Modified sentences:\n- Is there a sun?\n";  // one question, whatever is asked
    if (prompt.find("### Answer:") != std::string::npos)
      text = ++divided % 3 == 0 ? "I cannot help with that"
                                : "### Facts:\n- There is a sun.\n2) There is a boat.\n\n";
    return http_answer(
        json{{"choices", {{{"message", {{"content", text}}}, {"finish_reason", "stop"}}}}}.dump());
  });
  const arguments by{"--splitter", server.url(), "--splitter-model", "divider", "--in-flight", "1"};
  const auto silent = w.stages("served", by);
  CHECK(silent.code == 5);
  CHECK_THAT(silent.err, contains("status 410: no more today"));
  CHECK_FALSE(std::filesystem::exists(w.round("served") / "claims.jsonl"));
  limit = 1000;
  divided = 0;
  const auto end = w.stages("served", by);
  INFO(end.err);
  REQUIRE(end.code == 0);
  const auto rows = read_json_lines(w.round("served") / "questions.jsonl");
  REQUIRE(rows.size() == 6);
  int whole = 0;
  for (const auto& row : rows) {
    if (texts_of(row, "facts").size() != 2) continue;
    ++whole;
    CHECK(texts_of(row, "facts") == std::vector<std::string>{"There is a sun.", "There is a boat."});
    // The claim without a question of the server's has the rules' one.
    CHECK(texts_of(row, "changed_facts") ==
          std::vector<std::string>{"Is there a sun?", candor::polar_question("There is a boat.")});
  }
  CHECK(whole == 4);
  CHECK(divided == 6);
}

TEST_CASE("RLAIF-V samples in contrast with distorted pictures", "[examples][rlaif_v][contrast]") {
  const splitter_world w;
  const auto candidates = [&](const std::string& folder, const arguments& more) {
    const auto end = w.stages(folder, more);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return candor::read_file(w.round(folder) / "candidates.jsonl");
  };
  const arguments strong{"--contrast-alpha", "30", "--contrast-beta", "0"};
  const auto plain = candidates("plain", {});
  CHECK(candidates("itself", joined(strong, {"--distortion", "rotation,degrees=0..0"})) == plain);
  CHECK(candidates("black", joined(strong, {"--distortion", "black"})) != plain);
  CHECK_THAT(candor::read_file(w.round("black") / "made_with/generate.json"), contains("black"));
  const auto served =
      w.stages("served", joined(strong, {"--sampler", "http://127.0.0.1:1/v1", "--sampler-model", "m"}));
  CHECK(served.code == 2);
  CHECK_THAT(served.err, contains("a server gives no logits to contrast"));
}
