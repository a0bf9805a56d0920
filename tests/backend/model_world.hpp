// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Training, scoring and generation of a tiny LLaVA on any backend, compared with the host's.

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/tiny_llava.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/llava.hpp>
#include <candor/model/questions.hpp>
#include <candor/objective/dense_dpo.hpp>
#include <candor/objective/mdpo.hpp>
#include <candor/train/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace candor_test {

inline const char* const world_pairs =
    R"({"image": "0.png", "question": "describe the picture .", "chosen": "a red circle and a tree .", "rejected": "a blue square ."})"
    "\n"
    R"({"image": "1.png", "question": "is there a dog ?", "chosen": "yes", "rejected": "no"})"
    "\n"
    R"({"image": "2.png", "question": "what is there ?", "chosen": "a green tree", "rejected": "a green house"})"
    "\n";

struct training_kind {
  int rank = 0;  // of LoRA, 0: all weights
  bool stochastic_rounding = false, recompute = false, bf16_moments = false;
  double dropout = 0.25;  // of LoRA
};

/// Everything that a run leaves, by name.
using numbers_by_name = std::map<std::string, std::vector<double>>;

template <class X>
void append(std::vector<double>& to, const std::vector<X>& values) {
  for (const X v : values) to.push_back(static_cast<double>(v));
}

struct model_world {
  candor_test::scratch_folder scratch;

  explicit model_world(const candor_test::tiny_llava_options& options = {}) {
    candor_test::write_tiny_llava(scratch / "model", options);
    candor_test::write_tiny_pictures(scratch / "images", 3);
    candor::write_atomically(scratch / "pairs.jsonl", world_pairs);
  }

  template <class T, class B, class Loss = candor::dense_dpo>
  numbers_by_name train(B& backend, const training_kind& how,
                        const Loss& loss = candor::dense_dpo{.beta = 0.1, .gamma = 5.0},
                        const std::vector<candor::image_variant>& variants = {}) const {
    const std::string folder = std::string(B::name) + "_run";
    std::filesystem::remove_all(scratch / folder);
    auto policy = candor::load_llava<T>(backend, scratch / "model");
    if (how.rank > 0) policy.add_lora({.rank = how.rank, .alpha = 4.0, .dropout = how.dropout, .seed = 3});
    const candor::preference_data data(scratch / "pairs.jsonl", {.images = scratch / "images"});
    // With an epsilon beyond the moments a step is a multiple of the gradient, and not of its sign.
    const candor::adamw optimizer{
        .learning_rate = 1e-2, .epsilon = 1.0, .stochastic_rounding = how.stochastic_rounding,
        .bf16_moments = how.bf16_moments};
    candor::trainer trainer(policy, loss, optimizer);
    const auto run = trainer.fit(data, {.run_folder = scratch / folder,
                                        .max_steps = 3,
                                        .batch_size = 2,
                                        .eval_fraction = 0.34,
                                        .tensorboard = false,
                                        .save_steps = 3,
                                        .variants = variants,
                                        .recompute = how.recompute,
                                        .quiet = true});
    numbers_by_name out{{"loss", {run.loss}}};
    const auto keep = [&](const std::string& name, auto& p) { append(out[name], p.storage().to_vector()); };
    policy.network().for_adapters([&](const std::string& path, auto& adapter) {
      keep(path + ".a", adapter.a);
      keep(path + ".b", adapter.b);
    });
    const candor::safetensors_file states(scratch / folder / "checkpoint-3/optimizer.safetensors");
    for (const auto& t : states.tensors()) append(out[t.name], states.read_as<float>(t));
    policy.network().merge_adapters();
    policy.network().for_parameters([&](auto& p) { keep(p.name(), p); });
    return out;
  }

  template <class T, class B>
  numbers_by_name infer(B& backend) const {
    auto model = candor::load_llava<T>(backend, scratch / "model");
    const candor::preference_data data(scratch / "pairs.jsonl", {.images = scratch / "images"});
    std::vector<candor::encoded_record> records, prompts;
    for (std::int64_t i = 0; i < data.size(); ++i) {
      const auto r = data.record(i);
      records.push_back({candor::preference_tree(model.processor(), r, candor::dense_dpo{}),
                         model.processor().pixels(r.images)});
      prompts.push_back(model.processor().prompt(r.question, r.images, r.source));
      prompts.back().tree.key = static_cast<std::uint64_t>(i);
    }
    const auto pointers = [](const auto& all) {
      std::vector<const candor::encoded_record*> out;
      for (const auto& r : all) out.push_back(&r);
      return out;
    };
    numbers_by_name out;
    for (const auto& record :
         candor::score(model.network(), std::span<const candor::encoded_record* const>(pointers(records))))
      for (const auto& cell : record) append(out["log-probs"], cell);
    const auto all = pointers(prompts);
    const auto span = std::span<const candor::encoded_record* const>(all);
    auto dark = prompts;
    for (auto& r : dark) std::fill(r.pixels.begin(), r.pixels.end(), 0.0f);
    const auto contrasts = pointers(dark);
    for (const candor::generate_options& options : std::vector<candor::generate_options>{
             {.max_new_tokens = 6, .samples = 2},
             {.max_new_tokens = 6, .temperature = 1, .samples = 2, .seed = 5},
             {.max_new_tokens = 20,
             .temperature = 1,
             .samples = 3,
             .seed = 8,
             .stop_token = 7,
             .top_k = 30,
             .top_p = 0.9,
             .repetition_penalty = 1.2,
             .log_probs = true,
             .max_branches = 4},
             {.max_new_tokens = 6, .temperature = 1, .seed = 7, .contrast_alpha = 0.5},
             {.max_new_tokens = 6, .samples = 2, .stop_token = 7, .repetition_penalty = 1.1, .num_beams = 3}})
      for (const auto& prompt :
           candor::generate_texts(model.network(), span, options, true,
                                  std::span<const candor::encoded_record* const>(contrasts)))
        for (const auto& text : prompt) {
          append(out["texts"], text.tokens);
          append(out["texts' log-probs"], text.log_probs);
        }
    const std::vector<std::string> questions = {"Is there a cup?", "Is there a red car in the picture?"};
    const candor::encoded_record asked{candor::question_tree(model.processor(), questions, 1),
                                       prompts[0].pixels};
    const candor::encoded_record* const one[] = {&asked};
    const auto answers =
        candor::ask_yes_no(model.network(), std::span<const candor::encoded_record* const>(one),
                           candor::yes_no_tokens_of(model.processor()), candor::scoring_options{});
    for (const auto& answer : answers[0]) append(out["answers"], std::vector<double>{answer.yes, answer.no});
    if (!std::is_same_v<T, float>)  // a step of bf16 may decide between two tokens
      for (const char* name : {"texts", "texts' log-probs"}) out.erase(name);
    return out;
  }
};

/// Compares with the largest number of each tensor, or with 0.01 where all are smaller.
inline void check_same(const numbers_by_name& expected, const numbers_by_name& found, double tolerance) {
  REQUIRE(expected.size() == found.size());
  for (const auto& [name, numbers] : expected) {
    INFO(name);
    REQUIRE(found.contains(name));
    const auto& others = found.at(name);
    REQUIRE(!numbers.empty());
    REQUIRE(numbers.size() == others.size());
    double largest = 0.01, worst = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      largest = std::max(largest, std::abs(numbers[i]));
      const double difference = std::abs(numbers[i] - others[i]);
      if (!(difference <= worst)) worst = difference;  // NaN counts
    }
    CHECK(worst <= tolerance * largest);
  }
}

template <class T>
constexpr double world_tolerance = std::is_same_v<T, float> ? 2e-5 : 0.05;

/// Three steps of every kind of training.
template <class B>
void check_training(B& backend) {
  const model_world w;
  candor::host cpu({.threads = 1});
  const auto check = [&]<class T>(T, const training_kind& how) {
    check_same(w.train<T>(cpu, how), w.train<T>(backend, how), world_tolerance<T>);
  };
  SECTION("all weights in fp32") { check(float(), {}); }
  SECTION("all weights in fp32, layers computed again") { check(float(), {.recompute = true}); }
  SECTION("adapters with dropout in fp32") { check(float(), {.rank = 2}); }
  SECTION("adapters with dropout in bf16") { check(candor::bfloat16(), {.rank = 2}); }
  SECTION("adapters without dropout in fp32") { check(float(), {.rank = 2, .dropout = 0}); }
  SECTION("all weights in bf16 with a master copy") { check(candor::bfloat16(), {}); }
  SECTION("all weights in bf16, rounded at random") {
    check(candor::bfloat16(), {.stochastic_rounding = true, .bf16_moments = true});
  }
}

/// The same across images: mDPO, whose third cell is the chosen answer under a distorted one.
template <class B>
void check_training_across_images(B& backend) {
  const model_world w;
  candor::host cpu({.threads = 1});
  const candor::mdpo loss;
  const std::vector<candor::image_variant> distorted = {
      {.name = "distorted", .how = candor::distortion{.kind = candor::distortion_kind::crop}}};
  for (const int rank : {0, 2})
    check_same(w.train<float>(cpu, {.rank = rank}, loss, distorted), w.train<float>(backend, {.rank = rank}, loss, distorted),
               world_tolerance<float>);
}

template <class B>
void check_inference(B& backend) {
  const model_world w;
  candor::host cpu({.threads = 1});
  check_same(w.infer<float>(cpu), w.infer<float>(backend), world_tolerance<float>);
  check_same(w.infer<candor::bfloat16>(cpu), w.infer<candor::bfloat16>(backend),
             world_tolerance<candor::bfloat16>);
}

}  // namespace candor_test
