// SPDX-License-Identifier: Apache-2.0
/// Parquet files written by pyarrow (golden/make_parquet.py), in the forms that preference data is published
/// in.
#include <candor/core/error.hpp>
#include <candor/data/parquet.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/io/atomic_file.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

using candor::preference_data;
using candor_test::contains;
using candor_test::golden;

#if CANDOR_HAS_PARQUET

namespace {

std::string picture(int i) {
  std::string out;
  for (int n = 0; n < 100 + i; ++n) out += candor::text("picture ", i, " ");
  return out;
}

}  // namespace

TEST_CASE("RLHF-V's parquet is read with its pictures, in any order", "[data][parquet]") {
  const auto path = golden("data/rlhf_v.parquet");
  const preference_data data(path);
  REQUIRE(data.size() == 20);
  for (int n = 0; n < 20; ++n) {
    const int i = 7 * n % 20;  // from group to group
    const auto r = data.record(i);
    CHECK(r.id == std::to_string(i));
    CHECK(r.question == candor::text("What is in picture ", i, "?"));
    CHECK(r.chosen == candor::text("A cat, ", i, " times."));
    CHECK(r.rejected == candor::text("A dog, ", i, " times."));
    CHECK(r.source == candor::text(path.string(), ": row ", i));
    REQUIRE(r.images.size() == 1);
    CHECK(r.images[0].name() == candor::text(path.string(), ": row ", i, ": image.bytes"));
    CHECK(r.images[0].file().empty());
    CHECK(r.images[0].read() == picture(i));
  }
  CHECK_THROWS_AS(data.record(20), candor::usage_error);
}

TEST_CASE("RLAIF-V's parquet is read page by page, without its cached log-probs", "[data][parquet]") {
  const preference_data data(golden("data/rlaif_v.parquet"));
  REQUIRE(data.size() == 20);
  for (int n = 0; n < 20; ++n) {
    const int i = 11 * n % 20;
    const auto r = data.record(i);
    CHECK(r.id == candor::text("r", i));
    CHECK(r.question == candor::text("Question ", i, "?"));
    CHECK(r.chosen == candor::text("chosen ", i));
    CHECK(r.images.at(0).read() == picture(i));
  }
}

TEST_CASE("TRL's messages and lists of pictures are read from parquet", "[data][parquet]") {
  const preference_data data(golden("data/trl.parquet"));
  REQUIRE(data.size() == 5);
  for (const int i : {4, 0, 3, 1, 2}) {
    const auto r = data.record(i);
    CHECK(r.question == candor::text("Compare, ", i, "."));
    CHECK(r.chosen == candor::text("same ", i));
    CHECK(r.rejected == candor::text("other ", i));
    REQUIRE(r.rejected_later.size() == 1);
    CHECK(r.rejected_later[0].user == "Sure?");
    REQUIRE(r.images.size() == 2);
    CHECK(r.images[0].read() == picture(2 * i));
    CHECK(r.images[1].read() == picture(2 * i + 1));
    CHECK_THAT(r.images[1].name(), contains(candor::text("row ", i, ": images[1].bytes")));
  }
}

TEST_CASE("pictures may be named in parquet, row by row, or be absent", "[data][parquet]") {
  const candor_test::scratch_folder folder;
  candor::write_atomically(folder / "a.png", "a file");
  const preference_data data(golden("data/paths.parquet"), {.images = folder.path()});
  CHECK(data.record(0).images.at(0).read() == picture(0));
  CHECK(data.record(1).images.at(0).read() == "a file");
  CHECK(data.record(2).images.at(0).read() == picture(2));
  CHECK(data.record(3).images.at(0).file() == folder / "a.png");
  CHECK_THROWS_WITH(preference_data(golden("data/paths.parquet")), contains("row 1: image.path: the image"));

  const preference_data dialogs(golden("data/llava.parquet"), {.pairs = false});
  REQUIRE(dialogs.size() == 6);
  CHECK(dialogs.record(2).images.empty());
  CHECK(dialogs.record(2).chosen == "That, 2.");
  CHECK(dialogs.record(3).images.at(0).read() == picture(3));
  CHECK(dialogs.record(3).question == "<image>\nWhat, 3?");
}

TEST_CASE("lists of pictures are found where some are named, empty or null", "[data][parquet]") {
  const candor_test::scratch_folder folder;
  candor::write_atomically(folder / "a.png", "a file");
  const int named = -1;
  const std::vector<std::vector<int>> expected{
      {0, 1}, {2}, {}, {}, {named}, {named, named}, {}, {named}, {3, named}, {named, 4}, {}, {5}};
  for (const char* name : {"data/lists.parquet", "data/lists_plain.parquet", "data/lists_bytes.parquet"}) {
    const bool only_bytes = std::string_view(name) == "data/lists_bytes.parquet";
    const preference_data data(golden(name), {.images = folder.path(), .pairs = false});
    REQUIRE(data.size() == static_cast<int>(expected.size()));
    for (int n = 0; n < data.size(); ++n) {
      const int i = 7 * n % 12;  // from group to group
      INFO(name << ": row " << i);
      const auto images = data.record(i).images;
      std::vector<std::string> found, wanted;
      for (const auto& image : images) found.push_back(image.read());
      for (const int p : expected[static_cast<std::size_t>(i)])
        if (p != named || !only_bytes) wanted.push_back(p == named ? "a file" : picture(p));
      CHECK(found == wanted);
    }
  }
}

TEST_CASE("the shards of a folder or a pattern are one list, and a missing one is noticed",
          "[data][parquet]") {
  const auto shards = golden("data/shards");
  for (const auto& path : {shards, shards / "data-*.parquet", shards / "*"}) {
    const preference_data data(path);
    REQUIRE(data.size() == 6);
    for (const int i : {5, 0, 2}) {
      CHECK(data.record(i).question == candor::text("q", i));
      CHECK(data.record(i).images.at(0).read() == picture(i));
      CHECK(data.record(i).id == std::to_string(i));
    }
    CHECK_THAT(data.record(3).source, contains("data-00001-of-00003.parquet: row 1"));
  }
  const candor_test::scratch_folder folder;
  std::filesystem::create_directories(folder / "data");
  for (const int n : {0, 2}) {
    const auto name = candor::text("data-0000", n, "-of-00003.parquet");
    std::filesystem::copy_file(shards / name, folder / "data" / name);
  }
  CHECK_THROWS_WITH(preference_data(folder.path()),
                    contains("data-*-of-00003.parquet: 2 of 3 shards are here"));
  CHECK_THROWS_WITH(preference_data(folder / "nothing-*.parquet"), contains("no file is named so"));
}

TEST_CASE("the fingerprint of parquet follows the file", "[data][parquet]") {
  const candor_test::scratch_folder folder;
  const auto copy = folder / "pairs.parquet";
  const auto print = [&](const char* name, candor::image_digest images) {
    std::filesystem::copy_file(golden(name), copy, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::last_write_time(copy, std::filesystem::file_time_type());
    candor::fingerprint p;
    preference_data(copy).add_to(p, images);
    return p;
  };
  using candor::image_digest;
  const auto first = print("data/rlhf_v.parquet", image_digest::stat);
  CHECK(candor::first_difference(first, print("data/rlhf_v.parquet", image_digest::stat)).empty());
  CHECK(candor::first_difference(first, print("data/rlaif_v.parquet", image_digest::stat)) == "records");
  CHECK(candor::first_difference(first, print("data/rlhf_v.parquet", image_digest::bytes)) == "images");
}

TEST_CASE("damaged parquet is refused by its name", "[data][parquet]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "pairs.parquet";
  for (const char* name : {"data/rlaif_v.parquet", "data/trl.parquet"}) {
    const std::string whole = candor::read_file(golden(name));
    for (const std::size_t size : {std::size_t{4}, std::size_t{12}, whole.size() / 2, whole.size() - 1}) {
      candor::write_atomically(path, whole.substr(0, size));
      CHECK_THROWS_WITH(preference_data(path), contains("pairs.parquet: this parquet file cannot be read"));
    }
    // One bit after the other in a stride: refused, or read; never anything else.
    for (std::size_t at = 0; at < whole.size(); at += 61) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
      candor::write_atomically(path, bytes);
      try {
        const preference_data data(path);
        for (std::int64_t i = 0; i < data.size(); ++i)
          for (const auto& image : data.record(i).images) image.read();
      } catch (const candor::error& problem) {
        CHECK_THAT(problem.what(), contains("pairs.parquet"));
      }
    }
  }
}

#else

TEST_CASE("parquet without Arrow is refused with what to do", "[data][parquet]") {
  CHECK_THROWS_WITH(preference_data(golden("data/rlhf_v.parquet")),
                    contains("was built without Apache Arrow"));
  CHECK_THROWS_AS(preference_data(golden("data/rlhf_v.parquet")), candor::usage_error);
}

#endif
