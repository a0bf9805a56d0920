// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Counts of captions as a JSON list, for results that a resumed run reads again.

#include <candor/io/json_field_impl.hpp>

#include "scenes/metrics.hpp"

#include <array>

namespace scenes {

inline candor::detail::json to_json(const caption_metrics& m) {
  return {m.captions, m.mentions,      m.hallucinated, m.faulty_captions,
          m.objects,  m.right_colours, m.total_words};
}

/// input_error with the field's place where it holds no such list.
inline caption_metrics metrics_of(const candor::detail::json_field& field) {
  caption_metrics m;
  const std::array counts{&m.captions, &m.mentions,      &m.hallucinated, &m.faulty_captions,
                          &m.objects,  &m.right_colours, &m.total_words};
  const auto items = field.items();
  if (items.size() != counts.size())
    field.refuse("expected ", counts.size(), " counts, found ", items.size());
  for (std::size_t i = 0; i < items.size(); ++i) *counts[i] = static_cast<std::size_t>(items[i].integer(0));
  return m;
}

}  // namespace scenes
