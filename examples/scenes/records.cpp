// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/image/write_png.hpp>
#include <candor/io/atomic_file.hpp>

#include <scenes/records.hpp>

#include <nlohmann/json.hpp>

#include <vector>

namespace scenes {
namespace {

std::filesystem::path make_image_folder(const std::filesystem::path& folder) {
  const auto images = folder / "images";
  std::error_code failed;
  std::filesystem::create_directories(images, failed);
  candor::require<candor::io_error>(!failed, "cannot make the folder ", images.string(), ": ",
                                    failed.message());
  return images;
}

}  // namespace

std::string image_name(std::size_t scene) {
  const std::string digits = std::to_string(scene);
  return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits + ".png";
}

void write_images(const std::filesystem::path& folder, std::span<const scene> scenes) {
  const auto images = make_image_folder(folder);
  for (std::size_t i = 0; i < scenes.size(); ++i)
    candor::write_png(images / image_name(i), scenes[i].picture);
}

void write_records(const std::filesystem::path& folder, std::span<const scene> scenes,
                   std::span<const preference_record> records) {
  const auto images = make_image_folder(folder);
  std::vector<bool> written(scenes.size(), false);
  std::string lines;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto& record = records[i];
    candor::require<candor::usage_error>(record.scene < scenes.size(), "record ", i, " names scene ",
                                         record.scene, " of ", scenes.size());
    if (!written[record.scene])
      candor::write_png(images / image_name(record.scene), scenes[record.scene].picture);
    written[record.scene] = true;
    const nlohmann::ordered_json line = {{"idx", i},
                                         {"image", image_name(record.scene)},
                                         {"question", record.question},
                                         {"chosen", record.chosen},
                                         {"rejected", record.rejected}};
    lines += line.dump() + "\n";
  }
  candor::write_atomically(folder / "pairs.jsonl", lines);
}

}  // namespace scenes
