// SPDX-License-Identifier: Apache-2.0
// What must hold of generation whatever the model: a text does not depend on its company, its log-probs are
// those that scoring gives, contrast with the same image changes nothing, and nothing is lost or out of
// order.
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/tiny_llava.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/model/compiled.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/llava.hpp>
#include <candor/text/stop_strings.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

using candor::generate_options;
using candor::host;
using candor_test::contains;

namespace {

using record_span = std::span<const candor::encoded_record* const>;

struct world {
  candor_test::scratch_folder scratch;
  host cpu{{.threads = 2}};
  candor::llava<host, float> model;
  std::vector<candor::encoded_record> records;
  std::vector<const candor::encoded_record*> prompts;

  world() : model(made()) {
    const std::vector<std::string> questions = {"What is in the picture?",
                                                "Is there a cup?",
                                                "Describe this picture.",
                                                "What?",
                                                "Is there a red car in the picture?",
                                                "What is on the table?",
                                                "Describe this picture in one sentence."};
    for (std::size_t i = 0; i < questions.size(); ++i) {
      records.push_back(
          {model.processor().tree(model.processor().encode(questions[i], std::span<const std::string>(), 1)),
           model.processor().transform()(candor_test::tiny_picture(i))});
      records.back().tree.key = i;
    }
    for (const auto& r : records) prompts.push_back(&r);
  }
  candor::llava<host, float> made() {
    candor_test::write_tiny_llava(scratch.path() / "model", {.scale = 0.3});
    return candor::load_llava<float>(cpu, scratch.path() / "model");
  }
  auto texts(const std::vector<const candor::encoded_record*>& of, const generate_options& options,
             const std::vector<const candor::encoded_record*>& contrasts = {}) {
    return candor::generate_texts(model.network(), record_span(of), options, true, record_span(contrasts));
  }
  /// The options with the stop token that cuts their texts at the most different lengths.
  generate_options stopping(generate_options options) {
    options.stop_token = -1;
    std::map<std::int32_t, std::set<std::ptrdiff_t>> places;  // where a text has the token first
    for (const auto& of_prompt : texts(prompts, options))
      for (const auto& t : of_prompt)
        for (const auto token : t.tokens)
          places[token].insert(std::find(t.tokens.begin(), t.tokens.end(), token) - t.tokens.begin());
    options.stop_token = std::max_element(places.begin(), places.end(), [](const auto& a, const auto& b) {
                           return a.second.size() < b.second.size();
                         })->first;
    return options;
  }
};

const generate_options drawn = {.max_new_tokens = 40,
                                .temperature = 1.2,
                                .samples = 3,
                                .seed = 11,
                                .stop_token = -1,
                                .top_k = 60,
                                .top_p = 0.95,
                                .repetition_penalty = 1.1};

void check_same(const std::vector<candor::generated_text>& a, const std::vector<candor::generated_text>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].tokens == b[i].tokens);
    CHECK(a[i].end == b[i].end);
  }
}

}  // namespace

TEST_CASE("a text does not depend on what else is written, when, or where", "[model][generate]") {
  world w;
  for (const std::int64_t beams : {1, 3}) {
    auto options = drawn;
    if (beams > 1) options = {.max_new_tokens = 20, .samples = 3, .num_beams = beams};
    options = w.stopping(options);
    const auto all = w.texts(w.prompts, options);
    std::set<std::size_t> lengths;
    for (const auto& of_prompt : all)
      for (const auto& t : of_prompt) lengths.insert(t.tokens.size());
    CHECK(lengths.size() > 3);  // texts end at different times, so that others move up
    for (const std::int64_t branches : {1, 2, 5, 7}) {
      options.max_branches = branches;
      options.max_tokens = branches == 5 ? 60 : 8192;
      INFO(beams << " beams, " << branches << " branches, " << options.max_tokens << " tokens");
      const auto few = w.texts(w.prompts, options);
      for (std::size_t p = 0; p < all.size(); ++p) check_same(few[p], all[p]);
    }
    auto turned = w.prompts;
    std::reverse(turned.begin(), turned.end());
    const auto other = w.texts(turned, options);
    for (std::size_t p = 0; p < all.size(); ++p) check_same(other[all.size() - 1 - p], all[p]);
    options.samples = 2;  // the first samples are the same where fewer are wanted
    const auto fewer = w.texts(w.prompts, options);
    for (std::size_t p = 0; p < all.size(); ++p) {
      REQUIRE(fewer[p].size() == 2);
      for (std::size_t s = 0; s < 2; ++s) CHECK(fewer[p][s].tokens == all[p][s].tokens);
    }
  }
}

TEST_CASE("texts come in the prompts' order and are counted, one by one from a source", "[model][generate]") {
  world w;
  auto options = w.stopping(drawn);
  options.max_branches = 4;
  options.max_tokens = 1;  // one prompt at a time
  const auto all = w.texts(w.prompts, options);
  std::size_t taken = 0, handed = 0, ended_by_length = 0, tokens = 0;
  const auto source = [&]() -> candor::generate_prompt {
    CHECK(taken <= handed + 1);
    if (taken == w.records.size()) return {};
    return {std::make_shared<const candor::encoded_record>(w.records[taken++])};
  };
  const auto sink = [&](std::size_t prompt, std::vector<candor::generated_text>&& texts) {
    CHECK(prompt == handed++);
    check_same(texts, all[prompt]);
    for (const auto& t : texts) {
      ended_by_length += t.end == candor::text_end::length;
      tokens += t.tokens.size();
      CHECK((t.end == candor::text_end::length) ==
            (t.tokens.size() == 40 && t.tokens.back() != options.stop_token));
    }
  };
  const auto counts = candor::generate_texts(w.model.network(), candor::prompt_source(source), options,
                                             candor::text_sink(sink));
  CHECK(handed == w.records.size());
  CHECK(counts.prompts == 7);
  CHECK(counts.texts == 21);
  CHECK(counts.tokens == static_cast<std::int64_t>(tokens));
  CHECK(counts.ended_by_length == static_cast<std::int64_t>(ended_by_length));
  CHECK(ended_by_length > 0);
  CHECK(ended_by_length < 21);
  options.max_new_tokens = 0;
  for (const auto& of_prompt : w.texts(w.prompts, options)) {
    REQUIRE(of_prompt.size() == 3);
    CHECK(of_prompt[0].tokens.empty());
  }
  CHECK(w.texts({}, drawn).empty());
}

TEST_CASE("log-probs of drawn tokens are those that scoring gives", "[model][generate]") {
  world w;
  auto options = drawn;
  options.log_probs = true;
  double worst = 0;
  for (const double penalty : {1.0, 1.5}) {
    options.repetition_penalty = penalty;
    const auto all = w.texts(w.prompts, options);
    for (std::size_t p = 0; p < all.size(); ++p) {
      auto record = w.records[p];
      for (const auto& t : all[p]) {
        record.tree.cells.push_back({{static_cast<std::int32_t>(record.tree.segments.size()), {}}});
        record.tree.segments.push_back({.tokens = t.tokens, .parent = 0});
      }
      const std::vector<const candor::encoded_record*> one = {&record};
      const auto scored = candor::score(w.model.network(), record_span(one), candor::scoring_options{});
      for (std::size_t s = 0; s < all[p].size(); ++s) {
        REQUIRE(all[p][s].log_probs.size() == scored[0][s].size());
        for (std::size_t i = 0; i < scored[0][s].size(); ++i)
          worst = std::max(worst, std::abs(static_cast<double>(scored[0][s][i] - all[p][s].log_probs[i])));
      }
    }
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("contrast with the same image changes nothing, with another it does",
          "[model][generate][contrast]") {
  world w;
  auto options = drawn;
  const auto plain = w.texts(w.prompts, options);
  options.contrast_alpha = 1.0;
  options.contrast_beta = 0.0;
  const auto same = w.texts(w.prompts, options, w.prompts);
  for (std::size_t p = 0; p < plain.size(); ++p) check_same(same[p], plain[p]);
  options.max_branches = 3;  // one text at a time
  const auto slow = w.texts(w.prompts, options, w.prompts);
  for (std::size_t p = 0; p < plain.size(); ++p) check_same(slow[p], plain[p]);

  auto dark = w.records;
  std::vector<const candor::encoded_record*> contrasts;
  for (auto& r : dark) {
    std::fill(r.pixels.begin(), r.pixels.end(), 0.0f);
    contrasts.push_back(&r);
  }
  const auto other = w.texts(w.prompts, options, contrasts);
  std::size_t different = 0;
  for (std::size_t p = 0; p < plain.size(); ++p)
    for (std::size_t s = 0; s < 3; ++s) different += other[p][s].tokens != plain[p][s].tokens;
  CHECK(different > 10);

  // A soft image with the features of the dark one is the dark one.
  candor::tape<host> quiet(w.cpu, candor::tape<host>::mode::evaluate);
  candor::packed_batch first;
  first.forests = {0};
  const auto soft = candor::pass_features(w.model.network(), candor::forward_context<host>{.tape = quiet},
                                          first, record_span(contrasts));
  std::size_t next = 0;
  const auto source = [&]() -> candor::generate_prompt {
    if (next == w.records.size()) return {};
    return {std::make_shared<const candor::encoded_record>(w.records[next++])};
  };
  const auto sink = [&](std::size_t prompt, std::vector<candor::generated_text>&& texts) {
    check_same(texts, other[prompt]);
  };
  candor::generate_texts(w.model.network(), candor::prompt_source(source), options, candor::text_sink(sink),
                         true, soft);
  CHECK_THROWS_WITH(w.texts(w.prompts, options), contains("comes without a contrast record"));
}

TEST_CASE("the contrast is (1 + alpha) z - alpha z', and cuts what is implausible",
          "[model][generate][contrast]") {
  host cpu({.threads = 1});
  auto z = candor::tensor<host, float>::from(cpu, candor::shape{1, 4},
                                             std::vector<float>{2.0f, 1.5f, -1.0f, 1.0f});
  const auto other = candor::tensor<host, float>::from(cpu, candor::shape{1, 4},
                                                       std::vector<float>{1.0f, 2.0f, -9.0f, 0.5f});
  cpu.rows(1, 4, candor::contrast_program<host, float>{z.view(), other.view(), 0.5f, std::log(0.3f)});
  const auto found = z.to_vector();
  CHECK(found[0] == Approx(2.5f));
  CHECK(found[1] == Approx(1.25f));
  CHECK(found[2] == -std::numeric_limits<float>::infinity());
  CHECK(found[3] == Approx(1.25f));
}

TEST_CASE("stop strings end a text wherever its tokens are cut", "[model][generate][stop]") {
  world w;
  const auto& words = w.model.processor().words();
  auto options = drawn;
  options.stop_token = -1;
  const auto whole = w.texts(w.prompts, options);
  int stopped = 0;
  for (std::size_t p = 0; p < whole.size(); ++p)
    for (std::size_t s = 0; s < 3; ++s) {
      const std::string text = words.decode(whole[p][s].tokens, true);
      if (text.size() < 24) continue;
      const std::string part = text.substr(text.size() / 2, 4);  // begins and ends inside of words
      const candor::stop_strings stop(words, {"never in there", part});
      auto with = options;
      with.stop = stop;
      const auto again = w.texts({w.prompts[p]}, with)[0][s];
      const std::string cut(stop.cut(words.decode(again.tokens, true)));
      INFO('"' << text << "\" stopped at \"" << part << '"');
      CHECK(cut == text.substr(0, text.find(part)));
      CHECK(again.end == candor::text_end::stop_string);
      auto shorter = again.tokens;
      shorter.pop_back();
      CHECK_FALSE(stop(shorter));  // its last token completes the string
      CHECK(std::equal(again.tokens.begin(), again.tokens.end(), whole[p][s].tokens.begin()));
      ++stopped;
    }
  CHECK(stopped > 10);
  CHECK_THROWS_WITH(candor::stop_strings(words, {""}), contains("stop string is empty"));
}

TEST_CASE("options that mean nothing are refused", "[model][generate]") {
  world w;
  const auto refuses = [&](const generate_options& o, const std::string& why) {
    INFO(why);
    CHECK_THROWS_WITH(w.texts(w.prompts, o), contains(why));
  };
  refuses({.samples = 0}, "0 samples");
  refuses({.temperature = std::numeric_limits<double>::quiet_NaN()}, "a temperature from 0");
  refuses({.top_k = -1}, "top-k -1");
  refuses({.top_p = 1.5}, "top-p 1.5");
  refuses({.repetition_penalty = 0}, "repetition penalty 0");
  refuses({.samples = 3, .num_beams = 2}, "3 texts of 2 beams");
  refuses({.temperature = 1, .num_beams = 2}, "neither temperature");
  refuses({.num_beams = 2, .length_penalty = std::numeric_limits<double>::infinity()}, "is no number");
  refuses({.contrast_alpha = -1}, "an alpha from 0");
  refuses({.max_branches = 0}, "0 branches");
  auto pair = w.records[0];
  pair.tree.segments.push_back({.tokens = {3}, .parent = 0});
  CHECK_THROWS_WITH(w.texts({&pair}, drawn), contains("a prompt has 2 segments"));
  auto broken = w.records[0];
  broken.pixels[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(w.texts({&broken}, drawn), contains("are not numbers"));
  CHECK_THROWS_WITH(w.texts({&broken}, {.log_probs = true}), contains("are not numbers"));
  CHECK_THROWS_WITH(w.texts({&broken}, {.num_beams = 2}), contains("are not numbers"));
}
