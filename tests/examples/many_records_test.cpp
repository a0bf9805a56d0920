// SPDX-License-Identifier: Apache-2.0
/// Training starts within seconds on files of many records, and in memory that does not grow with them.
#include "examples/trainer_world.hpp"

#include <cstdio>

using namespace candor_test;

namespace {

struct many_world : trainer_world {
  /// Writes `count` records, each made of its number, and trains for two steps.
  template <class Line>
  program_end two_steps(const std::string& program, int count, Line line,
                        std::vector<std::string> more = {}) const {
    candor::atomic_file file(pairs);
    for (int i = 0; i < count; ++i) file.write(line(i) + "\n");
    file.commit();
    more.insert(more.end(), {"--model", model, "--data", pairs, "--images", images, "--output",
                             scratch / candor::text(program, count), "--max-steps", "2", "--batch-size", "2",
                             "--quiet", "true"});
    const auto end = run_program(program, more);
    INFO(end.err);
    REQUIRE(end.code == 0);
    std::printf("%s, %6d records, %.0f MB: %.2f s of the processor, %.0f MiB\n", program.c_str(), count,
                static_cast<double>(std::filesystem::file_size(pairs)) * 1e-6, end.seconds, end.peak);
    return end;
  }
};

/// In seconds of the processor, since others may use the machine.
void check_start(const program_end& few, const program_end& many) {
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(many.seconds < 5);
  CHECK(many.peak - few.peak < 24);  // MiB; indices and orders: some hundred bytes a record
#else
  CHECK(many.seconds - few.seconds < 60);
#endif
}

std::string dialog(int i) {
  static const std::string words(400, 'w');
  return candor::text(R"({"image": ")", i % 3, R"(.png", "conversations": [{"from": "human", )",
                      R"("value": "<image>\nwhat is there ?"}, {"from": "gpt", "value": ")", words, i,
                      R"("}]})");
}

std::string pair(int i) {
  static const std::string words(200, 'w');
  return candor::text(R"({"image": ")", i % 3, R"(.png", "question": "what is there ?", "chosen": ")", words,
                      i, R"(", "rejected": ")", words, " no ", i, R"("})");
}

/// As VLFeedback has them: four answers with three ratings each, and why, in 5 KB.
std::string rated(int i) {
  static const std::string words(280, 'w');
  const char* aspects[] = {"Helpfulness", "Ethical Considerations", "Visual Faithfulness"};
  std::string annotations, responses;
  for (int k = 0; k < 4; ++k) {
    std::string ratings;
    for (int a = 0; a < 3; ++a)
      ratings += candor::text(a > 0 ? ", \"" : "\"", aspects[a], R"(": {"Rating": ")", 1 + (i + k + a) % 5,
                              R"(", "Rationale": ")", words, "\"}");
    annotations += (k > 0 ? ", {" : "{") + ratings + "}";
    responses += candor::text(k > 0 ? ", \"" : "\"", "answer ", k, " of ", i, " ", words, "\"");
  }
  return candor::text(R"({"id": "s)", i, R"(", "prompt": "what is there ?", "img_path": ")", i % 3,
                      R"(.png", "models": ["a", "b", "c", "d"], "completions": {"annotations": [)",
                      annotations, R"(], "model": ["a", "b", "c", "d"], "response": [)", responses, "]}}");
}

const std::vector<std::string> at_once{"--reference", "adapters-off", "--lora-r", "2"};

}  // namespace

TEST_CASE("fine-tuning on a file of 80,000 dialogs starts within 5 seconds and in little memory",
          "[examples][sft][many]") {
  const many_world w;
  check_start(w.two_steps("sft", 2000, dialog), w.two_steps("sft", 80'000, dialog));
}

TEST_CASE("training on a file of 80,000 pairs starts within 5 seconds and in little memory",
          "[examples][dpo][many]") {
  const many_world w;
  check_start(w.two_steps("dpo", 2000, pair, at_once), w.two_steps("dpo", 80'000, pair, at_once));
}

TEST_CASE("training on 100 MB of VLFeedback starts within 5 seconds and in little memory",
          "[examples][dpo][many]") {
  const many_world w;
  check_start(w.two_steps("dpo", 1000, rated, at_once), w.two_steps("dpo", 20'000, rated, at_once));
}
