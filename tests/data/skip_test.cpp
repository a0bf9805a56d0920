// SPDX-License-Identifier: Apache-2.0
/// Records that cannot be used: left out where that is asked for, counted, and part of the fingerprint.
#include <candor/core/error.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/io/atomic_file.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <stdexcept>
#include <string>

using candor::preference_data;
using candor_test::contains;

namespace {

std::string pair(const std::string& chosen, const std::string& image = "a.png") {
  return R"({"image": ")" + image + R"(", "question": "q", "chosen": ")" + chosen + R"(", "rejected": "r"})" +
         "\n";
}

struct skip_folder {
  candor_test::scratch_folder folder;

  skip_folder() { candor::write_atomically(folder / "a.png", "picture"); }
  std::filesystem::path file() const { return folder / "pairs.jsonl"; }
  preference_data open(const std::string& records,
                       candor::data_options options = {.skip_bad_records = true}) const {
    candor::write_atomically(file(), records);
    return preference_data(file(), options);
  }
};

candor::fingerprint print_of(const preference_data& data) {
  candor::fingerprint out;
  data.add_to(out);
  return out;
}

/// Every kind of record that is refused, between two that are right.
const std::string mixed =
    pair("first") +
    "{\"image\": \n"
    R"({"question": "q", "chosen": "c", "rejected": "r"})"
    "\n"
    R"({"images": ["a.png", "a.png"], "question": "<image>q", "chosen": "c", "rejected": "r"})"
    "\n" +
    pair("r") + pair(" ") + pair("c", "absent.png") + pair("last");

}  // namespace

TEST_CASE("bad records are left out with their place and reason, and the others keep their ids",
          "[data][skip]") {
  const skip_folder here;
  const auto data = here.open(mixed);
  REQUIRE(data.size() == 2);
  CHECK(data.record(0).chosen == "first");
  CHECK(data.record(0).id == "0");
  CHECK(data.record(1).chosen == "last");
  CHECK(data.record(1).id == "7");
  CHECK(data.record(1).source == here.file().string() + ":8");
  CHECK_THROWS_AS(data.record(2), candor::usage_error);
  REQUIRE(data.skipped().size() == 6);
  const std::string reasons[] = {"not valid JSON",
                                 "the key \"image\" is missing",
                                 "the text has 1 <image> mark, but there are 2 images",
                                 "chosen and rejected are equal",
                                 "chosen: the text is empty",
                                 "absent.png does not exist"};
  for (std::size_t i = 0; i < 6; ++i) {
    INFO(i);
    CHECK(data.skipped()[i].source == candor::text(here.file().string(), ":", i + 2));
    CHECK_THAT(data.skipped()[i].reason, contains(reasons[i]));
  }
  CHECK(data.skipped()[3].reason.starts_with("chosen and rejected"));  // the place is not said twice
  CHECK_THROWS_WITH(here.open(mixed, {}), contains("pairs.jsonl:2:"));
}

TEST_CASE("a file of which nothing is left is refused", "[data][skip]") {
  const skip_folder here;
  CHECK_THROWS_WITH(here.open(pair("r") + pair("")),
                    contains("all 2 records are left out; the first is ") &&
                        contains("pairs.jsonl:1: chosen and rejected are equal"));
  CHECK_THROWS_WITH(here.open(""), contains("no records"));
  auto data = here.open(pair("c"));
  CHECK_THROWS_WITH(data.skip_where([](const auto& r, std::int64_t) {
    candor::fail<candor::input_error>(r.source, ": no");
  }),
                    contains("all 1 records are left out"));
  CHECK(data.size() == 1);
  CHECK(data.skipped().empty());
}

TEST_CASE("a check leaves out records besides those that are out already", "[data][skip]") {
  const skip_folder here;
  std::string records;
  for (int i = 0; i < 200; ++i) records += pair(i % 10 == 3 ? "r" : candor::text("c", i));
  auto data = here.open(records);
  REQUIRE(data.size() == 180);
  const auto before = print_of(data);
  data.skip_where([](const auto& r, std::int64_t) {
    candor::require<candor::input_error>(!r.chosen.ends_with("7"), r.source, ": ends with 7");
  });
  REQUIRE(data.size() == 160);
  CHECK(data.skipped().size() == 40);
  CHECK(data.skipped().back().source == here.file().string() + ":198");
  CHECK(data.skipped().back().reason == "ends with 7");
  std::int64_t at = 0;
  for (int i = 0; i < 200; ++i)
    if (i % 10 != 3 && i % 10 != 7) CHECK(data.record(at++).id == std::to_string(i));
  CHECK(candor::first_difference(before, print_of(data)) == "pairs");
  CHECK_THROWS_AS(
      data.skip_where([](const auto&, std::int64_t) { throw std::runtime_error("not about a record"); }),
      std::runtime_error);
  CHECK(data.size() == 160);
}

TEST_CASE("what is left out is part of the fingerprint, which is the same where nothing is", "[data][skip]") {
  const skip_folder here;
  const std::string good = pair("c") + pair("d") + pair("e");
  const auto strict = print_of(here.open(good, {})), lenient = print_of(here.open(good));
  CHECK(candor::first_difference(strict, lenient).empty());
  // An image that has gone: the file of records is the same, the pairs are not.
  candor::write_atomically(here.folder / "b.png", "picture");
  const std::string records = pair("c") + pair("d", "b.png") + pair("e");
  const auto whole = print_of(here.open(records));
  std::filesystem::remove(here.folder / "b.png");
  const auto less = print_of(here.open(records));
  CHECK(candor::first_difference(whole, less) == "images");
  REQUIRE(less.parts().back().label == "pairs");
  CHECK(less.parts().back().digest != whole.parts().back().digest);
}
