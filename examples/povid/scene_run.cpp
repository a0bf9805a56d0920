// SPDX-License-Identifier: Apache-2.0
#include "povid/scene_run.hpp"

#include <candor/train/run_folder.hpp>

#include "scenes/injection.hpp"
#include "scenes/records.hpp"
#include "training/made_with.hpp"

#include <chrono>

namespace povid {
namespace {

/// Seeds of pictures lie above those of the base's training, of its test and of the other pipelines.
std::uint64_t picture_seed(const training::options& o) { return 40'000 + o.fit.seed; }

/// Writes fresh pictures with a true and a hallucinated caption each. A resumed run keeps those it began
/// with: the images' times are part of what its checkpoints know.
void prepare_pairs(const settings& s, const training::options& o) {
  const auto folder = o.data.parent_path(), recipe = folder / "made_with.json";
  candor::run_config asked;
  asked.add("pictures", s.pictures);
  asked.add("seed", o.fit.seed);
  training::claim(recipe, asked, folder.string(),
                  "resume with the same --pictures and --seeds, or choose another --output");
  if (std::filesystem::exists(o.data)) return;
  std::vector<scenes::scene> pictures;
  std::vector<scenes::preference_record> records;
  for (int i = 0; i < s.pictures; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    pictures.push_back(scenes::draw_scene(picture_seed(o), index));
    candor::random_stream dice(o.fit.seed, index);
    records.push_back({static_cast<std::size_t>(i), scenes::prompt(scenes::caption_style::brief),
                       scenes::caption(scenes::caption_style::brief, pictures.back().objects),
                       scenes::hallucinated_caption(pictures.back(), dice)});
  }
  scenes::write_records(folder, pictures, records);
}

}  // namespace

std::vector<stage_report> train_on_scenes(const settings& s, const training::options& given,
                                          const std::filesystem::path& base,
                                          const std::vector<std::string>& stages) {
  const candor::run_folder root(given.output, !given.fit.resume.empty());
  training::options o = given;
  o.model = base;
  o.images = o.output / "data" / "images";
  o.data = o.output / "data" / "pairs.jsonl";
  const run_context run{.s = s, .o = o};
  prepare_pairs(s, o);
  return run_stages(run, stages);
}

std::vector<scene_stage> run_on_scenes(const settings& s, const training::options& o,
                                       const std::filesystem::path& base,
                                       const std::vector<std::string>& stages) {
  std::vector<scene_stage> out;
  for (const auto& report : train_on_scenes(s, o, base, stages)) {
    const auto begin = std::chrono::steady_clock::now();
    scene_stage done{.stage = report.stage,
                     .figures = scenes::evaluate_folder(report.model, {}, o.threads),
                     .model = report.model};
    done.seconds =
        report.seconds + std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    out.push_back(std::move(done));
  }
  return out;
}

}  // namespace povid
