// SPDX-License-Identifier: Apache-2.0
#include "training/preview.hpp"

#include <candor/core/error.hpp>

#include <cstdio>
#include <string_view>

namespace training {
namespace {

constexpr std::size_t columns = 110, text_column = 32;

/// What the cells say about a segment's tokens: a weight each, 0 where nobody scores it.
std::vector<float> weights_of(const candor::forest& tree, std::int32_t segment) {
  std::vector<float> weights(tree.segments[static_cast<std::size_t>(segment)].tokens.size());
  for (const auto& path : tree.cells)
    for (const auto& run : path)
      if (run.segment == segment)
        for (std::size_t i = 0; i < weights.size(); ++i)
          weights[i] = run.weights.empty() ? 1.0f : run.weights[i];
  return weights;
}

std::string head(const std::string& part, std::size_t first, std::size_t last, float weight) {
  const std::string tokens = first == last ? std::to_string(first) : candor::text(first, "-", last);
  char line[80];
  std::snprintf(line, sizeof line, "  %-9s%10s%9s  ", part.c_str(), tokens.c_str(),
                weight == 0.0f ? "-" : candor::text(weight).c_str());
  return line;
}

/// A piece on one line: a line break in it is \n, other control characters are dots.
std::string shown(std::string_view piece) {
  std::string out;
  for (const char c : piece)
    if (c == '\n')
      out += "\\n";
    else
      out += static_cast<unsigned char>(c) < 0x20 ? '.' : c;
  return out;
}

/// Words after a head of 32 columns, in lines of 110.
std::string wrapped(const std::string& head, const std::vector<std::string>& words) {
  std::string out = head;
  std::size_t column = text_column;
  for (const auto& word : words) {
    std::size_t width = 1;  // columns: UTF-8's continuation bytes take none
    for (const char c : word) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    if (column > text_column && column + width > columns) {
      out += "\n" + std::string(text_column, ' ');
      column = text_column;
    }
    out += word + " ";
    column += width;
  }
  out.pop_back();
  return out + "\n";
}

}  // namespace

std::string preview(const candor::processor& processor, const candor::forest& tree,
                    const std::vector<std::string>& parts) {
  std::string out = "  part         tokens   weight  pieces\n";
  for (std::size_t s = 0; s < tree.segments.size(); ++s) {
    const auto& tokens = tree.segments[s].tokens;
    const auto weights = weights_of(tree, static_cast<std::int32_t>(s));
    for (std::size_t first = 0; first < tokens.size();) {
      const bool image = tokens[first] < 0;
      std::vector<std::string> pieces;
      std::size_t end = first;
      for (; end < tokens.size() && (tokens[end] < 0) == image && weights[end] == weights[first]; ++end)
        if (!image) pieces.push_back(shown(processor.words().piece(tokens[end])));
      if (image) pieces.push_back(candor::text("(image, ", end - first, " tokens)"));
      out += wrapped(
          head(s < parts.size() ? parts[s] : candor::text("segment ", s), first, end - 1, weights[first]),
          pieces);
      first = end;
    }
  }
  return out;
}

}  // namespace training
