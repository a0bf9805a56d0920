// SPDX-License-Identifier: Apache-2.0
#include "rlhf_v/scene_run.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/model/llava.hpp>

#include "rlhf_v/train.hpp"
#include "scenes/claims.hpp"
#include "scenes/evaluate.hpp"
#include "scenes/records.hpp"

#include <chrono>

namespace rlhf_v {
namespace {

/// Pictures, one sampled caption each, and the pairs in which the annotator found something wrong.
std::size_t write_pairs(candor::llava<candor::host, float>& base, const scene_options& world, const std::filesystem::path& folder) {
  std::vector<scenes::scene> pictures;
  for (int i = 0; i < world.pictures; ++i) pictures.push_back(scenes::draw_scene(5000 + 100 * world.seed, static_cast<std::uint64_t>(i)));
  const auto captions = scenes::describe(base.network(), base.processor(), pictures, scenes::caption_style::brief,
                                         {.temperature = world.temperature, .seed = world.seed});
  std::vector<scenes::preference_record> records;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    if (const auto corrected = scenes::annotate(pictures[i], captions[i]))
      records.push_back({i, scenes::prompt(scenes::caption_style::brief), *corrected, captions[i]});
  scenes::write_records(folder, pictures, records);
  return records.size();
}

}  // namespace

base_figures evaluate_folder(const std::filesystem::path& folder, int threads) {
  candor::host cpu({.threads = threads});
  auto model = candor::load_llava<float>(cpu, folder);
  const auto test = scenes::make_test_set();
  return {scenes::evaluate(model.network(), model.processor(), test), scenes::describe(model.network(), model.processor(), test.scenes)};
}

scene_result run_on_scenes(const settings& s, const training::options& given, const scene_options& world) {
  scene_result result;
  const auto begin = std::chrono::steady_clock::now();
  training::options o = given;
  o.model = world.base;
  o.images = o.output / "data" / "images";
  o.data = o.output / "data" / "pairs.jsonl";
  o.output = o.fit.run_folder = o.output / "run";
  o.fit.seed = world.seed;
  {
    candor::host cpu({.threads = o.threads});
    auto base = candor::load_llava<float>(cpu, world.base);
    result.pairs = write_pairs(base, world, o.data.parent_path());
  }
  result.model = train(s, o).saved;
  result.after = evaluate_folder(result.model, o.threads).figures;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace rlhf_v
