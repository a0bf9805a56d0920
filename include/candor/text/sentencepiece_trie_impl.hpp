// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Checks a sentencepiece character map for implementation files: a 32-bit length, a double-array trie of
/// that many bytes (Darts-clone's units), then the replacement texts, each closed by NUL. Inline in every
/// build.

#include <candor/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace CANDOR_NS::detail {

/// A view of the trie's units; see Darts-clone, darts.h, DoubleArrayUnit.
class character_trie {
 public:
  character_trie(std::string_view trie, std::uint64_t offset, std::string_view file, std::size_t texts)
      : trie_(trie), start_(offset), file_(file), texts_(texts), units_(trie.size() / 4) {}

  /// Walks every path: child blocks lie within the trie, leaves point to texts, there is no cycle, and at
  /// most `nesting` rules are prefixes of each other (sentencepiece collects them in a buffer of fixed size).
  void check(std::size_t nesting) {
    struct step {
      std::size_t node;
      unsigned label;       // next child to look at
      std::uint32_t below;  // most leaves on a path below
    };
    constexpr std::uint32_t unseen = 0xFFFFFFFF, open = 0xFFFFFFFE;
    std::vector<std::uint32_t> leaves(units_, unseen);  // most leaves on a path from here, this one included
    std::vector<step> path{{0, 1, 0}};
    leaves[0] = open;
    while (!path.empty()) {
      step& s = path.back();
      const std::size_t block = child_block(s.node);
      bool descended = false;
      for (; s.label < 256; ++s.label) {
        const std::size_t child = block ^ s.label;
        if ((unit(child) & 0x800000FFu) != s.label) continue;
        if (leaves[child] == open) refuse(child, "the character map's trie runs in a circle");
        if (leaves[child] != unseen) {
          s.below = std::max(s.below, leaves[child]);
          continue;
        }
        leaves[child] = open;
        ++s.label;
        path.push_back({child, 1, 0});  // s is no longer valid
        descended = true;
        break;
      }
      if (descended) continue;
      const std::uint32_t most = s.below + (has_leaf(s.node) ? check_leaf(s.node, block) : 0);
      if (most > nesting)
        refuse(s.node, "more than ", nesting, " rules of the character map are prefixes of each other");
      leaves[s.node] = most;
      path.pop_back();
      if (!path.empty()) path.back().below = std::max(path.back().below, most);
    }
  }

 private:
  std::uint32_t unit(std::size_t i) const {
    std::uint32_t u = 0;
    for (std::size_t k = 0; k < 4; ++k)
      u |= static_cast<std::uint32_t>(static_cast<unsigned char>(trie_[4 * i + k])) << (8 * k);
    return u;
  }
  bool has_leaf(std::size_t node) const { return (unit(node) >> 8 & 1) != 0; }
  /// First place of the 256 that a lookup may read for the children of a node.
  std::size_t child_block(std::size_t node) const {
    const std::uint32_t u = unit(node);
    const std::size_t block = node ^ (std::size_t{u >> 10} << ((u & (1u << 9)) >> 6));
    if ((block | 0xFF) >= units_)
      refuse(node, "the character map's trie points to unit ", block | 0xFF, "; it has ", units_);
    return block;
  }
  std::uint32_t check_leaf(std::size_t node, std::size_t block) const {
    const std::size_t at = unit(block) & 0x7FFFFFFFu;
    if (at >= texts_)
      refuse(node, "a rule of the character map points to byte ", at, " of its ", texts_, " bytes of texts");
    return 1;
  }
  template <class... Parts>
  [[noreturn]] void refuse(std::size_t node, const Parts&... parts) const {
    fail<input_error>(file_, ": byte ", start_ + 4 * node, ": ", parts...);
  }

  std::string_view trie_;
  std::uint64_t start_;
  std::string_view file_;
  std::size_t texts_, units_;
};

inline void check_character_map(std::string_view map, std::uint64_t offset, std::string_view file,
                                std::size_t most_bytes, std::size_t nesting) {
  const auto refuse = [&](const auto&... parts) {
    fail<input_error>(file, ": byte ", offset, ": ", parts...);
  };
  if (map.size() > most_bytes)
    refuse("a character map of ", map.size(), " bytes; at most ", most_bytes, " are expected");
  if (map.size() < 4) refuse("a character map of ", map.size(), " bytes has no length");
  std::uint64_t trie = 0;
  for (std::size_t k = 0; k < 4; ++k)
    trie |= static_cast<std::uint64_t>(static_cast<unsigned char>(map[k])) << (8 * k);
  if (trie > map.size() - 4)
    refuse("the character map's trie says it has ", trie, " bytes; ", map.size() - 4, " are left");
  if (trie % 4 != 0 || trie < 1024)
    refuse("the character map's trie has ", trie, " bytes; expected whole blocks of units");
  const auto texts = map.substr(4 + trie);
  if (texts.empty() || texts.back() != '\0') refuse("the character map's texts are not closed by NUL");
  character_trie(map.substr(4, trie), offset + 4, file, texts.size()).check(nesting);
}

}  // namespace CANDOR_NS::detail
