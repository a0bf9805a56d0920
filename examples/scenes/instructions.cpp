// SPDX-License-Identifier: Apache-2.0
#include "scenes/instructions.hpp"

#include <candor/io/atomic_file.hpp>
#include <candor/io/staged_folder.hpp>
#include <candor/train/run_config.hpp>

#include "scenes/captions.hpp"
#include "scenes/records.hpp"
#include "training/made_with.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace scenes {

void prepare_instructions(const std::filesystem::path& output, const instruction_plan& wanted) {
  const auto data = output / "data", recipe = data / "made_with.json";
  candor::run_config asked;
  asked.add("instructions of all rounds", wanted.count);
  asked.add("seed", wanted.seed);
  if (std::filesystem::exists(data))
    return training::require_made_with(
        recipe, asked, data.string(),
        "resume with the same --rounds, --instructions and --seed, or choose another --output");
  std::filesystem::create_directories(output);
  std::vector<scene> pictures;
  std::string lines;
  for (std::int64_t i = 0; i < wanted.count; ++i) {
    const auto style = wanted.detailed && i % 2 == 1 ? caption_style::detailed : caption_style::brief;
    pictures.push_back(draw_scene(wanted.picture_seeds + wanted.seed, static_cast<std::uint64_t>(i)));
    lines +=
        nlohmann::ordered_json{
            {"idx", i}, {"image", image_name(static_cast<std::size_t>(i))}, {"question", prompt(style)}}
            .dump() +
        "\n";
  }
  candor::staged_folder folder(data);
  write_images(folder.path(), pictures);
  candor::write_atomically(folder.path() / "instructions.jsonl", lines);
  candor::write_atomically(folder.path() / "made_with.json", asked.document());
  folder.commit();
}

}  // namespace scenes
