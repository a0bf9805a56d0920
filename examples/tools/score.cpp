// SPDX-License-Identifier: Apache-2.0
/// @file
/// score: log-probabilities of given answers to questions about images, token by token.

#include "program/tool.hpp"
#include "tools/inference.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <cmath>

namespace {

/// The shortest digits that read back as the same number.
template <class N>
void append_number(std::string& out, N value) {
  char digits[64];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// {"tokens": [...], "logps": [...], "sum": x}
void append_response(std::string& out, const std::vector<std::int32_t>& tokens,
                     const std::vector<float>& log_probs, const std::string& source) {
  double sum = 0;
  std::string ids, values;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    candor::require<candor::numeric_error>(
        std::isfinite(log_probs[i]), source, ": the log-probability of token ", i,
        " is not finite; the weights hold values that are not, or overflow in this --dtype");
    append_number(ids += i > 0 ? ", " : "", tokens[i]);
    append_number(values += i > 0 ? ", " : "", log_probs[i]);
    sum += static_cast<double>(log_probs[i]);
  }
  out += "{\"tokens\": [" + ids + "], \"logps\": [" + values + "], \"sum\": ";
  append_number(out, sum);
  out += "}";
}

void check_responses(const candor::questions_data& data) {
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto record = data.record(i);
    candor::require<candor::input_error>(
        !record.responses.empty(), record.source,
        ": the key \"responses\" is missing or an empty list; score needs answers to score");
  }
}

template <class T>
void score_as(const tools::inference_options& o, candor::layout_kind layout) {
  const candor::questions_data data(o.input, {.images = o.images});
  check_responses(data);
  candor::atomic_file output = tools::open_output(o.output);
  program::with_backend(o.device, o.threads, [&](auto& backend) {
    auto model = tools::load_model<T>(backend, o);
    const candor::scoring_options options{.packing = {.layout = layout, .max_tokens = o.max_tokens}};
    const auto produce = [&](std::int64_t i) { return tools::prepare(model, data, i, o, true, 0); };
    tools::for_batches("score", data.size(), o, produce, [&](const std::vector<tools::ready_record>& batch) {
      const auto all = candor::score(model.network(), tools::pointers(batch), options);
      for (std::size_t r = 0; r < batch.size(); ++r) {
        std::string line = "{\"responses\": [";
        for (std::size_t c = 0; c < all[r].size(); ++c) {
          if (c > 0) line += ", ";
          append_response(line, batch[r].encoded.tree.segments[c + 1].tokens, all[r][c],
                          batch[r].record.source);
        }
        output.write(line + "]}\n");
      }
    });
    output.commit();
  });
}

}  // namespace

int main(int argc, char** argv) {
  tools::inference_options o;
  std::string layout = "shared";
  return program::run_tool(
      "score",
      "Scores answers to questions about images: log-probabilities in nats of every token, </s> included.",
      "score --model llava-1.5-7b-hf --dtype bf16 --input answers.jsonl --images images --output "
      "scores.jsonl",
      argc, argv,
      [&](CLI::App& app) {
        tools::add_options(app, o, R"({"image": "a.jpg", "question": "...", "responses": ["...", ...]})");
        app.add_option("--layout", layout,
                       "of prompt and answers in a pass; the numbers are the same, shared is the fastest")
            ->check(CLI::IsMember({"shared", "packed", "padded", "single"}));
      },
      [&] {
        const auto kind = candor::parse_layout(layout);
        tools::with_element_type(o.dtype, [&](auto zero) { score_as<decltype(zero)>(o, kind); });
      });
}
