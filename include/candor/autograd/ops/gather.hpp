// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Rows chosen from a matrix: y(i, :) = x(index[i], :). Used for the scored rows of the decoder, the patches
/// without their class token, and the mixing of words and image features.
/// Backward: d_x(r, :) += sum of d_y(i, :) over all i with index[i] = r, in the order of i, with no atomics.
/// Shapes: x (N, C), index (T), y (T, C).

#include <candor/autograd/parameter.hpp>
#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/backend.hpp>

#include <algorithm>
#include <memory>
#include <numeric>
#include <vector>

namespace CANDOR_NS {

/// For each row that is used, the places that use it: places of row rows[i] are places[starts[i] ..
/// starts[i+1]).
struct row_uses {
  std::vector<std::int32_t> rows, starts, places;

  /// Entries of `index` that are negative are left out.
  static row_uses of(const std::vector<std::int32_t>& index) {
    row_uses uses;
    for (std::size_t i = 0; i < index.size(); ++i)
      if (index[i] >= 0) uses.places.push_back(static_cast<std::int32_t>(i));
    std::stable_sort(uses.places.begin(), uses.places.end(), [&](std::int32_t a, std::int32_t b) {
      return index[static_cast<std::size_t>(a)] < index[static_cast<std::size_t>(b)];
    });
    for (std::size_t i = 0; i < uses.places.size(); ++i) {
      const std::int32_t row = index[static_cast<std::size_t>(uses.places[i])];
      if (uses.rows.empty() || uses.rows.back() != row) {
        uses.rows.push_back(row);
        uses.starts.push_back(static_cast<std::int32_t>(i));
      }
    }
    uses.starts.push_back(static_cast<std::int32_t>(uses.places.size()));
    return uses;
  }
};

/// A copy of host integers in the backend's memory.
template <class B>
tensor<B, std::int32_t> to_backend(B& backend, const std::vector<std::int32_t>& values) {
  return tensor<B, std::int32_t>::from(backend, shape{static_cast<std::int64_t>(values.size())}, values);
}

/// y(i, :) = x(index[i], :), or untouched where index[i] is negative.
template <class B, class T>
struct gather_program {
  view<B, const T> x;
  const std::int32_t* index;
  view<B, T> y;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t i) const {
    if (index[i] < 0) return;
    const T* from = x.row(index[i]);
    T* to = y.row(i);
    team.each(y.cols, [=](std::int64_t j) { to[j] = from[j]; });
  }
};

/// d(rows[u], :) += sum over the uses of that row. `G` is the element type of the gradient.
template <class B, class T, class G>
struct scatter_sum_program {
  view<B, const T> d_y;
  const std::int32_t *rows, *starts, *places;
  view<B, G> d;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t u) const {
    using A = accumulator_t<T>;
    G* to = d.row(rows[u]);
    const auto source = d_y;
    const std::int32_t *first = places + starts[u], *last = places + starts[u + 1];
    team.each(d.cols, [=](std::int64_t j) {
      A sum = static_cast<A>(to[j]);
      for (const std::int32_t* place = first; place != last; ++place)
        sum += static_cast<A>(source(*place, j));
      to[j] = static_cast<G>(sum);
    });
  }
};

/// Adds the rows of d_y to the rows of a gradient that they were taken from; a new gradient starts at zero.
template <class B, class T, class G>
void scatter_sum(B& backend, const row_uses& uses, view<B, const T> d_y, const gradient_sink<B, G>& sink) {
  if (!sink.add) backend.zero(sink.d.data, sizeof(G) * static_cast<std::size_t>(sink.d.size()));
  if (uses.rows.empty()) return;
  const auto rows = to_backend(backend, uses.rows), starts = to_backend(backend, uses.starts),
             places = to_backend(backend, uses.places);
  backend.rows(
      static_cast<std::int64_t>(uses.rows.size()), 2 * d_y.cols,
      scatter_sum_program<B, T, G>{d_y, rows.view().data, starts.view().data, places.view().data, sink.d});
}

template <class B, class T>
variable<B, T> gather(tape<B>& tape, const variable<B, T>& x, const std::vector<std::int32_t>& index) {
  const bool tracked = tape.recording() && x.tracked();
  B& backend = tape.backend();
  const auto count = static_cast<std::int64_t>(index.size());
  variable<B, T> y(backend, shape{count, x.cols()}, tracked);
  const auto places = to_backend(backend, index);
  backend.rows(count, x.cols(), gather_program<B, T>{x.value(), places.view().data, y.value()});
  if (tracked)
    tape.record([&backend, x, y, uses = row_uses::of(index)] {
      scatter_sum<B, T, T>(backend, uses, y.gradient(), x.sink());
    });
  return y;
}

/// Rows of a word table and of image features, mixed: y(i, :) = table(words[i], :) where words[i] >= 0, else
/// features(patches[i], :). Shapes: table (V, C), features (N, C), words and patches (T), y (T, C).
/// shape_error for rows that table or features do not have.
template <class B, class T>
variable<B, T> embed(tape<B>& tape, parameter<B, T>& table, const std::vector<std::int32_t>& words,
                     const variable<B, T>& features = {}, const std::vector<std::int32_t>& patches = {}) {
  const bool tracked = tape.recording() && (table.trainable() || features.tracked());
  B& backend = tape.backend();
  const auto count = static_cast<std::int64_t>(words.size());
  const std::int64_t vocabulary = table.value().rows, feature_rows = features ? features.rows() : 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::int64_t patch = words[i] < 0 && i < patches.size() ? patches[i] : -1;
    require<shape_error>(words[i] < vocabulary && (words[i] >= 0 || (patch >= 0 && patch < feature_rows)),
                         "[embed] token ", i, " is word ", words[i], " of ", vocabulary, ", or row ", patch,
                         " of ", feature_rows, " of image features");
  }
  variable<B, T> y(backend, shape{count, table.value().cols}, tracked);
  const auto word_rows = to_backend(backend, words);
  backend.rows(count, y.cols(), gather_program<B, T>{table.value(), word_rows.view().data, y.value()});
  if (features) {
    const auto patch_rows = to_backend(backend, patches);
    backend.rows(count, y.cols(), gather_program<B, T>{features.value(), patch_rows.view().data, y.value()});
  }
  if (tracked)
    tape.record([&backend, &table, words, features, patches, y] {
      if (table.trainable())
        scatter_sum<B, T, accumulator_t<T>>(backend, row_uses::of(words), y.gradient(), table.sink());
      if (features.tracked())
        scatter_sum<B, T, T>(backend, row_uses::of(patches), y.gradient(), features.sink());
    });
  return y;
}

}  // namespace CANDOR_NS
