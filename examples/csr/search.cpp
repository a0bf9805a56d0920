// SPDX-License-Identifier: Apache-2.0
/// The stage that runs the models: trees of sentences, weighed by CLIP.
#include <candor/data/preference_data.hpp>
#include <candor/feedback/sentence_search.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/line_log.hpp>
#include <candor/model/clip.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/signals.hpp>

#include "csr/csr.hpp"
#include "program/backend.hpp"
#include "tools/inference.hpp"
#include "training/instructions.hpp"

#include <algorithm>
#include <memory>
#include <numeric>

namespace csr {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t together = 16;  ///< instructions that are searched at once; the file grows by so many

/// A line of trees.jsonl.
std::string line_of(const candor::question_record& record, const round& r,
                    const candor::sentence_tree& tree) {
  const auto costs = candor::path_costs(tree, r.s.search);
  std::vector<std::size_t> order(tree.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t n) { return !tree[n].whole; });
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return costs[a] < costs[b]; });
  auto answers = ordered_json::array();
  for (const auto n : order) answers.push_back({{"answer", tree[n].text}, {"cost", costs[n]}});
  ordered_json line{{"id", record.id},
                    {"image", training::image_name(record, r.o.images)},
                    {"question", record.question},
                    {"sentences", tree.size() - 1},
                    {"answers", std::move(answers)}};
  if (const auto pair = candor::pair_of(tree, r.s.search)) {
    line["chosen"] = pair->chosen;
    line["rejected"] = pair->rejected;
  }
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

template <class Model, class Clip>
std::string search_some(Model& policy, Clip& clip, const round& r,
                        const std::vector<candor::question_record>& instructions) {
  const auto& p = policy.processor();
  std::vector<typename Clip::embedding> pictures;
  for (const auto& record : instructions)
    pictures.push_back(clip.image_embeddings(std::span<const candor::image_source>(record.images)).front());
  std::size_t next = 0;
  const auto source = [&]() -> candor::generate_prompt {
    if (next == instructions.size()) return {};
    const auto& record = instructions[next++];
    return {
        std::make_shared<candor::encoded_record>(p.prompt(record.question, record.images, record.source))};
  };
  const auto scorer = [&](std::size_t prompt, std::span<const std::string> sentences) {
    std::vector<double> scores;
    for (const auto& e : clip.text_embeddings(sentences))
      scores.push_back(static_cast<double>(clip.score(pictures[prompt], e)));
    return scores;
  };
  std::vector<std::string> lines(instructions.size());
  const auto sink = [&](std::size_t prompt, candor::sentence_tree&& tree) {
    lines[prompt] = line_of(instructions[prompt], r, tree);
  };
  candor::search_sentences(policy.network(), p.words(), candor::prompt_source(source), r.s.search,
                           candor::sentence_scorer(scorer), candor::sentence_sink(sink));
  std::string all;
  for (const auto& line : lines) all += line;
  return all;
}

}  // namespace

void search(const round& r) {
  if (std::filesystem::exists(r.trees())) return;
  std::filesystem::create_directories(r.folder);
  const candor::questions_data data(r.o.data, {.images = r.o.images});
  const std::int64_t count = r.s.instructions > 0 ? r.s.instructions : data.size(),
                     first = r.s.instructions * (r.number - 1);
  candor::require<candor::input_error>(first + count <= data.size(), r.o.data.string(), ": has ", data.size(),
                                       " instructions, round ", r.number, " needs those up to ",
                                       first + count, "; lower --instructions or --rounds");
  const candor::stop_signals signals;
  tools::with_element_type(r.o.dtype, [&](auto zero) {
    program::with_backend(r.o.device, r.o.threads, [&](auto& backend) {
      auto policy = candor::load_llava<decltype(zero)>(
          backend, {.model = r.policy, .vision_tower = r.o.vision_tower}, r.o.processor);
      auto clip = candor::load_clip<float>(backend, r.s.clip);
      candor::line_log output(r.trees(), together);
      std::int64_t done = output.lines();
      candor::progress bar({.title = candor::text("round ", r.number, ": search"),
                            .unit = "instructions",
                            .total = count,
                            .done = done,
                            .quiet = r.o.fit.quiet});
      for (; done < count; bar.update(done)) {
        candor::throw_if_stopped("search");
        std::vector<candor::question_record> instructions;
        for (std::int64_t i = done; i < std::min(done + together, count); ++i)
          instructions.push_back(data.record(first + i));
        output.append(search_some(policy, clip, r, instructions));
        done += static_cast<std::int64_t>(instructions.size());
      }
      bar.finish();
      output.commit();
    });
  });
}

}  // namespace csr
