// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>

#include <chrono>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

using candor::fingerprint;

namespace {

/// A folder that is removed with its files when the test ends.
struct scratch {
  std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                 ("candor_fingerprint_" + std::to_string(std::random_device{}()));
  scratch() { std::filesystem::create_directories(folder); }
  ~scratch() { std::filesystem::remove_all(folder); }
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder / name, std::ios::binary) << bytes;
    return folder / name;
  }
};

}  // namespace

TEST_CASE("hashes are those of xxh128sum", "[core][fingerprint]") {
  CHECK(candor::hash_bytes("") == "99aa06d3014798d86001c324468d497f");
  CHECK(candor::hash_bytes("abc") == "06b05ab6733a618578af5f94892f3950");
}

TEST_CASE("a file is hashed in blocks to the same digits as its bytes", "[core][fingerprint]") {
  const scratch s;
  std::string bytes;
  for (int i = 0; i < 2'500'000; ++i) bytes.push_back(static_cast<char>(i * 7 + i / 255));
  CHECK(candor::hash_file(s.write("big", bytes)) == candor::hash_bytes(bytes));
  CHECK(candor::hash_file(s.write("empty", "")) == candor::hash_bytes(""));
  CHECK_THROWS_AS(candor::hash_file(s.folder / "absent"), candor::io_error);
  try {
    candor::hash_file(s.folder / "absent");
  } catch (const candor::io_error& e) {
    CHECK(std::string(e.what()).find("absent") != std::string::npos);
  }
}

TEST_CASE("a fingerprint depends on labels, bytes, boundaries and order", "[core][fingerprint]") {
  const auto of = [](std::vector<std::pair<std::string, std::string>> parts) {
    fingerprint f;
    for (const auto& [label, bytes] : parts) f.add(label, bytes);
    return f.hex();
  };
  CHECK(of({{"model", "a"}, {"data", "b"}}) == of({{"model", "a"}, {"data", "b"}}));
  CHECK(of({{"model", "a"}}) != of({{"model", "b"}}));
  CHECK(of({{"model", "a"}}) != of({{"data", "a"}}));
  CHECK(of({{"model", "a"}, {"data", "b"}}) != of({{"data", "b"}, {"model", "a"}}));
  CHECK(of({{"m", "ab"}, {"m", "c"}}) != of({{"m", "a"}, {"m", "bc"}}));
  CHECK(of({{"m", "a"}, {"m", "b"}}) != of({{"m", "b"}, {"m", "a"}}));
}

TEST_CASE("the differing part of two fingerprints is named", "[core][fingerprint]") {
  fingerprint a, b;
  a.add("model", "7b");
  b.add("model", "7b");
  a.add("template", "vicuna_v1");
  b.add("template", "llava_v1");
  CHECK(first_difference(a, a).empty());
  CHECK(first_difference(a, b) == "template");
  fingerprint longer = a;
  longer.add("data", "x");
  CHECK(first_difference(a, longer) == "data");
  CHECK(first_difference(longer, a) == "data");
  CHECK(first_difference(a, fingerprint(a.parts())).empty());
  const fingerprint moved = std::move(longer);
  CHECK(moved.parts().size() == 3);
}

TEST_CASE("a file's name, size and time change the cheap fingerprint, its bytes the thorough one",
          "[core][fingerprint]") {
  const scratch s;
  const auto path = s.write("a.jpg", "1234");
  const auto cheap = [&] {
    fingerprint f;
    f.add_file_stat(path);
    return f.hex();
  };
  const auto thorough = [&] {
    fingerprint f;
    f.add_file(path);
    return f.hex();
  };
  const auto time = std::filesystem::last_write_time(path);
  const auto cheap_before = cheap();
  const auto thorough_before = thorough();
  s.write("a.jpg", "1235");
  std::filesystem::last_write_time(path, time);
  CHECK(cheap() == cheap_before);
  CHECK(thorough() != thorough_before);
  std::filesystem::last_write_time(path, time + std::chrono::milliseconds(1));
  CHECK(cheap() != cheap_before);
  fingerprint f;
  CHECK_THROWS_AS(f.add_file_stat(s.folder / "absent"), candor::io_error);
  CHECK(f.parts().empty());
}
