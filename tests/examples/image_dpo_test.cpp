// SPDX-License-Identifier: Apache-2.0
/// The trainer of preferences across images as a user runs it.
#include "examples/trainer_world.hpp"
#include "tools/tool_world.hpp"

#include "support/file_opens.hpp"

#include <candor/image/distortion.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

using namespace candor_test;

namespace {

const std::vector<std::string> lora{"--lora-r", "2", "--lora-dropout", "0.1"};

struct image_world : trainer_world {
  program_end run_images(const std::string& name, const std::vector<std::string>& more) const {
    return run_program("image_dpo",
                       completed(more, {"--output", scratch / name, "--quiet", "true", "--batch-size", "2",
                                        "--max-steps", "4", "--learning-rate", "1e-3", "--threads", "1"}));
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

TEST_CASE("image_dpo reads each picture once an epoch where the reference runs in each step",
          "[examples][image_dpo]") {
  const image_world w;
  const auto reads = [&](const std::string& name, const std::vector<std::string>& more) {
    const file_opens opens(w.images);
    w.trained(name, joined(more, {"--epochs", "2", "--max-steps", "0", "--batch-size", "3"}));
    return opens.count();
  };
  constexpr int records = 3, epochs = 2;
  // Each epoch's own crop: a cache would have a row for each.
  CHECK(reads("auto", lora) == records * epochs);
  CHECK_FALSE(std::filesystem::exists(w.scratch / "auto/reference.safetensors"));
  CHECK(reads("off", joined(lora, {"--reference", "adapters-off"})) == records * epochs);
  CHECK(reads("second", {"--reference-model", w.model}) == records * epochs);
  CHECK_FALSE(std::filesystem::exists(w.scratch / "second/reference.safetensors"));
  // From a cache: read once more, before the first step, for the draws of all epochs.
  CHECK(reads("cache", joined(lora, {"--reference", "cache"})) == records * (1 + epochs));
  CHECK(reads("whole", {}) == records * (1 + epochs));  // all weights move, and there is no second model
  CHECK(reads("one", {"--fresh-distortion", "false"}) == records * (1 + epochs));
  CHECK(reads("mean", joined(lora, {"--distortion", "mean"})) == records * (1 + epochs));
  CHECK(std::filesystem::exists(w.scratch / "mean/reference.safetensors"));
}

TEST_CASE("the reference is the same from the cache and in each step", "[examples][image_dpo]") {
  const image_world w;
  for (const std::string type : {"mdpo", "v_dpo"}) {
    const auto options =
        joined(lora, {"--loss-type", type, "--epochs", "3", "--distortion", "diffusion,stage=normalised"});
    const auto cached = losses_of(w.trained(type + "-cache", joined(options, {"--reference", "cache"})));
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
  const auto other =
      w.run_images("resumed", joined(options, {"--save-steps", "2", "--save-total-limit", "0", "--resume",
                                               "auto", "--distortion", "diffusion"}));
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains("(distortion: distorted diffusion"));
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

  std::string revised;
  for (int i = 0; i < 3; ++i)
    revised += candor::text(R"({"image": ")", i,
                            R"(.png", "question": "what is there ?", "chosen": "a red circle .", )",
                            R"("rejected": "a blue square .", "revised": "a red square ."})", "\n");
  candor::write_atomically(w.scratch / "revised.jsonl", revised);
  const auto opa = w.trained("opa_dpo", {"--loss-type", "opa_dpo", "--data", w.scratch / "revised.jsonl",
                                         "--max-steps", "12", "--learning-rate", "3e-3"});
  // l(0) of two preferences, two anchors, and w_i of two images.
  CHECK(opa.front().at("loss").get<double>() == Approx(4.4 * 0.693147).epsilon(1e-5));
  CHECK(opa.back().at("loss").get<double>() < 0.8 * opa.front().at("loss").get<double>());
  CHECK(opa.back().at("rewards/accuracies").get<double>() == 1.0);
  CHECK(opa.back().contains("rewards/imageless_margins"));
}

TEST_CASE("v_dpo learns which of two images an answer is true of", "[examples][image_dpo]") {
  const image_world w;
  std::string lines;
  for (const auto& [own, other, answer] :
       {std::tuple{0, 1, "a red circle ."}, {1, 0, "a blue square ."}, {2, 0, "a green tree"}})
    lines += candor::text(R"({"images": [")", own, R"(.png", ")", other,
                          R"(.png"], "question": "what is there ?", "chosen": ")", answer, R"("})", "\n");
  candor::write_atomically(w.scratch / "contrast.jsonl", lines);
  const std::vector<std::string> contrast{"--loss-type", "v_dpo",  "--image-contrast",
                                          "true",        "--data", w.scratch / "contrast.jsonl"};
  // Without guidance the margin is that of the log-ratios, and the policy begins as the reference.
  const auto plain = w.trained("plain", joined(contrast, {"--gamma", "1", "--max-steps", "1"}));
  CHECK(plain.front().at("loss").get<double>() == Approx(0.693147).epsilon(1e-5));
  const auto found = w.trained(
      "contrast", joined(contrast, {"--max-steps", "24", "--learning-rate", "3e-3", "--batch-size", "3"}));
  CHECK(found.back().at("loss").get<double>() < found.front().at("loss").get<double>());
  CHECK(found.back().at("rewards/accuracies").get<double>() == 1.0);
  CHECK(found.back().at("rewards/imageless_accuracies").get<double>() == 1.0);
  const auto biased =
      w.trained("biased", joined(contrast, {"--gamma", "1", "--bias-weight", "0.5", "--max-steps", "1"}));
  CHECK(biased.front().at("loss").get<double>() == Approx(1.5 * 0.693147).epsilon(1e-5));
  w.refused({"--loss-type", "mdpo", "--image-contrast", "true"}, "--image-contrast is v_dpo's");
  w.refused({"--loss-type", "v_dpo", "--image-contrast", "true"}, "the record has 1 images; expected two", 3);
}

TEST_CASE("records that a loss over images cannot use are left out where that is asked for",
          "[examples][image_dpo][bad]") {
  const image_world w;
  const auto check = [&](const std::string& type, const std::string& good, const std::string& reason) {
    INFO(type);
    const auto data = w.scratch / (type + ".jsonl");
    candor::write_atomically(data, pair_lines + good + "\n" + good + "\n");
    const std::vector<std::string> options{"--loss-type", type, "--data", data};
    w.refused(options, type + ".jsonl:1: " + reason, 3);
    const auto end = w.run_images(type, joined(options, {"--skip-bad-records"}));
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK_THAT(end.err, contains("3 records are left out; the first is " + data.string() + ":1: " + reason));
    CHECK(read_json_lines(w.scratch / type / "skipped_records.jsonl").size() == 3);
    CHECK(std::filesystem::exists(w.scratch / type / "model/model.safetensors"));
  };
  check(
      "sym_mpo",
      R"({"images": ["0.png", "1.png"], "question": "what ?", "chosen": "a circle", "rejected": "a square"})",
      "the record has 1 images; expected two");
  check(
      "opa_dpo",
      R"({"image": "0.png", "question": "what ?", "chosen": "a circle", "rejected": "a dog", "revised": "a star"})",
      "the record has 2 answers, but this objective compares 3");
}

TEST_CASE("a run of image_dpo goes on with its own token weight", "[examples][image_dpo]") {
  const image_world w;
  const auto options = joined(lora, {"--loss-type", "chip", "--max-steps", "2", "--save-steps", "1"});
  w.trained("chip", options);  // the reference runs in each step, without being told
  const auto end = w.run_images("chip", joined(options, {"--token-weight", "0.2", "--resume", "auto"}));
  INFO(end.err);
  CHECK(end.code == 2);
  CHECK_THAT(end.err, contains("this checkpoint was made with other data or options"));
}

TEST_CASE("a run of image_dpo that goes on names the distortion that differs", "[examples][image_dpo]") {
  const image_world w;
  const auto options = joined(lora, {"--max-steps", "2", "--save-steps", "1"});
  w.trained("mdpo", options);
  // With black the reference would come from a cache; that is not what the user has changed.
  const auto end = w.run_images("mdpo", joined(options, {"--distortion", "black", "--resume", "auto"}));
  INFO(end.err);
  CHECK(end.code == 2);
  CHECK_THAT(end.err, contains("(distortion: distorted black") && contains(", was distorted crop"));
}

TEST_CASE("the distortions of image_dpo's README are read as they stand there",
          "[examples][image_dpo][readme]") {
  std::istringstream readme(candor::read_file(examples_folder() / "image_dpo/README.md"));
  std::vector<std::string> named;
  bool section = false;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("## ")) section = line == "## The other image";
    if (!section || !line.starts_with("| `")) continue;
    const auto cell = line.substr(2, line.find(" |", 2) - 2);  // of the table's first column
    for (auto at = cell.find('`'); at != cell.npos;) {
      const auto end = cell.find('`', at + 1);
      named.push_back(cell.substr(at + 1, end - at - 1));
      at = cell.find('`', end + 1);
    }
  }
  CHECK(named.size() == 10);
  std::set<candor::distortion_kind> kinds;
  for (const auto& name : named) {
    INFO(name);
    if (name == "second") continue;  // no distortion: the record's second image
    CHECK_NOTHROW(kinds.insert(candor::distortion_from(name).kind));
  }
  CHECK(kinds.size() == 9);
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
  w.refused({"--reference-source", "never"}, "use auto, cache, adapters-off or each-step");
}
