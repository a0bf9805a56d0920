// SPDX-License-Identifier: Apache-2.0
/// @file
/// generate: answers of a model to questions about images.

#include "tools/inference.hpp"
#include "tools/program.hpp"

#include <candor/model/generate.hpp>

#include <nlohmann/json.hpp>

namespace {

template <class T>
void generate_as(const tools::inference_options& o, candor::generate_options options) {
  const candor::questions_data data(o.input, {.images = o.images});
  candor::atomic_file output = tools::open_output(o.output);
  candor::host cpu({.threads = o.threads});
  auto model = tools::load_model<T>(cpu, o);
  const auto& words = model.processor().words();
  options.stop_token = model.processor().stop_token();
  const auto produce = [&](std::int64_t i) {
    return tools::prepare(model, data, i, o, false, options.max_new_tokens);
  };
  const std::int64_t extra = options.samples * options.max_new_tokens;
  tools::for_batches(
      "generate", data.size(), extra, o, produce, [&](const std::vector<tools::ready_record>& batch) {
        const auto prompts = tools::pointers(batch);
        const auto all = candor::generate(model.network(),
                                          std::span<const candor::encoded_record* const>(prompts), options);
        for (const auto& samples : all) {
          auto responses = nlohmann::ordered_json::array(), tokens = nlohmann::ordered_json::array();
          for (const auto& ids : samples) {
            responses.push_back(words.decode(ids, true));
            tokens.push_back(ids);
          }
          const nlohmann::ordered_json line{{"responses", std::move(responses)},
                                            {"tokens", std::move(tokens)}};
          output.write(line.dump() + "\n");
        }
      });
  output.commit();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Answers questions about images, greedily or by sampling.", "generate"};
  tools::inference_options o;
  candor::generate_options g;
  tools::add_options(app, o, R"({"image": "a.jpg", "question": "..."})");
  app.add_option("--max-new-tokens", g.max_new_tokens, "longest answer, </s> included")
      ->check(CLI::PositiveNumber);
  app.add_option("--temperature", g.temperature,
                 "0: the most likely token, else samples from softmax(logits / t)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--samples", g.samples, "answers to each question")->check(CLI::PositiveNumber);
  app.add_option("--seed", g.seed, "of the samples");
  return tools::run(
      app,
      "generate --model llava-1.5-7b-hf --dtype bf16 --input questions.jsonl --images images --output "
      "answers.jsonl",
      argc, argv,
      [&] { tools::with_element_type(o.dtype, [&](auto zero) { generate_as<decltype(zero)>(o, g); }); });
}
