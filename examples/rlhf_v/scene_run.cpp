// SPDX-License-Identifier: Apache-2.0
#include "rlhf_v/scene_run.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/model/llava.hpp>

#include "rlhf_v/train.hpp"
#include "scenes/claims.hpp"
#include "scenes/evaluate.hpp"
#include "scenes/records.hpp"
#include "training/made_with.hpp"

#include <chrono>

namespace rlhf_v {
namespace {

/// Pictures, one sampled caption each, and the pairs in which the annotator found something wrong.
std::size_t write_pairs(candor::llava<candor::host, float>& base, const scene_options& world,
                        const std::filesystem::path& folder) {
  std::vector<scenes::scene> pictures;
  for (int i = 0; i < world.pictures; ++i)
    pictures.push_back(scenes::draw_scene(5000 + 100 * world.seed, static_cast<std::uint64_t>(i)));
  const auto captions =
      scenes::describe(base.network(), base.processor(), pictures, scenes::caption_style::brief,
                       {.temperature = world.temperature, .seed = world.seed});
  std::vector<scenes::preference_record> records;
  for (std::size_t i = 0; i < pictures.size(); ++i)
    if (const auto corrected = scenes::annotate(pictures[i], captions[i]))
      records.push_back({i, scenes::prompt(scenes::caption_style::brief), *corrected, captions[i]});
  scenes::write_records(folder, pictures, records);
  return records.size();
}

}  // namespace

std::size_t prepare_pairs(const training::options& o, const scene_options& world) {
  const auto folder = o.data.parent_path(), recipe = folder / "made_with.json";
  candor::run_config asked;
  asked.add("pictures", world.pictures);
  asked.add("temperature", world.temperature);
  asked.add("seed", world.seed);
  training::claim(recipe, asked, folder.string(),
                  "resume with the same --pictures and --seeds, or choose another --output");
  if (std::filesystem::exists(o.data))
    return static_cast<std::size_t>(candor::preference_data(o.data, {.images = o.images}).size());
  candor::host cpu({.threads = o.threads});
  auto base = candor::load_llava<float>(cpu, world.base);
  return write_pairs(base, world, folder);
}

scene_training train_on_scenes(const settings& s, const training::options& given,
                               const scene_options& world) {
  training::options o = given;
  o.model = world.base;
  o.images = o.output / "data" / "images";
  o.data = o.output / "data" / "pairs.jsonl";
  o.output = o.fit.run_folder = o.output / "run";
  o.fit.seed = world.seed;
  const auto pairs = prepare_pairs(o, world);
  return {pairs, train(s, o).saved};
}

scene_result run_on_scenes(const settings& s, const training::options& o, const scene_options& world) {
  const auto begin = std::chrono::steady_clock::now();
  const auto trained = train_on_scenes(s, o, world);
  scene_result result{.pairs = trained.pairs, .saved = trained.saved};
  result.after = o.lora.rank > 0 ? scenes::evaluate_folder(world.base, result.saved, o.threads)
                                 : scenes::evaluate_folder(result.saved, {}, o.threads);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace rlhf_v
