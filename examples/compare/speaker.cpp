// SPDX-License-Identifier: Apache-2.0
#include "compare/speaker.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/model/compiled.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/llava.hpp>
#include <candor/model/questions.hpp>
#include <candor/train/signals.hpp>

#include <algorithm>

namespace compare {
namespace {

constexpr std::size_t together = 100;  ///< questions at once

}  // namespace

struct speaker::parts {
  parts(const std::filesystem::path& folder, int threads)
      : cpu({.threads = threads}), model(candor::load_llava<float>(cpu, folder)) {}
  candor::host cpu;
  candor::llava<candor::host, float> model;
};

speaker::speaker(const std::filesystem::path& folder, int threads)
    : parts_(std::make_unique<parts>(folder, threads)) {}
speaker::~speaker() = default;

std::vector<std::string> speaker::answer(std::span<const scene_question> questions, double temperature,
                                         std::uint64_t seed, const candor::distortion* worse) {
  const candor::stop_signals signals;
  const auto& p = parts_->model.processor();
  std::vector<std::string> answers;
  for (std::size_t first = 0; first < questions.size(); first += together) {
    candor::throw_if_stopped("answering");
    std::vector<candor::encoded_record> records;
    std::vector<const candor::encoded_record*> pointers;
    const auto some = questions.subspan(first, std::min(together, questions.size() - first));
    for (std::size_t i = 0; i < some.size(); ++i) {
      const auto& picture = some[i].scene->picture;
      records.push_back({p.tree(p.encode(some[i].text, {}, 1)),
                         worse == nullptr
                             ? p.transform()(picture)
                             : candor::distorted_tensor(picture, *worse, p.transform(), seed + first + i)});
      records.back().tree.key = first + i;
    }
    for (const auto& record : records) pointers.push_back(&record);
    for (const auto& texts : candor::generate(
             parts_->model.network(), std::span<const candor::encoded_record* const>(pointers),
             {.max_new_tokens = 64, .temperature = temperature, .seed = seed, .stop_token = p.stop_token()}))
      answers.push_back(p.words().decode(texts.front(), true));
  }
  return answers;
}

std::vector<bool> speaker::confirms(std::span<const scene_question> questions) {
  const candor::stop_signals signals;
  const auto& p = parts_->model.processor();
  const auto words = candor::yes_no_tokens_of(p);
  std::vector<bool> confirmed;
  for (std::size_t first = 0; first < questions.size(); first += together) {
    candor::throw_if_stopped("judging");
    std::vector<candor::encoded_record> records;
    std::vector<const candor::encoded_record*> pointers;
    for (const auto& q : questions.subspan(first, std::min(together, questions.size() - first)))
      records.push_back({p.tree(p.encode(q.text, {}, 1)), p.transform()(q.scene->picture)});
    for (const auto& record : records) pointers.push_back(&record);
    for (const auto& read : candor::ask_yes_no(
             parts_->model.network(), std::span<const candor::encoded_record* const>(pointers), words))
      confirmed.push_back(read.front().confirmed());
  }
  return confirmed;
}

std::vector<scenes::scene> fresh_scenes(const recipe_context& context, std::int64_t count,
                                        std::int64_t first) {
  std::vector<scenes::scene> out;
  for (std::int64_t i = 0; i < count; ++i)
    out.push_back(scenes::draw_scene(30'000 + context.seed, static_cast<std::uint64_t>(first + i)));
  return out;
}

}  // namespace compare
