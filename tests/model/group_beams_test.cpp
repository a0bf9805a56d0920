// SPDX-License-Identifier: Apache-2.0
// Diverse beam search gives the texts and scores of transformers 4's `generate(num_beam_groups,
// diversity_penalty)`.
#include "golden_model.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

using candor::generate_options;
using candor::host;
using candor_test::contains;
using candor_test::golden;
using candor_test::golden_model;

namespace {

const std::vector<std::pair<std::string, generate_options>> group_cases = {
    {"csr", {.samples = 5, .num_beams = 5, .num_beam_groups = 5, .diversity_penalty = 3.0}},
    {"whole", {.samples = 6, .num_beams = 6, .num_beam_groups = 3, .diversity_penalty = 0.7}},
    {"pairs", {.samples = 4, .num_beams = 4, .num_beam_groups = 2, .diversity_penalty = 1.0}},
    {"early",
     {.samples = 3,
      .num_beams = 6,
      .length_penalty = 0.5,
      .stopping = candor::early_stopping::yes,
      .num_beam_groups = 2,
      .diversity_penalty = 0.3}},
    {"never",
     {.samples = 2,
      .num_beams = 4,
      .length_penalty = 1.5,
      .stopping = candor::early_stopping::never,
      .num_beam_groups = 2,
      .diversity_penalty = 2.0}},
    {"two_stops", {.samples = 4, .num_beams = 4, .num_beam_groups = 2, .diversity_penalty = 0.5}}};

void keep_prompts(std::vector<candor::encoded_record>& records) {
  for (auto& r : records) {
    r.tree.segments.resize(1);
    r.tree.cells.clear();
  }
}

}  // namespace

TEST_CASE("texts of diverse beam search equal transformers' generate", "[model][golden][generate]") {
  std::ifstream file(golden("model/groups.json"));
  REQUIRE(file.good());
  const auto expected = nlohmann::json::parse(file);
  REQUIRE(expected["folders"].size() == 3);
  host cpu({.threads = 2});
  int texts = 0, ended = 0;
  for (const auto& [folder, of_folder] : expected["folders"].items()) {
    golden_model<float> model(cpu, folder);
    keep_prompts(model.records);
    const auto prompts = model.pointers();
    REQUIRE(of_folder.size() == group_cases.size());
    for (auto [name, options] : group_cases) {
      options.max_new_tokens = expected["max_new_tokens"];
      for (std::size_t p = 0; p < prompts.size(); ++p) {
        const auto& wanted = of_folder[name][p];
        const auto stops = wanted["stops"].get<std::vector<std::int32_t>>();
        options.stop_token = stops.empty() ? -1 : stops.front();
        if (stops.size() > 1)
          options.stop = [&](std::span<const std::int32_t> tokens) { return tokens.back() == stops[1]; };
        INFO(folder << ", " << name << ", prompt " << p);
        const auto all = candor::generate_texts(
            model.network, std::span<const candor::encoded_record* const>(prompts), options);
        REQUIRE(all[p].size() == wanted["texts"].size());
        for (std::size_t i = 0; i < all[p].size(); ++i) {
          INFO("text " << i);
          auto tokens =
              all[p][i].tokens;  // transformers 4 writes its first stop token where another ended a text
          if (all[p][i].end == candor::text_end::stop_string) tokens.back() = stops.front();
          CHECK(tokens == wanted["texts"][i].get<std::vector<std::int32_t>>());
          CHECK(all[p][i].score == Approx(wanted["scores"][i].get<double>()).epsilon(1e-5));
          ended += all[p][i].end != candor::text_end::length;
          ++texts;
        }
      }
    }
  }
  CHECK(texts == 3 * 2 * (5 + 6 + 4 + 3 + 2 + 4));
  CHECK(ended > 40);
}

TEST_CASE("groups of one beam without a penalty all write the greedy text", "[model][generate]") {
  host cpu({.threads = 2});
  golden_model<float> model(cpu, "base");
  keep_prompts(model.records);
  const auto prompts = model.pointers();
  const std::span<const candor::encoded_record* const> both(prompts);
  const auto greedy = candor::generate(model.network, both, {.max_new_tokens = 12, .stop_token = -1});
  const auto groups = candor::generate(
      model.network, both,
      {.max_new_tokens = 12, .samples = 3, .stop_token = -1, .num_beams = 3, .num_beam_groups = 3});
  for (std::size_t p = 0; p < 2; ++p)
    for (const auto& text : groups[p]) CHECK(text == greedy[p].front());
}

TEST_CASE("options of diverse beam search that mean nothing are refused", "[model][generate]") {
  const auto refused = [](const generate_options& o, const char* why) {
    CHECK_THROWS_WITH(candor::check_options(o), contains(why));
  };
  refused({.num_beams = 5, .num_beam_groups = 2}, "2 groups of 5 beams");
  refused({.num_beams = 4, .diversity_penalty = 1.0}, "several groups");
  refused({.num_beams = 4, .num_beam_groups = 2, .diversity_penalty = -1.0}, "a number from 0");
  refused({.repetition_penalty = 1.2, .num_beams = 4, .num_beam_groups = 2}, "no repetition penalty");
}
