// SPDX-License-Identifier: Apache-2.0
#include "scenes/world.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/table.hpp>

#include "report/run_report.hpp"
#include "scenes/claims.hpp"
#include "scenes/evaluate.hpp"
#include "scenes/report_files.hpp"

#include <algorithm>
#include <cstdio>
#include <span>

namespace scenes {

namespace {

std::filesystem::path world_folder(const char* name) {
  const auto source = std::filesystem::path(CANDOR_EXAMPLES_DIR) / "scenes" / name;
  if (std::filesystem::exists(source)) return source;
  const auto program = std::filesystem::canonical("/proc/self/exe");
  return program.parent_path().parent_path() / "share/candor/scenes" / name;
}

}  // namespace

std::filesystem::path base_folder() { return world_folder("base"); }
std::filesystem::path clip_folder() { return world_folder("clip"); }

model_figures evaluate_folder(const std::filesystem::path& folder, const std::filesystem::path& adapter,
                              int threads, int held_out) {
  candor::host cpu({.threads = threads});
  auto model = candor::load_llava<float>(cpu, folder);
  if (!adapter.empty()) candor::load_adapter(model.network(), adapter);
  const auto test = make_test_set(held_out);
  return {evaluate(model.network(), model.processor(), test),
          describe(model.network(), model.processor(), test.scenes)};
}

std::vector<captioned_scene> mended(const std::vector<std::string>& before,
                                    const std::vector<std::string>& after) {
  const auto test = make_test_set(static_cast<int>(before.size()));
  std::vector<captioned_scene> shown;
  for (std::size_t i = 0; i < test.scenes.size() && shown.size() < 8; ++i)
    if (annotate(test.scenes[i], before[i])) shown.push_back({test.scenes[i], before[i], after[i]});
  return shown;
}

std::vector<std::string> figure_heads() {
  return {"", "mentions that are lies %", "captions with a lie %", "recall %", "words", "yes/no %"};
}

std::vector<std::string> figure_cells(const std::string& name, const caption_metrics& m,
                                      const std::string& yes_no) {
  using candor::fixed;
  return {name,
          fixed(m.mention_hallucination(), 1),
          fixed(m.response_hallucination(), 1),
          fixed(m.recall(), 1),
          fixed(m.mean_words(), 1),
          yes_no};
}

void show_captions(const std::vector<captioned_scene>& shown) {
  for (std::size_t i = 0; i < shown.size() && i < 3; ++i)
    std::printf("picture  %s\nbefore   %s\nafter    %s\n\n",
                caption(caption_style::brief, shown[i].what.objects).c_str(), shown[i].before.c_str(),
                shown[i].after.c_str());
}

void write_results(const std::filesystem::path& folder,
                   const std::vector<std::pair<std::string, evaluation>>& stages,
                   const std::vector<captioned_scene>& shown, const svg_labels& labels) {
  const std::span sheet(shown.data(), std::min<std::size_t>(shown.size(), 3));
  candor::write_atomically(folder / "captions.svg", svg_sheet(sheet, labels));
  write_report_files(folder, stages, shown, labels);
  report::write_report(folder);
}

}  // namespace scenes
