// SPDX-License-Identifier: Apache-2.0
/// @file
/// score: log-probabilities of given answers to questions about images, token by token; with a second model
/// the implicit reward of each, and the best one.

#include <candor/data/record_file.hpp>
#include <candor/feedback/implicit_reward.hpp>
#include <candor/io/json_field_impl.hpp>

#include "program/tool.hpp"
#include "tools/inference.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <cmath>
#include <optional>

namespace {

struct score_request {
  std::string layout = "shared";
  std::filesystem::path responses;  ///< a file of answers beside the input
  std::filesystem::path reference;  ///< the model that --model was aligned from
  double beta = 0.1;
};

/// The shortest digits that read back as the same number.
template <class N>
void append_number(std::string& out, N value) {
  char digits[64];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// {"tokens": [...], "logps": [...], "sum": x}, with "reward" where there is one
void append_response(std::string& out, const std::vector<std::int32_t>& tokens,
                     const std::vector<float>& log_probs, const std::optional<double>& reward,
                     const std::string& source) {
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
  if (reward) append_number(out += ", \"reward\": ", *reward);
  out += "}";
}

/// Questions with the answers that are to be scored: their own, or those of a second file, line by line.
class scored_questions {
 public:
  scored_questions(const tools::inference_options& o, const std::filesystem::path& responses)
      : questions_(o.input, {.images = o.images}) {
    if (responses.empty()) return;
    answers_.emplace(responses);
    candor::require<candor::input_error>(answers_->size() == questions_.size(), responses.string(), " has ",
                                         answers_->size(), " lines for the ", questions_.size(),
                                         " questions of ", o.input.string(),
                                         "; --responses are joined with --input line by line");
  }
  std::int64_t size() const { return questions_.size(); }
  candor::question_record record(std::int64_t i) const {
    auto record = questions_.record(i);
    if (!answers_) return record;
    record.source = answers_->source(i);
    record.responses = responses_of(answers_->read(i), record.source);
    return record;
  }

 private:
  static std::vector<std::string> responses_of(const std::string& line, const std::string& source) {
    const auto document = candor::detail::parse_json(line, {.file = source});
    std::vector<std::string> out;
    for (const auto& text : candor::detail::json_field(document, source)["responses"].items())
      out.push_back(text.string());
    return out;
  }

  candor::questions_data questions_;
  std::optional<candor::record_file> answers_;
};

void check_responses(const scored_questions& data) {
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto record = data.record(i);
    candor::require<candor::input_error>(
        !record.responses.empty(), record.source,
        ": the key \"responses\" is missing or an empty list; score needs answers to score");
  }
}

template <class T>
void score_as(const tools::inference_options& o, const score_request& request) {
  const scored_questions data(o, request.responses);
  check_responses(data);
  candor::atomic_file output = tools::open_output(o.output);
  program::with_backend(o.device, o.threads, [&](auto& backend) {
    auto model = tools::load_model<T>(backend, o);
    std::optional<decltype(tools::load_model<T>(backend, o))> reference;
    if (!request.reference.empty()) {
      auto other = o;
      other.source.model = request.reference;
      other.source.adapter.clear();
      reference.emplace(tools::load_model<T>(backend, other));
    }
    const candor::scoring_options options{
        .packing = {.layout = candor::parse_layout(request.layout), .max_tokens = o.max_tokens}};
    const auto produce = [&](std::int64_t i) { return tools::prepare(model, data.record(i), i, o, true, 0); };
    tools::for_batches("score", data.size(), o, produce, [&](const std::vector<tools::ready_record>& batch) {
      const auto all = candor::score(model.network(), tools::pointers(batch), options);
      const auto before =
          reference ? candor::score(reference->network(), tools::pointers(batch), options) : all;
      for (std::size_t r = 0; r < batch.size(); ++r) {
        std::string line = "{\"responses\": [";
        std::vector<double> rewards;
        for (std::size_t c = 0; c < all[r].size(); ++c) {
          if (reference)
            rewards.push_back(candor::implicit_reward(all[r][c], before[r][c], {.beta = request.beta}));
          if (c > 0) line += ", ";
          append_response(line, batch[r].encoded.tree.segments[c + 1].tokens, all[r][c],
                          reference ? std::optional(rewards.back()) : std::nullopt, batch[r].record.source);
        }
        line += "]";
        if (reference) {
          const auto best = candor::best_of(rewards);
          line += candor::text(", \"best\": ", best,
                               ", \"answer\": ", nlohmann::json(batch[r].record.responses[best]).dump());
        }
        output.write(line + "}\n");
      }
    });
    output.commit();
  });
}

}  // namespace

int main(int argc, char** argv) {
  tools::inference_options o;
  score_request request;
  return program::run_tool(
      "score",
      "Scores answers to questions about images: log-probabilities in nats of every token, </s> included. "
      "With "
      "--reference-model also the implicit reward that DPO has put into --model, per token, and by it the "
      "best "
      "of the answers.",
      "score --model llava-1.5-7b-hf --dtype bf16 --input answers.jsonl --images images --output "
      "scores.jsonl",
      argc, argv,
      [&](CLI::App& app) {
        tools::add_options(app, o, R"({"image": "a.jpg", "question": "...", "responses": ["...", ...]})");
        app.add_option("--layout", request.layout,
                       "of prompt and answers in a pass; the numbers are the same, shared is the fastest")
            ->check(CLI::IsMember({"shared", "packed", "padded", "single"}));
        app.add_option("--responses", request.responses,
                       "file with the answers, `generate`'s of the same input, in place of the input's own");
        app.add_option("--reference-model,--ref_model", request.reference,
                       "folder that --model was aligned from: also write `reward`, beta / tokens x (log p - "
                       "log p of this model), and the `best` response with its text as `answer`");
        app.add_option("--beta", request.beta, "of the reward")->check(CLI::PositiveNumber);
      },
      [&] { tools::with_element_type(o.dtype, [&](auto zero) { score_as<decltype(zero)>(o, request); }); });
}
