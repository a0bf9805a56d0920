// SPDX-License-Identifier: Apache-2.0
/// `generate` on a tiny model: the same text each time, whatever else is in the batch.

#include "tools/tool_world.hpp"

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

  const auto refused = [&](const std::string& how) {
    return run_program("generate", {"--model", w.model, "--input", w.input, "--output", w.scratch / "x.jsonl",
                                    "--contrast-alpha", "1", "--distortion", how});
  };
  CHECK(refused("blur").code == 2);
  CHECK(refused("blur").err.find("known: diffusion, black") != std::string::npos);
  CHECK(refused("other").err.find("take one of the other kinds") != std::string::npos);
}
