// SPDX-License-Identifier: Apache-2.0
// Models made by transformers give transformers' log-probs, image features and greedy texts, in every naming
// and layout.
#include "model/golden_model.hpp"

using namespace candor_test;
using candor::layout_kind;

namespace {

/// Folders of weights, and those whose expected values hold for them.
struct golden_folder {
  std::string weights, values;
};

std::vector<golden_folder> folders() {
  std::vector<golden_folder> out;
  for (const char* name :
       {"base", "grouped", "tied", "head_dim", "deep", "layout224", "layout336", "bf16", "linear"})
    out.push_back({name, name});
  for (const char* name : {"names_hub", "names_llava", "names_module", "sharded"})
    out.push_back({name, "bf16"});
  return out;
}

std::string values_of(const golden_folder& f) { return f.values + "/expected.safetensors"; }

/// The largest difference of log-probs from transformers' run of that precision ("f32" or "f64"), nats a
/// token.
template <class T>
double worst_log_prob(golden_model<T>& model, layout_kind layout, const std::string& precision) {
  const auto found = model.log_probs(layout);
  double worst = 0;
  for (std::size_t p = 0; p < found.size(); ++p)
    for (std::size_t c = 0; c < 2; ++c)
      worst = std::max(
          worst, worst_difference(found[p][c],
                                  golden_numbers(model.expected, "pair" + std::to_string(p) +
                                                                     (c == 0 ? ".chosen" : ".rejected") +
                                                                     ".logps_" + precision)));
  return worst;
}

}  // namespace

TEST_CASE("log-probs agree with transformers in every layout", "[model][golden]") {
  host cpu({.threads = 2});
  double worst = 0;
  for (const auto& folder : folders()) {
    golden_model<float> model(cpu, folder.weights, values_of(folder));
    for (const auto layout :
         {layout_kind::shared, layout_kind::packed, layout_kind::padded, layout_kind::single})
      for (const char* precision : {"f32", "f64"}) {
        INFO(folder.weights << ", layout " << static_cast<int>(layout) << ", against " << precision);
        const double here = worst_log_prob(model, layout, precision);
        CHECK(here < 1e-4);
        worst = std::max(worst, here);
      }
  }
  WARN("worst difference " << worst << " nats a token");
}

TEST_CASE("log-probs in double agree with transformers in double", "[model][golden]") {
  host cpu({.threads = 2});
  double worst = 0;
  for (const auto& folder : folders()) {
    if (folder.weights != folder.values) continue;
    golden_model<double> model(cpu, folder.weights, values_of(folder));
    INFO(folder.weights);
    const double here = worst_log_prob(model, layout_kind::shared, "f64");
    CHECK(here < 1e-10);
    worst = std::max(worst, here);
  }
  WARN("worst difference " << worst << " nats a token");
}

TEST_CASE("image features agree with transformers", "[model][golden]") {
  host cpu({.threads = 2});
  for (const auto& folder : folders()) {
    golden_model<float> model(cpu, folder.weights, values_of(folder), 1);
    candor::tape<host> quiet(cpu, candor::tape<host>::mode::evaluate);
    const auto pixels = candor::tensor<host, float>::from(
        cpu, {1, static_cast<std::int64_t>(model.records[0].pixels.size())}, model.records[0].pixels);
    const auto features = model.network.image_features({.tape = quiet}, pixels.view());
    const auto& config = model.network.config();
    INFO(folder.weights);
    REQUIRE(features.rows() == config.image_tokens());
    REQUIRE(features.cols() == config.text.hidden_size);
    const auto values = features.storage().to_vector();
    CHECK(worst_difference(golden_sample({values.begin(), values.end()}),
                           golden_numbers(model.expected, "features")) < 2e-5);
  }
}

TEST_CASE("greedy texts agree with transformers' generate", "[model][golden][generate]") {
  host cpu({.threads = 2});
  for (const auto& folder : folders()) {
    golden_model<float> model(cpu, folder.weights, values_of(folder), 1);
    candor::encoded_record prompt = model.records[0];
    prompt.tree.segments.resize(1);
    prompt.tree.cells.clear();
    const candor::encoded_record* prompts[] = {&prompt, &prompt};
    const auto texts =
        candor::generate(model.network, std::span<const candor::encoded_record* const>(prompts),
                         {.max_new_tokens = 32, .samples = 2, .stop_token = -1});
    INFO(folder.weights);
    REQUIRE(texts.size() == 2);
    for (const auto& of_prompt : texts) {
      REQUIRE(of_prompt.size() == 2);
      for (const auto& text : of_prompt) CHECK(text == golden_ids(model.expected, "greedy.tokens"));
    }
  }
}
