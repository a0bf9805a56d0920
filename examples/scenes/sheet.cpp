// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/eval/report.hpp>
#include <candor/image/write_png.hpp>
#include <candor/io/base64.hpp>

#include <scenes/claims.hpp>
#include <scenes/sheet.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace scenes {
namespace {

// Sizes in SVG units.
constexpr int picture_side = 240, margin = 16, line_height = 18, label_height = 22, characters_a_line = 30;

/// Words in lines of at most `characters_a_line` characters.
std::vector<std::vector<judged_word>> wrap(std::vector<judged_word> said) {
  std::vector<std::vector<judged_word>> lines(1);
  std::size_t used = 0;
  for (auto& word : said) {
    if (!lines.back().empty() && used + 1 + word.text.size() > characters_a_line) {
      lines.emplace_back();
      used = 0;
    }
    used += word.text.size() + (lines.back().empty() ? 0 : 1);
    lines.back().push_back(std::move(word));
  }
  return lines;
}

/// A label and the lines below it, from y on.
std::string text_block(int x, int y, const std::string& label,
                       const std::vector<std::vector<judged_word>>& lines) {
  std::string out = candor::text("<text class=\"label\" x=\"", x, "\" y=\"", y + 13, "\">",
                                 candor::html_escaped(label), "</text>\n");
  y += label_height + 12;
  for (const auto& line : lines) {
    out += candor::text("<text x=\"", x, "\" y=\"", y, "\">");
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (i > 0) out += ' ';
      out += line[i].wrong ? "<tspan class=\"wrong\">" + candor::html_escaped(line[i].text) + "</tspan>"
                           : candor::html_escaped(line[i].text);
    }
    out += "</text>\n";
    y += line_height;
  }
  return out;
}

}  // namespace

candor::image lay_out(std::span<const candor::image> pictures, const sheet_layout& layout) {
  candor::require<candor::usage_error>(
      !pictures.empty() && layout.columns > 0 && layout.factor > 0 && layout.gap >= 0,
      "a sheet needs a picture, a column and a factor of at least 1");
  const int width = pictures[0].width, height = pictures[0].height;
  const int count = static_cast<int>(pictures.size());
  const int columns = std::min(layout.columns, count), rows = (count + columns - 1) / columns;
  const int step_x = width * layout.factor + layout.gap, step_y = height * layout.factor + layout.gap;

  candor::image out;
  out.width = columns * step_x - layout.gap;
  out.height = rows * step_y - layout.gap;
  out.rgb.assign(static_cast<std::size_t>(out.width) * static_cast<std::size_t>(out.height) * 3, 0);
  for (int i = 0; i < count; ++i) {
    const candor::image& picture = pictures[static_cast<std::size_t>(i)];
    candor::require<candor::usage_error>(picture.width == width && picture.height == height, "picture ", i,
                                         " is ", picture.width, "x", picture.height, ", the first is ", width,
                                         "x", height, "; a sheet needs pictures of one size");
    const candor::image large = candor::enlarge(picture, layout.factor);
    for (int y = 0; y < large.height; ++y) {
      const auto from = large.rgb.begin() + std::ptrdiff_t{y} * large.width * 3;
      const auto to = (std::ptrdiff_t{i / columns * step_y + y} * out.width + i % columns * step_x) * 3;
      std::copy_n(from, std::ptrdiff_t{large.width} * 3, out.rgb.begin() + to);
    }
  }
  return out;
}

std::vector<judged_word> judge_words(const scene& s, std::string_view text) {
  std::vector<judged_word> out;
  std::vector<std::string> plain;  // the first word inside each, in lower case
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  for (auto begin = text.begin(); begin != text.end();) {
    const auto end = std::find_if(begin, text.end(), is_space);
    if (end != begin) {
      out.push_back({.text = std::string(begin, end)});
      plain.push_back(words(out.back().text).at(0));
    }
    begin = std::find_if_not(end, text.end(), is_space);
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int kind = detail::index_of(kind_names, plain[i]);
    if (kind < 0) continue;
    const int colour = i > 0 ? detail::index_of(colour_names, plain[i - 1]) : -1;
    const object* truth = s.find(kind);
    if (truth == nullptr) {
      out[i].wrong = true;
      std::size_t first = i;
      if (colour >= 0) out[--first].wrong = true;
      if (first > 0 && plain[first - 1] == "a") out[first - 1].wrong = true;
    } else if (colour >= 0 && colour != truth->colour) {
      out[i - 1].wrong = true;
    }
  }
  return out;
}

std::string svg_sheet(std::span<const captioned_scene> scenes, const svg_labels& labels) {
  struct column {
    std::vector<std::vector<judged_word>> before, after;
  };
  std::vector<column> columns;
  std::size_t before_lines = 0, after_lines = 0;
  for (const auto& entry : scenes) {
    columns.push_back(
        {wrap(judge_words(entry.what, entry.before)), wrap(judge_words(entry.what, entry.after))});
    before_lines = std::max(before_lines, columns.back().before.size());
    after_lines = std::max(after_lines, columns.back().after.size());
  }
  const int before_y = margin + picture_side + margin;
  const int after_y = before_y + label_height + static_cast<int>(before_lines) * line_height + margin;
  const int height = after_y + label_height + static_cast<int>(after_lines) * line_height + margin;
  const int width = margin + static_cast<int>(scenes.size()) * (picture_side + margin);

  std::string out = candor::text(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width, "\" height=\"", height,
      "\" viewBox=\"0 0 ", width, " ", height,
      "\">\n<style>text { font: 14px sans-serif; fill: #1f2328 } .label { font-weight: bold; fill: #59636e "
      "} ",
      ".wrong { fill: #d1242f; font-weight: bold } image { image-rendering: pixelated }</style>\n",
      "<rect width=\"", width, "\" height=\"", height, "\" rx=\"8\" fill=\"#ffffff\"/>\n");
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    const int x = margin + static_cast<int>(i) * (picture_side + margin);
    out += candor::text("<image x=\"", x, "\" y=\"", margin, "\" width=\"", picture_side, "\" height=\"",
                        picture_side, "\" href=\"data:image/png;base64,",
                        candor::base64(candor::encode_png(scenes[i].what.picture)), "\"/>\n");
    out += text_block(x, before_y, labels.before, columns[i].before);
    out += text_block(x, after_y, labels.after, columns[i].after);
  }
  return out + "</svg>\n";
}

}  // namespace scenes
