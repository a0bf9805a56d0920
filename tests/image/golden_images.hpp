// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Reads the lists of images that golden/make_decode.py wrote.

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace candor_test {

/// A file and the pixels that Pillow makes of it.
struct golden_image {
  std::string name, file;
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  // (height, width, 3)

  std::span<const std::byte> file_bytes() const { return std::as_bytes(std::span(file.data(), file.size())); }
};

inline std::string file_content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot open " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// All images of `list`.txt and `list`.bin.
inline std::vector<golden_image> golden_images(const std::string& list) {
  std::istringstream lines(file_content(golden("image/" + list + ".txt")));
  const std::string blob = file_content(golden("image/" + list + ".bin"));
  std::vector<golden_image> images;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream fields(line);
    golden_image g;
    std::string format;
    std::size_t offset = 0, size = 0;
    fields >> g.name >> format >> g.width >> g.height >> offset >> size;
    g.file = blob.substr(offset, size);
    const std::string pixels = blob.substr(offset + size, std::size_t(g.width) * std::size_t(g.height) * 3);
    g.rgb.assign(pixels.begin(), pixels.end());
    images.push_back(std::move(g));
  }
  return images;
}

/// The one with this name.
inline golden_image golden_image_named(const std::string& list, const std::string& name) {
  for (auto& g : golden_images(list))
    if (g.name == name) return g;
  throw std::runtime_error("no golden image " + name);
}

}  // namespace candor_test
