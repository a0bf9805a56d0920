// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/line_log.hpp>

#include <fstream>

using namespace candor_test;

TEST_CASE("lines grow beside the file and appear with it", "[line_log]") {
  const scratch_folder scratch;
  const auto path = scratch / "a.jsonl", part = scratch / "a.jsonl.part";
  {
    candor::line_log log(path);
    CHECK(log.lines() == 0);
    log.append("one\ntwo\n");
    CHECK(log.lines() == 2);
    CHECK(candor::read_file(part) == "one\ntwo\n");
    CHECK(!std::filesystem::exists(path));
  }
  candor::line_log log(path);  // as after a kill
  CHECK(log.lines() == 2);
  log.append("three\n");
  log.commit();
  CHECK(candor::read_file(path) == "one\ntwo\nthree\n");
  CHECK(!std::filesystem::exists(part));
}

TEST_CASE("what is behind the last whole batch is cut off", "[line_log]") {
  const scratch_folder scratch;
  const auto path = scratch / "b.jsonl";
  for (const auto& [there, lines, kept] : {std::tuple{"1\n2\n3\n4\n5\n", 4, "1\n2\n3\n4\n"},
                                           {"1\n2\n3", 2, "1\n2\n"},
                                           {"1\n", 0, ""},
                                           {"", 0, ""},
                                           {"half", 0, ""}}) {
    candor::write_atomically(candor::line_log::partial(path), there);
    candor::line_log log(path, 2);
    CHECK(log.lines() == lines);
    CHECK(candor::read_file(candor::line_log::partial(path)) == kept);
    log.append("x\ny\n");
    CHECK(candor::read_file(candor::line_log::partial(path)) == std::string(kept) + "x\ny\n");
  }
}

TEST_CASE("a log that cannot be is refused", "[line_log]") {
  const scratch_folder scratch;
  CHECK_THROWS_AS(candor::line_log(scratch / "missing" / "c.jsonl"), candor::io_error);
  CHECK_THROWS_AS(candor::line_log(scratch / "c.jsonl", 0), candor::usage_error);
  candor::line_log log(scratch / "c.jsonl");
  CHECK_THROWS_AS(log.append("no end"), candor::usage_error);
}
