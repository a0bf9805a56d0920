// SPDX-License-Identifier: Apache-2.0
/// @file
/// generate: answers of a model to questions about images.

#include "program/tool.hpp"
#include "tools/contrast_options.hpp"
#include "tools/inference.hpp"

#include <CLI/CLI.hpp>

#include <candor/io/open_tensor_file.hpp>
#include <candor/model/generate.hpp>
#include <candor/text/stop_strings.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <optional>
#include <type_traits>

namespace {

struct generate_request {
  candor::generate_options options;
  std::vector<std::string> stop_strings;
  tools::contrast_options contrast;
  std::filesystem::path soft_image;  ///< a learned picture to contrast with, in place of distorted ones
};

/// A prompt, and the same with distorted pictures where contrast is asked for.
struct ready_prompt {
  candor::encoded_record plain;
  std::optional<candor::encoded_record> contrast;
};

/// The one tensor of a file: a learned picture, (rows, C) with C the width of the language model.
template <class T, class B>
candor::variable<B, T> read_soft_image(B& backend, const std::filesystem::path& path, std::int64_t width) {
  const auto file = candor::open_tensor_file(path);
  const auto& tensors = file->tensors();
  candor::require<candor::input_error>(tensors.size() == 1, path.string(), " holds ", tensors.size(),
                                       " tensors; expected the soft image alone");
  const auto& extents = tensors[0].extents;
  candor::require<candor::input_error>(tensors[0].dims.size() == 2 && extents[0] > 0 && extents[1] == width,
                                       path.string(), ": the tensor ", tensors[0].name, " is ", extents,
                                       "; expected (rows, ", width, "), the language model's width");
  const auto values = file->read_as<T>(tensors[0]);
  return {candor::tensor<B, T>::from(backend, extents, std::span<const T>(values)), false};
}

/// One line of the output.
std::string line_of(const candor::tokenizer& words, const candor::stop_strings& stop,
                    const candor::generate_options& options,
                    const std::vector<candor::generated_text>& texts) {
  auto responses = nlohmann::ordered_json::array(), tokens = nlohmann::ordered_json::array(),
       ended = nlohmann::ordered_json::array(), log_probs = nlohmann::ordered_json::array(),
       scores = nlohmann::ordered_json::array();
  for (const auto& text : texts) {
    responses.push_back(std::string(stop.cut(words.decode(text.tokens, true))));
    tokens.push_back(text.tokens);
    ended.push_back(candor::name_of(text.end));
    log_probs.push_back(text.log_probs);
    scores.push_back(text.score);
  }
  nlohmann::ordered_json line{
      {"responses", std::move(responses)}, {"tokens", std::move(tokens)}, {"ended_by", std::move(ended)}};
  if (options.log_probs) line["log_probs"] = std::move(log_probs);
  if (options.num_beams > 1) line["scores"] = std::move(scores);
  return line.dump() + "\n";
}

template <class T>
void generate_as(const tools::inference_options& o, const generate_request& request) {
  const candor::questions_data data(o.input, {.images = o.images});
  candor::atomic_file output = tools::open_output(o.output);
  program::with_backend(o.device, o.threads, [&](auto& backend) {
    auto model = tools::load_model<T>(backend, o);
    const candor::stop_strings stop(model.processor().words(), request.stop_strings);
    auto options = request.options;
    options.stop_token = model.processor().stop_token();
    options.max_tokens = o.max_tokens;
    if (!request.stop_strings.empty()) options.stop = stop;
    const bool soft = !request.soft_image.empty();
    candor::variable<std::remove_reference_t<decltype(backend)>, T> soft_image;  // (rows, C)
    if (soft)
      soft_image = read_soft_image<T>(backend, request.soft_image, model.network().config().text.hidden_size);
    const auto how = tools::distortion_of(request.contrast);
    const auto produce = [&](std::int64_t i) {
      auto ready = tools::prepare(model, data.record(i), i, o, false, options.max_new_tokens);
      ready_prompt out;
      if (options.contrast_alpha > 0 && !soft)
        out.contrast =
            tools::distorted(model.processor(), ready.encoded, ready.record.images, how, options.seed);
      out.plain = std::move(ready.encoded);
      return out;
    };
    candor::progress bar({.title = "generate", .unit = "records", .total = data.size(), .quiet = o.quiet});
    candor::prefetch<ready_prompt> records(data.size(), 16, produce);
    const auto source = [&]() -> candor::generate_prompt {
      candor::throw_if_stopped("generate");
      auto next = records.next();
      if (!next) return {};
      const auto own = [](candor::encoded_record&& record) {
        return std::make_shared<const candor::encoded_record>(std::move(record));
      };
      return {own(std::move(next->plain)), next->contrast ? own(std::move(*next->contrast)) : nullptr};
    };
    const auto sink = [&](std::size_t prompt, std::vector<candor::generated_text>&& texts) {
      candor::throw_if_stopped("generate");
      output.write(line_of(model.processor().words(), stop, options, texts));
      bar.update(static_cast<std::int64_t>(prompt) + 1);
    };
    const auto counts = candor::generate_texts(model.network(), candor::prompt_source(source), options,
                                               candor::text_sink(sink), true, soft_image);
    candor::throw_if_stopped("generate");
    bar.finish();
    output.commit();
    if (counts.ended_by_length > 0 && !o.quiet)
      std::fprintf(stderr, "%lld of %lld texts were cut off by --max-new-tokens\n",
                   static_cast<long long>(counts.ended_by_length), static_cast<long long>(counts.texts));
  });
}

}  // namespace

int main(int argc, char** argv) {
  tools::inference_options o;
  generate_request request;
  candor::generate_options& g = request.options;
  return program::run_tool(
      "generate",
      "Answers questions about images: greedily, by sampling (--temperature), by beam search (--num-beams), "
      "or in contrast with distorted images or a learned one (--contrast-alpha).",
      "generate --model llava-1.5-7b-hf --dtype bf16 --input questions.jsonl --images images --output "
      "answers.jsonl",
      argc, argv,
      [&](CLI::App& app) {
        tools::add_options(app, o, R"({"image": "a.jpg", "question": "..."})");
        app.add_option("--max-new-tokens", g.max_new_tokens, "longest answer, </s> included")
            ->check(CLI::PositiveNumber);
        app.add_option("--temperature", g.temperature,
                       "0: the most likely token, else samples from softmax(logits / t)")
            ->check(CLI::NonNegativeNumber);
        app.add_option("--num-return-sequences,--samples", g.samples, "answers to each question")
            ->check(CLI::PositiveNumber);
        app.add_option("--seed", g.seed, "of the samples: the same answers whatever else is in the file");
        app.add_option("--top-k", g.top_k, "draw from this many of the likeliest tokens; 0: all")
            ->check(CLI::NonNegativeNumber);
        app.add_option("--top-p", g.top_p, "draw from the fewest tokens that have this probability together")
            ->check(CLI::Range(0.0, 1.0));
        app.add_option("--repetition-penalty", g.repetition_penalty,
                       "on tokens that prompt or answer have already; 1: none")
            ->check(CLI::PositiveNumber);
        app.add_option("--num-beams", g.num_beams, "running texts of a beam search; 1: none")
            ->check(CLI::PositiveNumber);
        app.add_option("--length-penalty", g.length_penalty,
                       "a beam's score is its log-prob / length^penalty");
        app.add_option("--early-stopping", g.stopping,
                       "of a beam search: no, yes (as soon as there are enough answers) or never")
            ->transform(CLI::CheckedTransformer(
                std::map<std::string, candor::early_stopping>{{"no", candor::early_stopping::no},
                                                              {"yes", candor::early_stopping::yes},
                                                              {"never", candor::early_stopping::never}}))
            ->default_str("no");
        app.add_option("--num-beam-groups", g.num_beam_groups, "groups of a diverse beam search; 1: none")
            ->check(CLI::PositiveNumber);
        app.add_option("--diversity-penalty", g.diversity_penalty,
                       "nats, on a token for each beam of an earlier group that has just taken it")
            ->check(CLI::NonNegativeNumber);
        tools::add_contrast_options(app, request.contrast);
        app.add_option_function<int>(
               "--noise-step,--noise_step",
               [&](int step) {
                 request.contrast.distortion = candor::text("diffusion,stage=normalised,step=", step);
               },
               "VCD's noise: --distortion diffusion,stage=normalised,step=N; 0 to 999")
            ->excludes("--distortion");
        app.add_option("--soft-image", request.soft_image,
                       "contrast with this learned picture in place of distorted ones (LACING's soft image "
                       "guidance, arXiv 2411.14279): a file of one tensor (rows, width of the language "
                       "model), safetensors or torch's")
            ->excludes("--distortion", "--noise-step");
        app.add_option("--stop-strings", request.stop_strings, "end an answer before any of these");
        app.add_flag("--log-probs", g.log_probs,
                     "also write the log-prob of each token under the model, nats");
        app.add_option("--max-branches", g.max_branches, "answers that are written at the same time")
            ->check(CLI::PositiveNumber);
      },
      [&] {
        g.contrast_alpha = request.contrast.alpha;
        g.contrast_beta = request.contrast.beta;
        candor::check_options(g);
        candor::require<candor::usage_error>(
            g.temperature > 0 || (g.top_k == 0 && g.top_p == 1),
            "--top-k and --top-p choose what is drawn from, and nothing is drawn at "
            "--temperature 0; say --temperature 1");
        tools::distortion_of(request.contrast);
        candor::require<candor::usage_error>(
            request.soft_image.empty() || g.contrast_alpha > 0,
            "--soft-image is what answers are contrasted with; say how much: --contrast-alpha 1");
        tools::with_element_type(o.dtype, [&](auto zero) { generate_as<decltype(zero)>(o, request); });
      });
}
