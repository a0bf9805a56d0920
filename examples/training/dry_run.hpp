// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a training would do, without doing it: records as the model sees them, steps, memory, disk. Of the
/// model folder it reads config.json and the tokenizer's files, no weights; it writes nothing.

#include <candor/data/split.hpp>
#include <candor/train/encode.hpp>
#include <candor/train/fit_options.hpp>
#include <candor/train/reference_log_probs.hpp>

#include "training/memory_plan.hpp"
#include "training/options.hpp"
#include "training/plan_report.hpp"
#include "training/preview.hpp"
#include "training/records.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace training {

/// Records spread over the file, the longest first. Their pixels are zeros.
template <class Objective>
std::vector<candor::encoded_record> sample_records(const candor::processor& processor,
                                                   const candor::llava_config& config,
                                                   const candor::preference_data& data, const Objective& loss,
                                                   std::span<const candor::image_variant> variants,
                                                   std::int64_t wanted) {
  const auto& v = config.vision;
  const auto pixels = static_cast<std::size_t>(v.num_channels) * static_cast<std::size_t>(v.image_size) *
                      static_cast<std::size_t>(v.image_size);
  std::vector<candor::encoded_record> sample;
  const std::int64_t count = std::min(wanted, data.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const auto record = candor::objective_record(data, i * data.size() / count, loss);
    auto tree = candor::preference_tree(processor, record, loss, variants);
    const auto images = static_cast<std::size_t>(tree.images);
    sample.push_back({std::move(tree), std::vector<float>(images * pixels)});
  }
  std::stable_sort(sample.begin(), sample.end(),
                   [](const auto& a, const auto& b) { return a.tree.tokens() > b.tree.tokens(); });
  return sample;
}

/// What the segments of a record are: those that a cell scores are its answers.
inline std::vector<std::string> parts_of(const candor::forest& tree,
                                         std::span<const candor::cell_place> places) {
  std::vector<std::string> parts(tree.segments.size(), "question");
  for (std::size_t s = 0; s < parts.size(); ++s) {
    const auto& tokens = tree.segments[s].tokens;
    if (s == 0 || std::any_of(tokens.begin(), tokens.end(), [](auto token) { return token < 0; }))
      parts[s] = "prompt";
  }
  for (std::size_t c = 0; c < places.size(); ++c)
    for (const auto& run : tree.cells[c])
      if (auto& part = parts[static_cast<std::size_t>(run.segment)]; part != "prompt")
        part = places[c].branch == 0 ? "chosen" : places[c].branch == 1 ? "rejected" : "other";
  return parts;
}

template <class Objective>
void dry_run(const options& o, const Objective& loss) {
  const candor::llava_source source{.model = o.model, .vision_tower = o.vision_tower};
  const auto config = candor::read_llava_config(source);
  const candor::processor processor(source, config, o.processor);
  const auto variants = candor::variants_of(loss, o.fit.variants);
  const auto data = open_records(o.data, o, loss);
  const auto eval_data = open_eval_records(o, loss);
  with_skipped(o, data, eval_data);
  const auto split =
      candor::split_records(data.size(), {.eval_fraction = o.fit.eval_fraction, .seed = o.fit.seed});

  for (std::int64_t i = 0; i < std::min<std::int64_t>(2, data.size()); ++i) {
    const auto record = candor::objective_record(data, i, loss);
    processor.pixels(record.images);  // a picture that cannot be read is told here
    const auto tree = candor::preference_tree(processor, record, loss, variants);
    std::printf("%s\n%s\n", record.source.c_str(),
                preview(processor, tree, parts_of(tree, candor::places_of(loss))).c_str());
  }

  const auto sample =
      sample_records(processor, config, data, loss, variants, std::max<std::int64_t>(64, o.fit.batch_size));
  plan_facts facts;
  facts.records = data.size();
  facts.trained_on = static_cast<std::int64_t>(split.train.size());
  facts.evaluated_on = eval_data ? eval_data->size() : static_cast<std::int64_t>(split.eval.size());
  const auto reference = candor::plan_reference(loss, o.fit, !o.reference_model.empty(), o.lora.rank > 0);
  if (reference.cached())
    facts.cached_records =
        static_cast<double>(facts.records) * (reference.fresh ? std::ceil(o.fit.epochs) : 1) +
        static_cast<double>(eval_data ? facts.evaluated_on : 0);
  for (const auto& r : sample) {
    facts.tokens_of_record += static_cast<double>(r.tree.tokens()) / static_cast<double>(sample.size());
    for (const auto& path : r.tree.cells)
      for (const auto& run : path)
        facts.scored_of_record +=
            static_cast<double>(r.tree.segments[static_cast<std::size_t>(run.segment)].tokens.size()) /
            static_cast<double>(sample.size());
  }
  // The step of the longest records: what the memory must be enough for.
  std::vector<const candor::encoded_record*> step;
  for (std::int64_t i = 0; i < o.fit.batch_size; ++i)
    step.push_back(&sample[static_cast<std::size_t>(i) % sample.size()]);
  facts.pixel_bytes_of_record = 4.0 * static_cast<double>(step.front()->pixels.size());
  const auto memory = o.dtype == "bf16"
                          ? plan_memory<candor::bfloat16>(config, o, loss, std::span(std::as_const(step)))
                          : plan_memory<float>(config, o, loss, std::span(std::as_const(step)));
  std::printf("%s", plan_report(o, facts, memory).c_str());
}

}  // namespace training
