// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A page as headless Chromium draws it.

#include "support/catch.hpp"

#include <candor/image/image_source.hpp>
#include <candor/io/atomic_file.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

namespace candor_test {

inline bool has_browser() { return std::system("command -v chromium >/dev/null 2>&1") == 0; }

struct drawn_page {
  std::map<std::uint32_t, std::size_t> pixels;  ///< of each colour, 0xrrggbb
  std::string console;  ///< what the page said there: errors of scripts, what its policy forbids
  std::size_t of(std::uint32_t colour) const {
    const auto at = pixels.find(colour);
    return at == pixels.end() ? 0 : at->second;
  }
};

/// Draws folder/report.html in the light colours, `height` pixels of it.
inline drawn_page draw_report(const std::filesystem::path& folder, int height = 1800) {
  const std::string command =
      "cd " + folder.string() +
      " && timeout 120 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars"
      " --user-data-dir=profile --enable-logging=stderr --blink-settings=preferredColorScheme=1"
      " --window-size=1200," +
      std::to_string(height) + " --screenshot=page.png file://$PWD/report.html >log.txt 2>&1";
  REQUIRE(std::system(command.c_str()) == 0);
  drawn_page out;
  const std::string log = candor::read_file(folder / "log.txt");
  if (const auto said = log.find("CONSOLE"); said != log.npos) out.console = log.substr(said);
  const auto page = candor::load_image(folder / "page.png");
  for (std::size_t i = 0; i + 2 < page.rgb.size(); i += 3)
    ++out.pixels[static_cast<std::uint32_t>(page.rgb[i] << 16 | page.rgb[i + 1] << 8 | page.rgb[i + 2])];
  return out;
}

}  // namespace candor_test
