// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/core/error.hpp>
#include <candor/image/decode.hpp>
#include <candor/io/atomic_file.hpp>

#include <scenes/records.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <sstream>

TEST_CASE("records are RLHF-V's lines beside a folder of PNG files", "[scenes][records]") {
  const candor_test::scratch_folder folder;
  std::vector<scenes::scene> drawn;
  for (std::uint64_t i = 0; i < 4; ++i) drawn.push_back(scenes::draw_scene(51, i));
  const std::vector<scenes::preference_record> records = {
      {.scene = 2,
       .question = "Describe the picture.",
       .chosen = "a \"quoted\" answer",
       .rejected = "two\nlines"},
      {.scene = 0, .question = "What is at the top?", .chosen = "Nothing", .rejected = "A red sun"},
      {.scene = 2, .question = "Is there a sun?", .chosen = "No", .rejected = "Yes"}};
  scenes::write_records(folder.path(), drawn, records);

  std::istringstream lines(candor::read_file(folder / "pairs.jsonl"));
  std::string line;
  for (std::size_t i = 0; i < records.size(); ++i) {
    REQUIRE(std::getline(lines, line));
    const auto read = nlohmann::json::parse(line);
    CHECK(read.size() == 5);
    CHECK(read["idx"] == i);
    CHECK(read["question"] == records[i].question);
    CHECK(read["chosen"] == records[i].chosen);
    CHECK(read["rejected"] == records[i].rejected);
    const auto picture = candor::load_image(folder.path() / "images" / read["image"].get<std::string>());
    CHECK(picture == drawn[records[i].scene].picture);
  }
  CHECK_FALSE(std::getline(lines, line));
  CHECK(std::filesystem::exists(folder / "images/00000.png"));
  CHECK_FALSE(std::filesystem::exists(folder / "images/00001.png"));  // no record names it
}

TEST_CASE("images are named by their scene", "[scenes][records]") {
  CHECK(scenes::image_name(0) == "00000.png");
  CHECK(scenes::image_name(12345) == "12345.png");
  CHECK(scenes::image_name(1234567) == "1234567.png");
  const candor_test::scratch_folder folder;
  scenes::write_images(folder.path(), std::vector<scenes::scene>{scenes::draw_scene(52, 0)});
  CHECK(candor::load_image(folder / "images/00000.png") == scenes::draw_scene(52, 0).picture);
}

TEST_CASE("a record of no scene, and a folder that cannot be made, are refused", "[scenes][records]") {
  const candor_test::scratch_folder folder;
  const std::vector<scenes::scene> one = {scenes::draw_scene(53, 0)};
  const std::vector<scenes::preference_record> records = {
      {.scene = 1, .question = "", .chosen = "", .rejected = ""}};
  CHECK_THROWS_WITH(scenes::write_records(folder.path(), one, records), "record 0 names scene 1 of 1");
  std::filesystem::create_directory(folder / "images");
  candor::write_atomically(folder / "images/file", "x");
  CHECK_THROWS_AS(scenes::write_images(folder / "images/file", one), candor::io_error);
}
