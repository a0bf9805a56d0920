// SPDX-License-Identifier: Apache-2.0
/// `generate` on a tiny model: the same text each time, whatever else is in the batch.

#include "tools/tool_world.hpp"

#include <candor/core/random.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/llava.hpp>

#include <memory>
#include <set>

using namespace candor_test;

TEST_CASE("Greedy answers are the same twice and in any batch, and end in </s> or at the limit",
          "[tools][generate]") {
  const tool_world w;
  const auto lines = w.lines("generate", {"--max-new-tokens", "12"});
  REQUIRE(lines.size() == 3);
  const candor::tokenizer words(w.model);
  for (const auto& line : lines) {
    REQUIRE(line.at("responses").size() == 1);
    const auto ids = line.at("tokens").at(0).get<std::vector<std::int32_t>>();
    REQUIRE(!ids.empty());
    CHECK((ids.size() == 12 || ids.back() == words.eos()));
    CHECK(line.at("responses").at(0).get<std::string>() == words.decode(ids, true));
  }
  CHECK(w.lines("generate", {"--max-new-tokens", "12"}) == lines);
  CHECK(w.lines("generate", {"--max-new-tokens", "12", "--max-tokens", "1"}) == lines);
  CHECK(w.lines("generate", {"--max-new-tokens", "12", "--threads", "1", "--seed", "9"}) == lines);
}

TEST_CASE("Samples depend on the seed alone, not on the batch", "[tools][generate]") {
  const tool_world w;
  const std::vector<std::string> options{"--temperature", "1", "--samples", "4", "--max-new-tokens", "10"};
  const auto with = [&](const std::vector<std::string>& more) {
    auto all = options;
    all.insert(all.end(), more.begin(), more.end());
    return w.lines("generate", all);
  };
  const auto lines = with({"--seed", "3"});
  std::set<std::string> different;
  for (const auto& line : lines) {
    REQUIRE(line.at("tokens").size() == 4);
    for (const auto& ids : line.at("tokens")) different.insert(ids.dump());
  }
  CHECK(different.size() > 6);
  CHECK(with({"--seed", "3", "--max-tokens", "1"}) == lines);
  CHECK(with({"--seed", "4"}) != lines);
}

TEST_CASE("generate takes an adapter, bf16 and a folder in another naming", "[tools][generate]") {
  const tool_world w;
  write_tiny_adapter(w.scratch / "adapter", w.config);
  const std::vector<std::string> options{"--max-new-tokens", "12"};
  const auto plain = w.lines("generate", options);
  const auto adapted = w.lines("generate", {"--max-new-tokens", "12", "--adapter", w.scratch / "adapter"});
  CHECK(adapted != plain);
  CHECK(w.lines("generate", {"--max-new-tokens", "12", "--dtype", "bf16"}).size() == plain.size());
  CHECK(w.lines("generate", options, w.exported("llava", {"--naming", "llava"})) == plain);
}

TEST_CASE("generate filters, searches with beams, stops at strings and says how each text ended",
          "[tools][generate]") {
  const tool_world w;
  const candor::tokenizer words(w.model);
  const std::vector<std::string> sampled{"--temperature",    "1", "--num-return-sequences", "2",
                                         "--max-new-tokens", "10"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), sampled.begin(), sampled.end());
    return w.lines("generate", more);
  };
  const auto plain = with({"--log-probs"});
  for (const auto& line : plain)
    for (std::size_t i = 0; i < 2; ++i) {
      const auto ids = line.at("tokens").at(i).get<std::vector<std::int32_t>>();
      CHECK(line.at("log_probs").at(i).size() == ids.size());
      CHECK(line.at("ended_by").at(i) == (ids.back() == words.eos() ? "stop_token" : "length"));
    }
  CHECK(with({"--top-k", "1"})[0].at("tokens").at(1) ==
        w.lines("generate", {"--max-new-tokens", "10"})[0].at("tokens").at(0));
  CHECK(with({"--top-p", "0.1"}) != with({}));
  const auto unlike = w.lines("generate", {"--repetition-penalty", "1000", "--max-new-tokens", "10"});
  for (const auto& line : unlike) {
    const auto ids = line.at("tokens").at(0).get<std::vector<std::int32_t>>();
    CHECK(std::set<std::int32_t>(ids.begin(), ids.end()).size() == ids.size());
  }
  const auto text = plain[0].at("responses").at(0).get<std::string>();
  REQUIRE(text.size() > 6);
  const auto part = text.substr(3, 3);
  const auto stopped = with({"--stop-strings", part})[0];
  CHECK(stopped.at("responses").at(0).get<std::string>() == text.substr(0, text.find(part)));
  CHECK(stopped.at("ended_by").at(0) == "stop_string");
  const auto beams =
      w.lines("generate", {"--num-beams", "3", "--num-return-sequences", "2", "--max-new-tokens", "8"})[0];
  REQUIRE(beams.at("scores").size() == 2);
  CHECK(beams.at("scores").at(0).get<double>() >= beams.at("scores").at(1).get<double>());
}

TEST_CASE("generate contrasts with distorted pictures, of which each seed draws its own",
          "[tools][generate][contrast]") {
  const tool_world w;
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--max-new-tokens", "12"});
    return w.lines("generate", more);
  };
  const auto texts = [](const std::vector<json>& lines) {
    std::vector<json> out;
    for (const auto& line : lines) out.push_back(line.at("tokens"));
    return out;
  };
  const auto plain = texts(with({}));
  const std::vector<std::string> strong{"--contrast-alpha", "30", "--contrast-beta", "0"};
  const auto contrasted = [&](const std::string& how, const std::string& seed) {
    auto all = strong;
    all.insert(all.end(), {"--distortion", how, "--seed", seed});
    return texts(with(all));
  };
  CHECK(contrasted("rotation,degrees=0..0", "1") == plain);  // contrast with the picture itself
  CHECK(contrasted("black", "1") != plain);
  CHECK(contrasted("black", "1") == contrasted("black", "2"));
  const auto noisy = contrasted("diffusion,step=999", "1");
  CHECK(noisy != plain);
  CHECK(contrasted("diffusion,step=999", "1") == noisy);
  CHECK(contrasted("diffusion,step=999", "2") != noisy);
  CHECK(texts(with({"--contrast-alpha", "30", "--contrast-beta", "1"})) ==
        plain);  // only the likeliest token

  // VCD's own names.
  CHECK(texts(with({"--cd_alpha", "30", "--cd_beta", "0", "--noise_step", "999", "--seed", "1"})) ==
        contrasted("diffusion,stage=normalised,step=999", "1"));

  const auto refused = [&](const std::string& how) {
    return run_program("generate", {"--model", w.model, "--input", w.input, "--output", w.scratch / "x.jsonl",
                                    "--contrast-alpha", "1", "--distortion", how});
  };
  CHECK(refused("blur").code == 2);
  CHECK(refused("blur").err.find("known: diffusion, black") != std::string::npos);
  CHECK(refused("other").err.find("take one of the other kinds") != std::string::npos);
}

TEST_CASE("generate contrasts with a learned picture, as generate_texts does",
          "[tools][generate][contrast]") {
  const tool_world w;
  const auto soft = w.scratch / "soft.safetensors";
  const std::int64_t width = w.config.text.hidden_size, rows = 3;  // fewer than a picture has: they repeat
  std::vector<float> values(static_cast<std::size_t>(rows * width));
  candor::random_stream random(11, 0);
  for (float& x : values) x = random.normal();
  const auto write = [&](std::int64_t columns) {
    const candor::shape extents{static_cast<std::int64_t>(values.size()) / columns, columns};
    candor::write_safetensors(soft, {candor::source_of("soft", extents, std::span<const float>(values))});
  };
  write(width);
  const std::vector<std::string> options{"--soft-image",     soft, "--contrast-alpha", "2",
                                         "--max-new-tokens", "12"};
  const auto lines = w.lines("generate", options);
  CHECK(lines != w.lines("generate", {"--max-new-tokens", "12"}));

  candor::host cpu({.threads = 1});
  auto model = candor::load_llava<float>(cpu, w.model);
  const candor::questions_data data(w.input, {.images = w.images});
  std::int64_t next = 0;
  const auto source = [&]() -> candor::generate_prompt {
    if (next == data.size()) return {};
    const auto record = data.record(next++);
    return {std::make_shared<const candor::encoded_record>(
        model.processor().prompt(record.question, record.images, record.source))};
  };
  const auto sink = [&](std::size_t prompt, std::vector<candor::generated_text>&& texts) {
    CHECK(lines[prompt].at("tokens").at(0).get<std::vector<std::int32_t>>() == texts[0].tokens);
  };
  const candor::variable<candor::host, float> image(
      candor::tensor<candor::host, float>::from(cpu, {rows, width}, std::span<const float>(values)), false);
  candor::generate_texts(
      model.network(), candor::prompt_source(source),
      {.max_new_tokens = 12, .stop_token = model.processor().stop_token(), .contrast_alpha = 2},
      candor::text_sink(sink), true, image);
  CHECK(next == 3);

  const auto refused = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--soft-image", soft});
    return w.run("generate", "x.jsonl", more);
  };
  CHECK(refused({}).err.find("say how much: --contrast-alpha 1") != std::string::npos);
  CHECK(refused({"--contrast-alpha", "1", "--distortion", "black"}).code == 2);
  write(width / 2);
  const auto narrow = refused({"--contrast-alpha", "1"});
  CHECK(narrow.code == 3);
  CHECK(narrow.err.find("the language model's width") != std::string::npos);
}
