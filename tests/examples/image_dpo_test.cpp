// SPDX-License-Identifier: Apache-2.0
/// The trainer of preferences across images as a user runs it.
#include "examples/trainer_world.hpp"
#include "tools/tool_world.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

const std::vector<std::string> lora{"--lora-r", "2", "--lora-dropout", "0.1"};

struct image_world : trainer_world {
  program_end run_images(const std::string& name, std::vector<std::string> more) const {
    const auto add = [&](const std::string& option, const std::string& value) {
      if (std::find(more.begin(), more.end(), option) == more.end()) more.insert(more.end(), {option, value});
    };
    add("--model", model);
    add("--data", pairs);
    add("--images", images);
    add("--output", scratch / name);
    add("--quiet", "true");
    add("--batch-size", "2");
    add("--max-steps", "4");
    add("--learning-rate", "1e-3");
    add("--threads", "1");
    return run_program("image_dpo", more);
  }
  std::vector<nlohmann::json> trained(const std::string& name, const std::vector<std::string>& more) const {
    const auto end = run_images(name, more);
    INFO(name << ": " << end.err);
    REQUIRE(end.code == 0);
    return read_json_lines(scratch / name / "metrics.jsonl");
  }
  void refused(const std::vector<std::string>& options, const std::string& why, int code = 2) const {
    const auto end = run_images("refused", options);
    INFO(end.err);
    CHECK(end.code == code);
    CHECK_THAT(end.err, contains(why));
    std::filesystem::remove_all(scratch / "refused");
  }
};

std::vector<double> losses_of(const std::vector<nlohmann::json>& lines) {
  std::vector<double> out;
  for (const auto& line : lines) out.push_back(line.at("loss"));
  return out;
}

}  // namespace

TEST_CASE("image_dpo lowers each of its losses and tells whether the image is used",
          "[examples][image_dpo]") {
  const image_world w;
  for (const std::string type : {"mdpo", "v_dpo"}) {
    INFO(type);
    const auto lines = w.trained(type, {"--loss-type", type, "--max-steps", "16", "--learning-rate", "3e-3",
                                        "--batch-size", "3", "--gamma", "1.3"});
    REQUIRE(lines.size() == 16);
    CHECK(lines.back().at("loss").get<double>() < lines.front().at("loss").get<double>());
    CHECK(lines.front().contains("rewards/imageless_margins") == (type == "mdpo"));
    CHECK(lines.back().at("rewards/accuracies").get<double>() == 1.0);
    if (type == "mdpo") {
      CHECK(lines.back().at("rewards/imageless_margins").get<double>() > 0);
      CHECK(lines.back().at("rewards/imageless_accuracies").get<double>() == 1.0);
    }
    CHECK(std::filesystem::exists(w.scratch / type / "model/model.safetensors"));
  }
}

TEST_CASE("image_dpo adds the chosen answer's negative log-likelihood", "[examples][image_dpo]") {
  const image_world w;
  for (const std::string type : {"mdpo", "chip"}) {
    INFO(type);
    std::vector<std::string> options{"--loss-type", type, "--max-steps", "1"};
    if (type == "chip")
      options.insert(options.end(), {"--segment-weight", "1", "--reference-source", "each-step",
                                     "--reference-model", w.model});
    const auto alone = w.trained(type, options).front(),
               both = w.trained(type + "-sft", joined(options, {"--sft-weight", "0.2"})).front();
    CHECK(both.at("loss").get<double>() - alone.at("loss").get<double>() ==
          Approx(-0.2 * both.at("logps/chosen").get<double>()).epsilon(1e-4));
  }
}

TEST_CASE("the reference is the same from the cache and in each step", "[examples][image_dpo]") {
  const image_world w;
  for (const std::string type : {"mdpo", "v_dpo"}) {
    const auto options =
        joined(lora, {"--loss-type", type, "--epochs", "3", "--distortion", "diffusion,stage=normalised"});
    const auto cached = losses_of(w.trained(type + "-cache", options));
    for (const std::string source : {"adapters-off", "each-step"}) {
      INFO(type << " " << source);
      const auto found = losses_of(w.trained(type + source, joined(options, {"--reference-source", source})));
      REQUIRE(found.size() == cached.size());
      for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(cached[i]).epsilon(1e-5));
      CHECK_FALSE(std::filesystem::exists(w.scratch / (type + source) / "reference.safetensors"));
    }
    // Another draw of the noise in the second epoch, or the first one again.
    const auto same = losses_of(w.trained(type + "-same", joined(options, {"--fresh-distortion", "false"})));
    CHECK(same.front() == Approx(cached.front()).epsilon(1e-6));
    CHECK(same.back() != Approx(cached.back()).epsilon(1e-5));
  }
}

TEST_CASE("image_dpo goes on bit for bit where it was stopped", "[examples][image_dpo]") {
  const image_world w;
  const auto options = joined(lora, {"--max-steps", "6", "--eval-fraction", "0.34", "--eval-steps", "2"});
  const auto whole = w.trained("whole", joined(options, {"--save-steps", "2", "--save-total-limit", "0"}));
  CHECK(std::count_if(whole.begin(), whole.end(),
                      [](const auto& line) { return line.contains("eval_rewards/imageless_margins"); }) == 3);
  const auto begun =
      w.run_images("resumed", joined(options, {"--save-steps", "2", "--save-total-limit", "0"}));
  REQUIRE(begun.code == 0);
  for (const char* later : {"checkpoint-4", "checkpoint-6", "adapter"})
    std::filesystem::remove_all(w.scratch / "resumed" / later);
  const auto resumed = w.trained(
      "resumed", joined(options, {"--save-steps", "2", "--save-total-limit", "0", "--resume", "auto"}));
  CHECK(resumed == whole);
  const auto bytes = [&](const char* run) {
    return candor::read_file(w.scratch / run / "adapter/adapter_model.safetensors");
  };
  CHECK(bytes("whole") == bytes("resumed"));
  // Other pixels are another run.
  const auto other = w.run_images("resumed", joined(options, {"--save-steps", "2", "--save-total-limit", "0",
                                                              "--resume", "auto", "--distortion", "mean"}));
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains("image variants"));
}

TEST_CASE("records with a second image and with a third answer reach their losses", "[examples][image_dpo]") {
  const image_world w;
  std::string two;  // picture 0 shows the red circle, the others the blue square
  for (const char* other : {"1", "2"})
    two += candor::text(
        R"({"images": ["0.png", ")", other,
        R"(.png"], "question": "what is there ?", "chosen": "a red circle .", "rejected": "a blue )",
        R"(square ."})", "\n");
  candor::write_atomically(w.scratch / "two.jsonl", two);
  const auto lines = w.trained("sym_mpo", {"--loss-type", "sym_mpo", "--data", w.scratch / "two.jsonl",
                                           "--max-steps", "12", "--learning-rate", "3e-3"});
  CHECK(lines.back().at("loss").get<double>() < lines.front().at("loss").get<double>());
  CHECK(lines.back().contains("rewards/imageless_margins"));
  w.refused({"--loss-type", "sym_mpo"}, "pairs.jsonl:1: the record has 1 images; expected two", 3);
  w.refused({"--loss-type", "opa_dpo"}, "the record has 2 answers, but this objective compares 3", 3);
}

TEST_CASE("a dry run of image_dpo shows the stems of both images", "[examples][image_dpo][dry-run]") {
  const image_world w;
  const auto end = w.run_images("dry", {"--dry-run"});
  INFO(end.out << end.err);
  REQUIRE(end.code == 0);
  CHECK_FALSE(std::filesystem::exists(w.scratch / "dry"));
  const auto first = end.out.find("(image, 4 tokens)"), second = end.out.find("(image, 4 tokens)", first + 1);
  CHECK(second < end.out.find("pairs.jsonl:2"));
  CHECK(end.out.find("rejected") < second);
  CHECK_THAT(end.out.substr(second, end.out.find("pairs.jsonl:2") - second),
             contains("chosen") && !contains("rejected"));
}

TEST_CASE("image_dpo refuses what cannot be meant", "[examples][image_dpo]") {
  const image_world w;
  w.refused({"--loss-type", "dpo"}, "--loss-type dpo is unknown");
  w.refused({"--distortion", "blur"}, "blur");
  w.refused({"--distortion-step", "700"}, "--distortion-step is of diffusion, but --distortion is crop");
  w.refused({"--reference-source", "each-step"}, "--reference each-step needs a model to run");
  w.refused({"--reference-source", "never"}, "use cache, adapters-off or each-step");
}
