// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A model folder written again, one tensor in memory at a time: an adapter merged into its weights, another
/// element type, another naming.

#include <candor/backend/host/host.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/model/llava_weights.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/signals.hpp>

#include "tools/llava_tensors.hpp"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tools {

/// The tensors of a folder as those of another one.
class tensor_stream {
 public:
  tensor_stream(candor::host& cpu, const candor::llava_source& source) : cpu_(cpu), weights_(source) {
    std::vector<std::string> known;
    for (const auto& [name, extents] : llava_tensors(config())) {
      weights_.at(name, extents);
      known.push_back(name);
    }
    weights_.require_known(known);
    check_adapter();
  }

  const candor::llava_config& config() const { return weights_.config(); }
  /// The type in which the embeddings are stored.
  candor::dtype stored_type() const {
    const auto& t = config().text;
    return weights_.at(embedding, {t.vocab_size, t.hidden_size}).tensor->type;
  }

  /// All tensors in another type and naming; where `vocabulary` is larger than the model's, embeddings and
  /// head get rows at their end, each the mean of the present ones. The stream must outlive them.
  std::vector<candor::tensor_source> sources(candor::dtype as, candor::naming scheme, int vocabulary,
                                             candor::progress& bar) {
    std::vector<candor::tensor_source> out;
    for (const auto& [name, extents] : llava_tensors(config())) {
      const bool words = name == embedding || name == "lm_head.weight";
      const auto grown = words ? candor::shape{vocabulary, extents[1]} : extents;
      out.push_back({candor::from_canonical(name, scheme), as, grown,
                     [this, name = name, extents = extents, grown, as, &bar](std::span<std::byte> bytes) {
                       candor::throw_if_stopped("export");
                       const auto values = read(name, extents, grown);
                       check_range(name, values, as);
                       candor::source_of(name, grown, std::span<const float>(values), as).fill(bytes);
                       bar.update(++done_);
                     }});
    }
    return out;
  }

 private:
  static constexpr const char* embedding = "model.language_model.embed_tokens.weight";

  void check_adapter() const {
    const auto* adapter = weights_.adapter();
    if (adapter == nullptr) return;
    std::map<std::string, candor::shape> linears;
    for (const auto& [name, extents] : llava_tensors(config()))
      if (extents.rank() == 2) linears[name] = extents;
    for (const auto& m : adapter->modules()) {
      const auto found = linears.find(m.module + ".weight");
      candor::require<candor::input_error>(found != linears.end(), adapter->path().string(),
                                           ": the adapted layer ", m.module,
                                           " is not in the model; the adapter belongs to another one");
      candor::require<candor::input_error>(
          found->second == candor::shape{m.out, m.in}, adapter->path().string(), ": the adapter of ",
          m.module, " is for a weight of ", candor::shape{m.out, m.in}, ", the model's is ", found->second);
    }
  }

  std::vector<float> read(const std::string& name, const candor::shape& extents,
                          const candor::shape& grown) const {
    std::vector<float> values(static_cast<std::size_t>(grown.size()));
    weights_.at(name, extents).read_as(std::span(values).first(static_cast<std::size_t>(extents.size())));
    if (const auto* adapter = weights_.adapter())
      for (const auto& m : adapter->modules())
        if (m.module + ".weight" == name) merge(m, values);
    if (!(grown == extents)) fill_rows(values, extents);
    return values;
  }

  /// W += s B A
  void merge(const candor::lora_module& m, std::vector<float>& weight) const {
    const auto& adapter = *weights_.adapter();
    const std::int64_t rank = adapter.config().rank, in = m.in;
    std::vector<float> a(static_cast<std::size_t>(rank * in));     // (r, in)
    std::vector<float> b(static_cast<std::size_t>(m.out * rank));  // (out, r)
    adapter.read_as(m, std::span(a), std::span(b));
    const auto scale = static_cast<float>(adapter.config().scale());
    cpu_.for_ranges(m.out, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        for (std::int64_t r = 0; r < rank; ++r) {
          const float factor = scale * b[static_cast<std::size_t>(row * rank + r)];
          const float* from = a.data() + r * in;
          float* to = weight.data() + row * in;
          for (std::int64_t i = 0; i < in; ++i) to[i] += factor * from[i];
        }
    });
  }

  static void check_range(const std::string& name, const std::vector<float>& values, candor::dtype as) {
    if (as != candor::dtype::f16) return;
    for (const float v : values)
      candor::require<candor::numeric_error>(!(std::abs(v) > 65504.0f), "the tensor ", name, " holds ", v,
                                             ", too large for f16; write bf16 or f32");
  }

  static void fill_rows(std::vector<float>& values, const candor::shape& extents) {
    const auto rows = static_cast<std::size_t>(extents[0]), width = static_cast<std::size_t>(extents[1]);
    std::vector<double> mean(width);
    for (std::size_t i = 0; i < rows * width; ++i)
      mean[i % width] += static_cast<double>(values[i]) / static_cast<double>(rows);
    for (std::size_t i = rows * width; i < values.size(); ++i)
      values[i] = static_cast<float>(mean[i % width]);
  }

  candor::host& cpu_;
  candor::llava_weights weights_;
  std::int64_t done_ = 0;
};

}  // namespace tools
