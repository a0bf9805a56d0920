// SPDX-License-Identifier: Apache-2.0
#include <candor/data/preference_data.hpp>

#include <candor/core/error.hpp>
#include <candor/data/split.hpp>
#include <candor/io/atomic_file.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <numeric>

using candor::preference_data;
using candor_test::contains;

namespace {

/// A folder with images a.png and deep/b.png (any bytes: they are not decoded here) and a file of records.
struct record_folder {
  candor_test::scratch_folder folder;

  record_folder() {
    std::filesystem::create_directories(folder / "images/deep");
    candor::write_atomically(folder / "images/a.png", "first");
    candor::write_atomically(folder / "images/deep/b.png", "second");
    candor::write_atomically(folder / "secret.png", "not for records");
  }
  std::filesystem::path file() const { return folder / "pairs.jsonl"; }
  preference_data open(std::string_view lines, candor::data_options options = {}) const {
    candor::write_atomically(file(), lines);
    if (options.images.empty()) options.images = folder / "images";
    return preference_data(file(), options);
  }
  /// The error of a second line, after one that is right; it must name line 2 of the file.
  std::string error_of(std::string_view line, candor::data_options options = {}) const {
    const std::string good = R"({"image": "a.png", "question": "q", "chosen": "c", "rejected": "r"})";
    try {
      open(good + "\n" + std::string(line) + "\n", std::move(options));
    } catch (const candor::input_error& problem) {
      const std::string message = problem.what();
      CHECK(message.starts_with(file().string() + ":2"));
      CHECK(problem.exit_code() == 3);
      return message;
    }
    return "no error";
  }
};

const std::string two_records =
    R"({"idx": 7, "image": "a.png", "question": "What is it?", "chosen": "A cat", "rejected": "A dog", "logps": [1]})"
    "\n"
    R"({"id": "x-1", "image_path": "deep/b.png", "prompt": "Und hier? \u00e4", "chosen": "One\ntwo", "rejected": "Ein Hund"})"
    "\n";

}  // namespace

TEST_CASE("records come with their texts, images, ids and places", "[data][preference_data]") {
  const record_folder here;
  const auto data = here.open(two_records);
  REQUIRE(data.size() == 2);
  CHECK(data.path() == here.file());
  const auto second = data.record(1), first = data.record(0);
  CHECK(first.id == "7");
  CHECK(first.question == "What is it?");
  CHECK(first.chosen == "A cat");
  CHECK(first.rejected == "A dog");
  REQUIRE(first.images.size() == 1);
  CHECK(first.images[0].read() == "first");
  CHECK(first.source == here.file().string() + ":1");
  CHECK(second.id == "x-1");
  CHECK(second.question == "Und hier? \xc3\xa4");
  CHECK(second.chosen == "One\ntwo");
  CHECK(second.images.at(0).read() == "second");
  CHECK(second.source == here.file().string() + ":2");
  CHECK_THROWS_AS(data.record(2), candor::usage_error);
  CHECK_THROWS_AS(data.record(-1), candor::usage_error);
}

TEST_CASE("RLHF-V's records hold their texts in a JSON string", "[data][preference_data]") {
  const record_folder here;
  const auto data = here.open(
      R"({"ds_name": "RLHF-V", "image": "a.png", "text": "{\"question\": \"Q?\", \"chosen\": \"yes\", \"rejected\": \"no\", \"logps\": [0.5]}", "idx": 3})");
  const auto record = data.record(0);
  CHECK(record.id == "3");
  CHECK(record.question == "Q?");
  CHECK(record.chosen == "yes");
  CHECK(record.rejected == "no");
  CHECK_THAT(here.error_of(R"({"image": "a.png", "text": "{\"question\": 1"})"),
             contains(":2: text:1:14: not valid JSON"));
  CHECK_THAT(here.error_of(R"({"image": "a.png", "text": "{\"question\": \"q\", \"chosen\": \"c\"}"})"),
             contains(":2: text: the key \"rejected\" is missing"));
  CHECK_THAT(here.error_of(R"({"image": "a.png", "text": {"question": "q"}})"),
             contains(":2: text: expected a string, found an object"));
}

TEST_CASE("blank lines, CRLF and a last line without newline are read, and lines keep their numbers",
          "[data][preference_data]") {
  const record_folder here;
  const auto data = here.open(
      "\n"
      R"({"image": "a.png", "question": "q", "chosen": "c", "rejected": "r"})"
      "\r\n \t\n"
      R"({"image": "a.png", "question": "q2", "chosen": "c", "rejected": "r"})");
  REQUIRE(data.size() == 2);
  CHECK(data.record(0).source == here.file().string() + ":2");
  CHECK(data.record(0).id == "0");
  CHECK(data.record(1).source == here.file().string() + ":4");
  CHECK(data.record(1).question == "q2");
  CHECK(data.record(1).id == "1");
}

TEST_CASE("lines that cross the blocks of the reader are whole", "[data][preference_data]") {
  const record_folder here;
  std::string lines;
  std::vector<std::size_t> lengths;
  candor::random_stream random(41, 0);
  while (lines.size() < (5u << 20)) {
    lengths.push_back(1 + random.below(200'000));
    lines += R"({"image": "a.png", "question": ")" + std::string(lengths.back(), 'q') +
             R"(", "chosen": "c", "rejected": "r"})" + "\n";
  }
  const auto data = here.open(lines);
  REQUIRE(data.size() == static_cast<std::int64_t>(lengths.size()));
  for (std::size_t i = 0; i < lengths.size(); ++i)
    CHECK(data.record(static_cast<std::int64_t>(i)).question.size() == lengths[i]);
}

TEST_CASE("a malformed line is refused with its place and what to do", "[data][preference_data]") {
  const record_folder here;
  const auto line = [](const std::string& image, const std::string& chosen, const std::string& rejected) {
    return R"({"image": )" + image + R"(, "question": "q", "chosen": )" + chosen + R"(, "rejected": )" +
           rejected + "}";
  };
  CHECK_THAT(here.error_of("{\"image\": "), contains(":2:10: not valid JSON"));
  CHECK_THAT(here.error_of("[1, 2]"), contains("expected an object, found an array"));
  CHECK_THAT(here.error_of(line("\"a.png\"", "\"c\"", "\"r\"") + " {}"), contains("not valid JSON"));
  CHECK_THAT(here.error_of(line("\"a.png\"", "\"\xff\"", "\"r\"")), contains("UTF-8"));
  CHECK_THAT(here.error_of(line("\"a.png\"", R"("\ud800")", "\"r\"")), contains("not valid JSON"));
  CHECK_THAT(here.error_of(line("\"a.png\"", "\"c\"", std::string(65, '[') + std::string(65, ']'))),
             contains("nested deeper than 64"));
  CHECK_THAT(here.error_of(std::string("{\"a\": \0}", 8)), contains("a NUL byte"));
  CHECK_THAT(here.error_of(R"({"question": "q", "chosen": "c", "rejected": "r"})"),
             contains("the key \"image\" is missing; a record needs image, question, chosen and rejected"));
  CHECK_THAT(here.error_of(R"({"image": "a.png", "chosen": "c", "rejected": "r"})"),
             contains("the key \"question\" is missing"));
  CHECK_THAT(here.error_of(R"({"image": "a.png", "question": "q", "chosen": "c"})"),
             contains("the key \"rejected\" is missing"));
  CHECK_THAT(here.error_of(line("\"a.png\"", "[\"c\"]", "\"r\"")),
             contains("chosen[0]: expected an object, found \"c\""));
  CHECK_THAT(here.error_of(line("\"a.png\"", "3", "\"r\"")), contains("chosen: expected a string, found 3"));
  CHECK_THAT(here.error_of(line("\"a.png\"", "\" \\n\"", "\"r\"")),
             contains("chosen: the text is empty; remove"));
  CHECK_THAT(here.error_of(line("\"a.png\"", "\"c\"", "\"\"")), contains("rejected: the text is empty"));
  CHECK_THAT(here.error_of(line("\"a.png\"", "\"c\"", "\"c\"")), contains("chosen and rejected are equal"));
  CHECK_THAT(
      here.error_of(R"({"idx": 1.5, "image": "a.png", "question": "q", "chosen": "c", "rejected": "r"})"),
      contains("idx: expected an integer or a string"));
  CHECK_THAT(here.error_of(R"({"image": "a.png", "image": "a.png"})"), contains("appears twice"));
}

TEST_CASE("an image that cannot be used is refused by its name", "[data][preference_data]") {
  const record_folder here;
  const auto error = [&](const std::string& image) {
    return here.error_of(R"({"image": )" + image + R"(, "question": "q", "chosen": "c", "rejected": "r"})");
  };
  CHECK_THAT(error("\"c.png\""), contains("images/c.png does not exist; check the name and the folder"));
  CHECK_THAT(error("\"../secret.png\""),
             contains("image: the image \"../secret.png\" is outside of the folder"));
  CHECK_THAT(error("\"deep/../../secret.png\""), contains("is outside of the folder"));
  CHECK_THAT(error("\"" + (here.folder / "secret.png").string() + "\""),
             contains("is outside of the folder"));
  CHECK_THAT(error("\"../images-of-others/a.png\""), contains("is outside of the folder"));
  CHECK_THAT(error("\"deep\""), contains("is not a file"));
  CHECK_THAT(error("\"\""), contains("is no file name"));
  CHECK_THAT(error("\"a.png\\u0000.jpg\""), contains("is no file name"));
  CHECK_THAT(error(R"({"path": "a.png", "bytes": "aGVsbG8="})"), contains("save each image as a file"));
  CHECK_THAT(error("5"), contains("image: expected a string, found 5"));
  CHECK_THAT(here.error_of(R"({"images": [], "question": "q", "chosen": "c", "rejected": "r"})"),
             contains("images: the list is empty"));
  CHECK_THAT(
      here.error_of(R"({"images": ["a.png", "c.png"], "question": "q", "chosen": "c", "rejected": "r"})"),
      contains("images[1]: the image"));
}

TEST_CASE("names inside of the folder are taken however they are written", "[data][preference_data]") {
  const record_folder here;
  const std::string rest = R"(, "question": "q", "chosen": "c", "rejected": "r"})";
  const auto image_of = [&](const std::string& image, const std::filesystem::path& root) {
    return here.open(image + rest, {.images = root}).record(0).images.at(0);
  };
  const auto root = here.folder / "images", slashed = here.folder / "images/";
  for (const auto& name : {std::string("a.png"), std::string("deep/../a.png"), (root / "a.png").string()}) {
    CHECK(image_of("{\"image\": \"" + name + "\"", root).read() == "first");
    CHECK(image_of("{\"image\": \"" + name + "\"", slashed).read() == "first");
  }
  const auto both = here.open(R"({"images": ["a.png", "deep/b.png"])" + rest).record(0).images;
  REQUIRE(both.size() == 2);
  CHECK(both[1].read() == "second");
  candor::write_atomically(here.folder / "beside.jsonl", R"({"image": "secret.png")" + rest);
  CHECK(preference_data(here.folder / "beside.jsonl").record(0).images.at(0).file() == here.folder / "secret.png");
}

TEST_CASE("a line is read up to its limit", "[data][preference_data]") {
  const record_folder here;
  const std::string line = R"({"image": "a.png", "question": "q", "chosen": "c", "rejected": "rr"})";
  CHECK(here.open(line + "\n", {.max_record_bytes = line.size()}).size() == 1);
  CHECK_THAT(here.error_of(line, {.max_record_bytes = line.size() - 1}),
             contains(candor::text("the record is longer than ", line.size() - 1, " bytes")));
}

TEST_CASE("files that hold no records are refused", "[data][preference_data]") {
  const record_folder here;
  CHECK_THROWS_WITH(here.open(""), here.file().string() + ": no records; expected one JSON object a line, or a JSON list of objects");
  CHECK_THROWS_WITH(here.open(" \n\n"), contains("no records"));
  CHECK_THROWS_WITH(here.open("\xEF\xBB\xBF{}"), contains("byte order mark"));
  CHECK_THROWS_AS(preference_data(here.folder / "absent.jsonl"), candor::io_error);
  CHECK_THROWS_WITH(preference_data(here.folder / "images"), contains("this folder has no *.parquet files"));
  CHECK_THROWS_WITH(here.open(two_records, {.images = here.folder / "pictures"}),
                    contains("pictures does not exist; name the folder"));
  REQUIRE(::mkfifo((here.folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(preference_data(here.folder / "pipe"), contains("is not a regular file"));
}

TEST_CASE("a file that changes under a reader is noticed", "[data][preference_data]") {
  const record_folder here;
  const auto data = here.open(two_records);
  std::filesystem::resize_file(here.file(), two_records.size() - 20);
  CHECK(data.record(0).id == "7");
  CHECK_THROWS_WITH(data.record(1), contains("pairs.jsonl:2: the file became shorter"));
}

TEST_CASE("data can be moved and read afterwards", "[data][preference_data]") {
  const record_folder here;
  auto data = here.open(two_records);
  auto other = std::move(data);
  CHECK(other.record(1).id == "x-1");
  auto third = here.open(two_records);
  third = std::move(other);
  CHECK(third.record(0).id == "7");
}

TEST_CASE("the fingerprint of data follows the records and their images", "[data][preference_data]") {
  const record_folder here;
  const auto print = [&](const std::string& lines, candor::image_digest images) {
    candor::fingerprint p;
    here.open(lines).add_to(p, images);
    return p;
  };
  using candor::image_digest;
  const auto stat = print(two_records, image_digest::stat), bytes = print(two_records, image_digest::bytes);
  CHECK(candor::first_difference(stat, print(two_records, image_digest::stat)).empty());
  CHECK(candor::first_difference(stat, bytes) == "images");
  CHECK(candor::first_difference(stat, print(two_records + "\n", image_digest::stat)) == "records");

  const auto image = here.folder / "images/deep/b.png";
  std::filesystem::last_write_time(image, std::filesystem::last_write_time(image) + std::chrono::seconds(5));
  CHECK(candor::first_difference(stat, print(two_records, image_digest::stat)) == "images");
  CHECK(candor::first_difference(bytes, print(two_records, image_digest::bytes)).empty());
  candor::write_atomically(image, "changed");
  CHECK(candor::first_difference(bytes, print(two_records, image_digest::bytes)) == "images");
}

TEST_CASE("questions come with their responses, or without", "[data][questions_data]") {
  const record_folder here;
  const auto open = [&](std::string_view lines) {
    candor::write_atomically(here.folder / "in.jsonl", lines);
    return candor::questions_data(here.folder / "in.jsonl", {.images = here.folder / "images"});
  };
  const auto data = open(R"({"image": "a.png", "question": "q?", "responses": ["yes", ""]})"
                         "\n"
                         R"({"image": "deep/b.png", "question": "r?", "id": "second"})");
  REQUIRE(data.size() == 2);
  CHECK(data.record(0).responses == std::vector<std::string>{"yes", ""});
  CHECK(data.record(0).question == "q?");
  CHECK(data.record(1).responses.empty());
  CHECK(data.record(1).id == "second");
  CHECK(data.record(1).images.at(0).read() == "second");
  CHECK(data.record(1).source == (here.folder / "in.jsonl").string() + ":2");
  CHECK_THROWS_WITH(open(R"({"image": "a.png", "question": "q?", "responses": "yes"})"),
                    contains("in.jsonl:1: responses: expected an array"));
  CHECK_THROWS_WITH(open(R"({"image": "a.png", "question": "q?", "responses": ["yes", 2]})"),
                    contains("in.jsonl:1: responses[1]: expected a string, found 2"));
  CHECK_THROWS_WITH(open(R"({"image": "a.png"})"),
                    contains("the key \"question\" is missing; a record needs image and question"));
}

TEST_CASE("a split takes every record once, by seed, and a larger one contains the smaller",
          "[data][split]") {
  const auto split = candor::split_records(100, {.eval_fraction = 0.15, .seed = 3});
  CHECK(split.eval.size() == 15);
  auto all = split.train;
  all.insert(all.end(), split.eval.begin(), split.eval.end());
  CHECK(std::is_sorted(split.train.begin(), split.train.end()));
  CHECK(std::is_sorted(split.eval.begin(), split.eval.end()));
  std::sort(all.begin(), all.end());
  std::vector<std::int64_t> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  CHECK(all == expected);
  CHECK(candor::split_records(100, {.eval_count = 15, .seed = 3}).eval == split.eval);
  CHECK(candor::split_records(100, {.eval_count = 15, .seed = 4}).eval != split.eval);
  const auto larger = candor::split_records(100, {.eval_count = 30, .seed = 3});
  CHECK(std::includes(larger.eval.begin(), larger.eval.end(), split.eval.begin(), split.eval.end()));
  CHECK(candor::split_records(100, {}).eval.empty());
  CHECK(candor::split_records(0, {}).train.empty());
}

TEST_CASE("a split that leaves nothing to train on is refused", "[data][split]") {
  CHECK_THROWS_AS(candor::split_records(10, {.eval_count = 10}), candor::usage_error);
  CHECK_THROWS_AS(candor::split_records(10, {.eval_count = -1}), candor::usage_error);
  CHECK_THROWS_AS(candor::split_records(10, {.eval_fraction = 1.0}), candor::usage_error);
  CHECK_THROWS_AS(candor::split_records(10, {.eval_fraction = 0.99}), candor::usage_error);
  CHECK_THROWS_AS(candor::split_records(10, {.eval_fraction = 0.1, .eval_count = 1}), candor::usage_error);
}

TEST_CASE("the pairs of the photographs are read", "[data][preference_data]") {
  const auto file = candor_test::shared_data("photos/pairs.jsonl");
  if (file.empty()) CANDOR_SKIP("the photographs are absent");
  const preference_data pairs(file, {.images = file.parent_path() / "images"});
  REQUIRE(pairs.size() >= 32);
  for (std::int64_t i = 0; i < pairs.size(); ++i)
    CHECK(std::filesystem::exists(pairs.record(i).images.at(0).file()));
}
