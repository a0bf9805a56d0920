// SPDX-License-Identifier: Apache-2.0
/// POVID's stages on a tiny model: what each begins with, what is left of a run that was begun otherwise, and
/// the inject stage on records that it cannot use.

#include "examples/trainer_world.hpp"
#include "feedback/http_server.hpp"
#include "tools/tool_world.hpp"

#include <candor/core/fingerprint.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/feedback/http.hpp>

#include "povid/presets.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

using arguments = std::vector<std::string>;

struct stages_world : trainer_world {
  std::filesystem::path answers = scratch / "answers.jsonl";

  stages_world() { write_answers("a red circle"); }

  /// Three pictures with a question and an answer; the first answer is given.
  void write_answers(const std::string& first, const std::string& more = "") const {
    candor::write_atomically(
        answers,
        R"({"image": "0.png", "question": "what is there ?", "answer": ")" + first +
            R"("})"
            "\n"
            R"({"image": "1.png", "question": "what is there ?", "answer": "there is a blue square in the middle"})"
            "\n"
            R"({"image": "2.png", "question": "where ?", "answer": "a green tree stands left of the house"})"
            "\n" +
            more);
  }
  /// Three steps a stage with adapters, of which the first warms up from 0; what `options` do not name.
  program_end povid(const arguments& options) const {
    return run_program(
        "povid", completed(options, {"--resume", "auto", "--lora-r", "2", "--batch-size", "2", "--max-steps",
                                     "3", "--learning-rate", "1e-2", "--threads", "1", "--quiet", "true"}));
  }
  void done(const arguments& options) const {
    const auto end = povid(options);
    INFO(end.out << end.err);
    REQUIRE(end.code == 0);
  }
  void refused(const arguments& options, int code, const arguments& parts) const {
    const auto end = povid(options);
    INFO(end.out << end.err);
    CHECK(end.code == code);
    for (const auto& part : parts) CHECK_THAT(end.err, contains(part));
  }
  std::string weights(const std::string& stage) const {
    return candor::hash_file(output / stage / "merged/model.safetensors");
  }
};

/// A server that adds a dog to each answer.
std::string with_a_dog(const http_seen& request) {
  const auto content = json::parse(request.body)["messages"][0]["content"];
  const auto prompt = content.back()["text"].get<std::string>();
  const std::string mark = "### Answer:\n";
  const auto begin = prompt.find(mark) + mark.size();
  const auto answer = prompt.substr(begin, prompt.size() - begin - 1);
  const json reply{{"choices",
                    {{{"message", {{"content", "### Changed answer:\n" + answer + " and a dog beside it"}}},
                      {"finish_reason", "stop"}}}}};
  return http_answer(reply.dump());
}

}  // namespace

TEST_CASE("the noise stage begins with the merged model of the text stage", "[examples][povid]") {
  const stages_world w;
  // A noise stage that moves nothing: what it leaves is what it began with.
  w.done({"--noise-learning-rate", "1e-30"});
  CHECK(w.weights("noise") == w.weights("text"));
  w.done({"--output", w.scratch / "still", "--learning-rate", "1e-30"});
  CHECK(candor::hash_file(w.scratch / "still/text/merged/model.safetensors") != w.weights("text"));
}

TEST_CASE("a stage of POVID that is done is not taken for one with other options", "[examples][povid]") {
  const stages_world w;
  w.done({"--preset", "released"});
  const auto text = w.weights("text"), noise = w.weights("noise");
  w.done({"--preset", "released"});  // nothing is left to do
  CHECK(w.weights("noise") == noise);
  w.refused({"--preset", "paper"}, 2,
            {"the stage noise in ", "was made with other data or options (objective"});
  w.refused({"--preset", "released", "--beta", "0.2"}, 2, {"the stage text in ", "objective"});
  w.refused({"--preset", "released", "--learning-rate", "1e-3"}, 2,
            {"the stage text in ", "learning_rate: 0.001, was 0.01"});
  w.refused({"--preset", "released", "--distortion", "black"}, 2, {"the stage noise in ", "image: "});
  const std::string records = candor::read_file(w.pairs);
  candor::write_atomically(w.pairs, records + records);
  w.refused({"--preset", "released"}, 2, {"the stage text in ", "pairs: "});
  CHECK(w.weights("text") == text);
  CHECK(w.weights("noise") == noise);

  std::filesystem::remove_all(w.output);
  w.done({"--preset", "released"});
  std::filesystem::remove_all(w.output / "noise");
  w.done({"--preset", "paper"});  // the text stages of both are the same training
  CHECK(w.weights("noise") != noise);
}

TEST_CASE("the inject stage needs a model and pictures of one's own", "[examples][povid][bad]") {
  const scratch_folder scratch;
  for (const arguments& stages : {arguments{"inject"}, arguments{"inject", "text"}}) {
    arguments options{"--output", scratch / "run", "--stages"};
    options.insert(options.end(), stages.begin(), stages.end());
    const auto end = run_program("povid", options);
    INFO(end.out << end.err);
    CHECK(end.code == 2);
    CHECK_THAT(end.err, contains("give --model and --data"));
  }
}

TEST_CASE("the inject stage counts replies of which none is a hallucinated answer",
          "[examples][povid][bad]") {
  const stages_world w;
  // A tiny model of random weights says nothing in the form that is asked for.
  w.refused({"--data", w.answers, "--stages", "inject", "--max-new-tokens", "4"}, 3,
            {"none of 3 replies is a hallucinated answer: 3 are not in the form"});
  const auto counts = json::parse(candor::read_file(w.output / "inject/summary.json"));
  CHECK(counts.at("answers") == 3);
  CHECK(counts.at("kept") == 0);
  CHECK(counts.at("unreadable") == 3);
  CHECK(!std::filesystem::exists(w.output / "inject/pairs.json"));
}

TEST_CASE("the inject stage leaves out what it cannot use, and keeps to what it was begun with",
          "[examples][povid][bad]") {
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
  const stages_world w;
  const http_server server([](int, const http_seen& request) { return with_a_dog(request); });
  const arguments inject{"--data",     w.answers,    "--stages",         "inject",
                         "--injector", server.url(), "--injector-model", "served"};
  const auto with = [&](arguments options, const arguments& more) {
    options.insert(options.end(), more.begin(), more.end());
    return options;
  };
  candor::write_atomically(w.images / "broken.png", "no picture");
  w.write_answers("a red circle",
                  R"({"image": ["0.png", "1.png"], "question": "<image><image> what ?", "answer": "a dog"})"
                  "\n"
                  R"({"image": "broken.png", "question": "what ?", "answer": "a dog"})"
                  "\n"
                  R"({"image": "0.png", "question": "what ?", "answer": ""})"
                  "\n");
  w.refused(inject, 3, {"answers.jsonl:6"});
  CHECK(server.requests() == 0);
  w.done(with(inject, {"--skip-bad-records"}));
  CHECK(server.requests() == 3);
  const auto listed = read_json_lines(w.output / "inject/skipped_records.jsonl");
  REQUIRE(listed.size() == 3);
  std::vector<std::string> places;
  for (const auto& line : listed) places.push_back(line.at("record"));
  std::sort(places.begin(), places.end());
  for (int i = 0; i < 3; ++i)
    CHECK(places[static_cast<std::size_t>(i)] == w.answers.string() + candor::text(":", 4 + i));

  // Another choice of the replies that are there costs no request; other replies are another run.
  const auto kept = [&] {
    return candor::preference_data(w.output / "inject/pairs.json", {.images = w.images}).size();
  };
  w.write_answers("a red circle");
  std::filesystem::remove_all(w.output);
  w.done(inject);
  CHECK(kept() == 3);
  w.done(with(inject, {"--min-similarity", "0.7"}));  // "a red circle" has 3 words of 8 more: 6 / 11
  CHECK(kept() == 2);
  w.done(with(inject, {"--min-similarity", "0.7"}));
  CHECK(server.requests() == 6);
  w.refused(with(inject, {"--max-new-tokens", "7"}), 2,
            {"the stage inject in ", "max-new-tokens: 7, was 512"});
  w.refused(with(inject, {"--seed", "7"}), 2, {"the stage inject in ", "seed: 7"});

  // Its pairs are what later stages train on, but only those of this --data.
  const auto end = w.povid({"--data", w.answers, "--stages", "text"});
  INFO(end.err);
  CHECK(end.code == 0);
  CHECK_THAT(end.err, contains("training on what the stage inject has made of --data"));
  w.done({"--data", w.output / "inject/pairs.json", "--stages", "text"});
  w.refused({"--data", w.pairs, "--stages", "text"}, 2, {"inject/pairs.json was made of another --data"});
  w.write_answers("a blue circle");
  w.refused(inject, 2, {"prompts.jsonl was made of another --data"});
  w.refused({"--data", w.answers, "--stages", "text"}, 2, {"was made of another --data"});
  CHECK(server.requests() == 6);
}

TEST_CASE("POVID's presets have the published numbers", "[examples][povid]") {
  for (const bool released : {false, true}) {
    INFO(released);
    povid::settings s;
    training::options o;
    povid::apply_preset(released ? "released" : "paper", s, o);
    povid::resolve(s);
    CHECK(s.loss.beta == 0.1);
    CHECK(s.loss.loss == (released ? candor::povid::form::average : candor::povid::form::single));
    CHECK(s.loss.noise_share == 0.5);
    CHECK(s.loss.text_beta + s.loss.noise_beta == s.loss.beta);
    CHECK(s.loss.score_noisy != released);
    CHECK(s.loss.reference_picks);
    CHECK_FALSE(s.loss.exclude_equal);
    CHECK(s.sft_weight == 0);
    const auto noise = *povid::noisy_picture(s).how;
    CHECK(noise == candor::distortion{
                       .kind = candor::distortion_kind::diffusion,
                       .stage = candor::distortion_stage::raw,
                       .overflow = released ? candor::byte_overflow::wrap : candor::byte_overflow::clamp,
                       .step = 500});
    CHECK(o.fit.epochs == 3);
    CHECK(s.noise_epochs == 1);
    CHECK(o.fit.fresh_variants);
    CHECK(o.lora.rank == 128);
    CHECK(o.lora.alpha == 256);
    CHECK(o.lora.dropout == 0.05);
    CHECK(o.optimizer.learning_rate == 1e-7);
    CHECK(s.noise_learning_rate == 0);  // the text stage's
    CHECK(o.optimizer.weight_decay == 0);
    CHECK(o.optimizer.beta1 == 0.9);
    CHECK(o.optimizer.beta2 == 0.999);
    CHECK(o.optimizer.epsilon == 1e-8);
    CHECK(o.fit.max_grad_norm == 1.0);
    CHECK(o.fit.batch_size == 1);
    CHECK(o.fit.schedule.kind == candor::schedule_kind::cosine);
    CHECK(o.fit.schedule.warmup_ratio == 0.03);
    CHECK(o.processor.max_length == 1048);
  }
}
