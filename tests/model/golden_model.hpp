// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Golden models made by transformers (tests/model/golden/README.md): their pairs as records, and runs of
/// candor's network and of the DPO loss over them.

#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/model/compiled.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/scoring.hpp>
#include <candor/model/weights.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/train/step.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace candor_test {

using candor::host;

inline std::vector<std::int32_t> golden_ids(const candor::safetensors_file& file, const std::string& name) {
  const auto* tensor = file.find(name);
  INFO(name);
  REQUIRE(tensor != nullptr);
  std::vector<std::int64_t> wide(static_cast<std::size_t>(tensor->elements()));
  file.read(*tensor, std::as_writable_bytes(std::span(wide)));
  return {wide.begin(), wide.end()};
}

inline std::vector<double> golden_numbers(const candor::safetensors_file& file, const std::string& name) {
  const auto* tensor = file.find(name);
  INFO(name);
  REQUIRE(tensor != nullptr);
  return file.read_as<double>(*tensor);
}

/// The elements that the golden files keep of a tensor: all, or 512 of a large one.
inline std::vector<double> golden_sample(const std::vector<double>& all) {
  if (all.size() <= 1024) return all;
  std::vector<double> out;
  for (std::uint64_t k = 0; k < 512; ++k)
    out.push_back(all[static_cast<std::size_t>(k * 2654435761u % all.size())]);
  return out;
}

/// The image of pair p by the formula of the golden files: (3 S S).
inline std::vector<float> golden_pixels(std::int64_t p, std::int64_t size) {
  std::vector<float> out(static_cast<std::size_t>(3 * size * size));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto level = ((static_cast<std::int64_t>(i) + 1) * 7919 + p * 104729) % 65521 % 1000;
    out[i] = static_cast<float>(static_cast<double>(level) / 500.0 - 1.0);
  }
  return out;
}

/// Pair p as a stem with two branches. The image mark becomes the image's feature rows.
inline candor::encoded_record golden_pair(const candor::safetensors_file& file, std::int64_t p,
                                          const candor::llava_config& config) {
  candor::encoded_record record;
  candor::forest& f = record.tree;
  const std::string pair = "pair" + std::to_string(p) + ".";
  const std::int32_t mark = std::stoi(file.metadata().at("image_mark"));
  candor::segment stem;
  for (const auto id : golden_ids(file, pair + "prompt")) {
    if (id != mark) {
      stem.tokens.push_back(id);
      continue;
    }
    for (std::int32_t r = 0; r < config.image_tokens(); ++r) stem.tokens.push_back(candor::image_row(r));
    f.images = 1;
    f.feature_rows = config.image_tokens();
  }
  f.segments.push_back(stem);
  for (const char* branch : {"chosen", "rejected"}) {
    f.cells.push_back({{static_cast<std::int32_t>(f.segments.size()), {}}});
    f.segments.push_back({.tokens = golden_ids(file, pair + branch), .parent = 0});
  }
  f.key = static_cast<std::uint64_t>(p);
  record.pixels = golden_pixels(p, config.vision.image_size);
  return record;
}

/// Reference log-probs of two cells whose sums are the given ones to double precision: the objective reads
/// sums only.
inline std::array<std::vector<float>, 2> golden_reference(const candor::forest& f,
                                                          const std::vector<double>& sums) {
  std::array<std::vector<float>, 2> out;
  for (std::size_t c = 0; c < 2; ++c) {
    out[c].resize(f.segments[c + 1].tokens.size());
    out[c][0] = static_cast<float>(sums[c]);
    out[c][1] = static_cast<float>(sums[c] - static_cast<double>(out[c][0]));
  }
  return out;
}

using gradient_map = std::map<std::string, std::vector<double>>;  // by the name of the part

struct golden_gradient {
  double loss = 0;  ///< mean of the pairs, nats
  gradient_map parts;
};

/// How the gradient is computed; the result must not depend on it.
struct gradient_settings {
  candor::pack_options packing = {};
  bool recompute = false;
  bool dropout = false;
  std::uint64_t step = 0;
};

template <class T>
struct golden_model {
  candor::llava_network<host, T> network;
  candor::safetensors_file expected;
  std::vector<candor::encoded_record> records;
  std::vector<std::array<std::vector<float>, 2>> references;  ///< of each record

  /// `folder` has the weights, `values` the file of what is expected of them; both under tests/model/golden.
  golden_model(host& cpu, const std::string& folder, const std::string& values, std::int64_t count = 2)
      : golden_model(cpu, candor::llava_source{.model = golden("model/" + folder)}, values, count) {}
  /// From several folders, the adapter included.
  golden_model(host& cpu, const candor::llava_source& source, const std::string& values, std::int64_t count = 2)
      : network(cpu, candor::read_llava_config(source)), expected(golden("model/" + values)) {
    const candor::llava_weights weights(source);
    candor::load_weights(network, weights);
    if (weights.adapter() != nullptr) candor::add_adapter(network, *weights.adapter());
    for (std::int64_t p = 0; p < count; ++p) records.push_back(golden_pair(expected, p, network.config()));
  }
  golden_model(host& cpu, const std::string& folder)
      : golden_model(cpu, folder, folder + "/expected.safetensors") {
    for (std::size_t p = 0; p < records.size(); ++p)
      references.push_back(golden_reference(
          records[p].tree, golden_numbers(expected, "pair" + std::to_string(p) + ".reference")));
  }

  std::vector<const candor::encoded_record*> pointers() const {
    std::vector<const candor::encoded_record*> out;
    for (const auto& r : records) out.push_back(&r);
    return out;
  }

  /// Log-probs of every cell, [pair][cell][token].
  std::vector<std::array<std::vector<double>, 2>> log_probs(
      candor::layout_kind layout = candor::layout_kind::shared, bool adapters = true, bool dropout = false,
      std::uint64_t step = 0) {
    const auto all = pointers();
    std::vector<std::array<std::vector<double>, 2>> out(records.size());
    for (std::size_t p = 0; p < records.size(); ++p)
      for (std::size_t c = 0; c < 2; ++c) out[p][c].resize(records[p].tree.segments[c + 1].tokens.size());
    for (const auto& batch : candor::pack(candor::trees_of(all), {.layout = layout})) {
      candor::tape<host> quiet(network.backend(), candor::tape<host>::mode::evaluate);
      candor::forward_context<host> context{
          .tape = quiet, .adapters = adapters, .dropout = dropout, .step = step};
      context.token_keys = std::make_shared<const candor::tensor<host, std::uint64_t>>(
          candor::tensor<host, std::uint64_t>::from(network.backend(), {batch.tokens()}, batch.token_keys));
      const auto y =
          network.log_probs(context, batch,
                            candor::pass_features(network, context, batch,
                                                  std::span<const candor::encoded_record* const>(all)));
      for (std::size_t n = 0; n < batch.scored.size(); ++n) {
        const auto& s = batch.scored[n];
        out[static_cast<std::size_t>(s.forest)][static_cast<std::size_t>(s.cell)]
           [static_cast<std::size_t>(s.place)] = static_cast<double>(y.value().data[n]);
      }
    }
    return out;
  }

  /// The DPO loss (beta 0.1) and the gradient of every trained parameter and adapter.
  golden_gradient gradients(const gradient_settings& settings = {}) {
    const auto drop = [](auto& p) { p.drop_gradient(); };
    for_trained(drop);
    golden_gradient out{run_step(settings, true).loss / static_cast<double>(records.size()), {}};
    for_trained([&](auto& p) {
      const auto all = p.gradient().to_vector();
      auto at = all.begin();
      for (const auto& part : p.parts()) {
        out.parts[part.name].assign(at, at + part.extents.size());
        at += part.extents.size();
      }
    });
    for_trained(drop);
    return out;
  }

  candor::step_values run_step(const gradient_settings& settings, bool record) {
    candor::objective_step step(network, candor::dpo{.beta = 0.1}, settings.packing);
    std::vector<std::vector<std::span<const float>>> spans;
    for (const auto& r : references) spans.push_back({r[0], r[1]});
    candor::tape<host> tape(network.backend());
    candor::step_values values;
    const auto all = pointers();
    const candor::forward_context<host> context{
        .tape = tape, .dropout = settings.dropout, .recompute = settings.recompute, .step = settings.step};
    REQUIRE(step.run(std::span<const candor::encoded_record* const>(all), spans, context, record, values,
                     [] { return true; }));
    return values;
  }

  /// visit(parameter) for all that is trained.
  template <class Visit>
  void for_trained(Visit&& visit) {
    network.for_parameters([&](auto& p) {
      if (p.trainable()) visit(p);
    });
    network.for_adapters([&](const std::string&, auto& adapter) {
      visit(adapter.a);
      visit(adapter.b);
    });
  }
};

inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
inline double norm(const std::vector<double>& a) { return std::sqrt(dot(a, a)); }
inline double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  return dot(a, b) / (norm(a) * norm(b));
}

/// The largest difference, and that nothing is missing.
inline double worst_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::isfinite(a[i]) ? std::max(worst, std::abs(a[i] - b[i]))
                                : std::numeric_limits<double>::infinity();
  return worst;
}

}  // namespace candor_test
