// SPDX-License-Identifier: Apache-2.0
// Malformed and odd files by name, and the same verdicts as Python's safetensors.
#include <candor/core/error.hpp>
#include <candor/image/png_scan.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/safetensors.hpp>

#include <nlohmann/json.hpp>

#include "io/safetensors_cases.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <fstream>
#include <map>

using namespace candor;
using candor_test::contains;
using candor_test::put;

namespace {

std::vector<candor_test::safetensors_case> all_cases() {
  auto all = candor_test::malformed_safetensors();
  for (auto& c : candor_test::odd_safetensors()) all.push_back(std::move(c));
  return all;
}

/// Where candor refuses what the reference accepts, and why. Nothing is the other way round.
const std::map<std::string, std::string> stricter = {
    {"tensor name twice", "the reference takes the last; which one was meant is not known"},
    {"metadata key twice", "the reference takes the last; which one was meant is not known"},
    {"tensor is an array",
     "the format's description asks for an object; the reference takes its fields in order"}};

}  // namespace

TEST_CASE("every malformed safetensors file is refused for its reason", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  const auto path = folder / "m.safetensors";
  const auto cases = candor_test::malformed_safetensors();
  REQUIRE(cases.size() >= 120);
  for (const auto& c : cases) {
    INFO(c.name);
    put(path, c.bytes);
    CHECK_THROWS_WITH(safetensors_file(path), contains(c.error) && contains(path.string()));
    CHECK_THROWS_AS(safetensors_file(path), input_error);
  }
}

TEST_CASE("odd but valid safetensors files are read", "[io][safetensors]") {
  candor_test::scratch_folder folder;
  const auto path = folder / "o.safetensors";
  const auto cases = candor_test::odd_safetensors();
  REQUIRE(cases.size() >= 20);
  for (const auto& c : cases) {
    INFO(c.name);
    put(path, c.bytes);
    CHECK_NOTHROW(safetensors_file(path));
  }
}

TEST_CASE("verdicts on malformed and odd files are those of Python's safetensors", "[io][safetensors]") {
  const auto golden = nlohmann::json::parse(read_file(candor_test::golden("io/safetensors_verdicts.json")));
  candor_test::scratch_folder folder;
  const auto path = folder / "c.safetensors";
  std::size_t compared = 0, exceptions = 0;
  for (const auto& c : all_cases()) {
    INFO(c.name);
    REQUIRE(golden.at("cases").contains(c.name));  // else run golden/make_safetensors_verdicts.py
    const auto& theirs = golden["cases"][c.name];  // bytes, check sum, verdict
    const auto bytes = std::as_bytes(std::span(c.bytes.data(), c.bytes.size()));
    REQUIRE(theirs[0] == c.bytes.size());
    REQUIRE(theirs[1] == detail::crc32(bytes));
    put(path, c.bytes);
    bool accepted = true;
    try {
      const safetensors_file file(path);
    } catch (const input_error&) {
      accepted = false;
    }
    const bool accepted_there = theirs[2] == "accepted";
    if (stricter.contains(c.name)) {
      ++exceptions;
      CHECK((accepted_there && !accepted));
    } else {
      CHECK(accepted == accepted_there);
    }
    ++compared;
  }
  CHECK(compared == golden["cases"].size());
  CHECK(compared >= 140);
  CHECK(exceptions == stricter.size());
}

TEST_CASE("the cases are handed to golden/make_safetensors_verdicts.py", "[.][write-safetensors-cases]") {
  const char* target = std::getenv("CANDOR_CASES");
  REQUIRE(target != nullptr);
  std::string lines;
  for (const auto& c : all_cases()) {
    lines += c.name + '\t';
    for (const char byte : c.bytes) {
      constexpr std::string_view digits = "0123456789abcdef";
      lines += {digits[static_cast<unsigned char>(byte) >> 4], digits[byte & 15]};
    }
    lines += '\n';
  }
  write_atomically(target, lines);
}
