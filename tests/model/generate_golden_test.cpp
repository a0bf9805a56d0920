// SPDX-License-Identifier: Apache-2.0
// Texts of transformers' `generate`, greedy and by beam search, and what its logits processors keep.
#include "golden_model.hpp"

#include <candor/model/token_choice.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using candor::generate_options;
using candor::host;
using candor_test::golden;
using candor_test::golden_model;

namespace {

nlohmann::json golden_texts() {
  std::ifstream file(golden("model/generate.json"));
  REQUIRE(file.good());
  return nlohmann::json::parse(file);
}

const std::vector<std::pair<std::string, generate_options>> cases = {
    {"greedy", {}},
    {"greedy_penalty", {.repetition_penalty = 1.3}},
    {"beam3", {.samples = 3, .num_beams = 3}},
    {"beam4_stop", {.samples = 4, .num_beams = 4}},
    {"beam4_early",
     {.samples = 2, .num_beams = 4, .length_penalty = 0.5, .stopping = candor::early_stopping::yes}},
    {"beam3_never",
     {.samples = 3, .num_beams = 3, .length_penalty = 1.5, .stopping = candor::early_stopping::never}},
    {"beam2_penalty", {.repetition_penalty = 1.2, .num_beams = 2, .length_penalty = 0.0}}};

/// The prompts of a golden folder, of different lengths.
template <class T>
std::vector<const candor::encoded_record*> prompts_of(golden_model<T>& model) {
  for (auto& r : model.records) {
    r.tree.segments.resize(1);
    r.tree.cells.clear();
  }
  return model.pointers();
}

}  // namespace

TEST_CASE("texts of 64 tokens equal transformers' generate, greedy and by beam search",
          "[model][golden][generate]") {
  const auto expected = golden_texts();
  REQUIRE(expected["folders"].size() == 9);
  host cpu({.threads = 2});
  int texts_compared = 0;
  for (const auto& [folder, of_folder] : expected["folders"].items()) {
    golden_model<float> model(cpu, folder);
    const auto prompts = prompts_of(model);
    const bool linear = folder == "linear";  // asked without ids, which a repetition penalty needs
    REQUIRE(of_folder.size() == cases.size() - (linear ? 2 : 0));
    for (auto [name, options] : cases) {
      if (linear && options.repetition_penalty != 1) continue;
      options.max_new_tokens = expected["max_new_tokens"];
      for (std::size_t p = 0; p < prompts.size(); ++p) {
        const auto& wanted = of_folder[name][p];
        options.stop_token = wanted["stop"];
        INFO(folder << ", " << name << ", prompt " << p);
        const auto all = candor::generate_texts(
            model.network, std::span<const candor::encoded_record* const>(prompts), options);
        REQUIRE(all[p].size() == wanted["texts"].size());
        for (std::size_t i = 0; i < all[p].size(); ++i) {
          CHECK(all[p][i].tokens == wanted["texts"][i].get<std::vector<std::int32_t>>());
          CHECK((all[p][i].end == candor::text_end::stop_token) ==
                (all[p][i].tokens.back() == options.stop_token));
          if (options.num_beams > 1)
            CHECK(all[p][i].score == Approx(wanted["scores"][i].get<double>()).epsilon(1e-5));
          ++texts_compared;
        }
      }
    }
  }
  CHECK(texts_compared == 9 * 2 * (1 + 1 + 3 + 4 + 2 + 3 + 1) - 2 * (1 + 1));
}

namespace {

/// Writes zeros where a token may not be drawn, else the logit at the temperature.
struct filter_program {
  candor::view<host, const float> logits;
  candor::token_filter<float> filter;
  candor::view<host, float> weights, out;
  template <class Team>
  void operator()(const Team& team, std::int64_t row) const {
    const float* z = logits.row(row);
    const float top = *std::max_element(z, z + logits.cols);
    const float least = candor::least_kept(team, z, logits.cols, top, filter, weights.row(row));
    for (std::int64_t i = 0; i < logits.cols; ++i)
      out(row, i) =
          z[i] >= least ? z[i] * filter.inverse_temperature : -std::numeric_limits<float>::infinity();
  }
};

}  // namespace

TEST_CASE("temperature, top-k, top-p and repetition penalty keep what transformers' processors keep",
          "[model][golden][generate]") {
  host cpu({.threads = 1});
  const candor::safetensors_file file(golden("model/filters.safetensors"));
  const auto logits = file.read_as<float>(*file.find("logits"));
  const auto history = candor_test::golden_ids(file, "history");
  const std::int64_t rows = 4, vocab = static_cast<std::int64_t>(logits.size()) / rows;
  int cases_compared = 0;
  for (; file.find("case" + std::to_string(cases_compared) + ".options") != nullptr; ++cases_compared) {
    const std::string name = "case" + std::to_string(cases_compared);
    const auto o = candor_test::golden_numbers(file, name + ".options");
    const auto wanted = file.read_as<float>(*file.find(name + ".logits"));
    auto z = candor::tensor<host, float>::from(cpu, candor::shape{rows, vocab}, logits);
    std::vector<std::int32_t> starts = {0}, words;
    for (std::int64_t r = 0; r < rows; ++r) {
      std::vector<std::int32_t> own(history.begin() + r * 12, history.begin() + (r + 1) * 12);
      std::sort(own.begin(), own.end());
      own.erase(std::unique(own.begin(), own.end()), own.end());
      words.insert(words.end(), own.begin(), own.end());
      starts.push_back(static_cast<std::int32_t>(words.size()));
    }
    cpu.rows(rows, vocab,
             candor::repetition_penalty_program<host, float>{z.view(), starts.data(), words.data(),
                                                             static_cast<float>(o[3])});
    candor::tensor<host, float> weights(cpu, {rows, vocab}), out(cpu, {rows, vocab});
    const candor::token_filter<float> filter{static_cast<float>(1.0 / o[0]), static_cast<std::int32_t>(o[1]),
                                             static_cast<float>(o[2])};
    cpu.rows(rows, vocab, filter_program{z.view(), filter, weights.view(), out.view()});
    const auto found = out.to_vector();
    for (std::size_t i = 0; i < found.size(); ++i) {
      INFO(name << ", row " << i / 100 << ", token " << i % 100 << ": " << found[i] << ", expected "
                << wanted[i]);
      if (std::isfinite(wanted[i])) {
        CHECK(found[i] == Approx(wanted[i]).epsilon(1e-6));
      } else if (std::isfinite(found[i])) {  // of equal logits transformers keeps some, candor all
        const auto row = wanted.begin() + static_cast<std::ptrdiff_t>(i) / vocab * vocab;
        CHECK(std::find(row, row + vocab, found[i]) != row + vocab);
        CHECK(static_cast<std::int64_t>(i) / vocab == 1);  // the row with equal logits
      }
    }
  }
  CHECK(cases_compared == 8);
}
