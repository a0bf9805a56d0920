// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/staged_folder.hpp>

namespace fs = std::filesystem;

TEST_CASE("a staged folder replaces the one before it when it is committed, and is gone otherwise", "[io][staged_folder]") {
  const candor_test::scratch_folder scratch;
  const fs::path target = scratch.path() / "model";
  const auto write = [&](const std::string& text, bool commit) {
    candor::staged_folder folder(target);
    candor::write_atomically(folder.path() / "weights", text);
    if (commit) folder.commit();
  };
  write("first", false);
  CHECK_FALSE(fs::exists(target));
  write("first", true);
  CHECK(candor::read_file(target / "weights") == "first");
  write("lost", false);
  CHECK(candor::read_file(target / "weights") == "first");
  write("second", true);
  CHECK(candor::read_file(target / "weights") == "second");
  CHECK(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a staged folder that cannot be made is an error of the system", "[io][staged_folder]") {
  CHECK_THROWS_AS(candor::staged_folder("/proc/no/such/model"), candor::io_error);
}
