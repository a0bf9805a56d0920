// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The file of a product_cache: text, numbers of a layout in decimal, those of an algorithm in hexadecimal.

#include <candor/backend/cuda/product_cache.hpp>
#include <candor/io/atomic_file.hpp>

#include <iomanip>
#include <sstream>

namespace CANDOR_NS {
namespace detail {

inline constexpr const char* product_cache_head = "candor products 1";

/// visit(number&) for every number of a layout, in the order of the file.
template <class Layout, class Visit>
void for_numbers(Layout& p, Visit&& visit) {
  for (auto* m : {&p.first, &p.second, &p.result}) {
    visit(m->rows);
    visit(m->cols);
    visit(m->stride);
  }
  visit(p.inner);
  visit(p.first_alignment);
  visit(p.second_alignment);
  visit(p.result_alignment);
}

inline std::string write_layout(const product_layout& p) {
  std::ostringstream out;
  out << static_cast<int>(p.type) << ' ' << p.first_transposed << ' ' << p.second_transposed << ' '
      << p.accumulate;
  for_numbers(p, [&](auto n) { out << ' ' << n; });
  return out.str();
}

inline bool read_layout(std::istream& in, product_layout& p) {
  int type = 0;
  in >> type >> p.first_transposed >> p.second_transposed >> p.accumulate;
  for_numbers(p, [&](auto& n) { in >> n; });
  p.type = static_cast<product_type>(type);
  return in && type >= 0 && type <= static_cast<int>(product_type::f64);
}

}  // namespace detail

CANDOR_INLINE void product_cache::load(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return;
  std::istringstream file(read_file(path));
  std::string line;
  int number = 0;
  const auto next = [&] { return ++number, static_cast<bool>(std::getline(file, line)); };
  require<input_error>(next() && line == detail::product_cache_head, path.string(),
                       ":1: not a file of tuned products; name another file, or remove it");
  if (!next() || line != machine_) return;
  while (next()) {
    std::istringstream words(line);
    product_layout layout;
    product_algorithm algorithm{};
    bool whole = detail::read_layout(words, layout);
    words >> std::hex;
    for (auto& word : algorithm) whole = whole && static_cast<bool>(words >> word);
    require<input_error>(whole, path.string(), ":", number,
                         ": not a tuned product; remove the file, it is made again");
    algorithms_.insert_or_assign(layout, algorithm);
  }
}

CANDOR_INLINE void product_cache::save(const std::filesystem::path& path) {
  std::ostringstream out;
  out << detail::product_cache_head << '\n' << machine_ << '\n';
  for (const auto& [layout, algorithm] : algorithms_) {
    out << detail::write_layout(layout) << std::hex;
    for (const auto word : algorithm) out << ' ' << word;
    out << std::dec << '\n';
  }
  write_atomically(path, out.str());
  changed_ = false;
}

}  // namespace CANDOR_NS
