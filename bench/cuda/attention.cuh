// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention on the device in bfloat16, at the shapes of preference learning. Only pairs of tokens that see
/// each other count as work: 4 D operations each in the forward pass, 10 D in the backward pass, of which
/// these kernels do 14.

#include "cuda/device_timer.cuh"
#include "support/shapes.hpp"

#include <candor/backend/attention_layout.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace candor_bench {

/// Trees of a stem with its branches, one after the other.
inline candor::attention_layout stems_with_branches(std::int32_t trees, std::int32_t stem,
                                                    const std::vector<std::int32_t>& branches) {
  candor::attention_layout layout;
  layout.trees.push_back(0);
  const auto add = [&](std::int32_t tokens, std::int32_t until) {
    for (std::int32_t i = 0; i < tokens; ++i) {
      layout.reach.push_back(static_cast<std::int32_t>(layout.tokens()));
      layout.visible_until.push_back(until);
    }
  };
  std::int32_t all = stem;
  for (const auto b : branches) all += b;
  for (std::int32_t t = 0; t < trees; ++t) {
    add(stem, layout.trees.back() + all);
    for (const auto b : branches) add(b, static_cast<std::int32_t>(layout.tokens()) + b);
    layout.trees.push_back(static_cast<std::int32_t>(layout.tokens()));
  }
  return layout;
}

inline double seen_pairs(const candor::attention_layout& layout) {
  std::int64_t pairs = 0;
  for (std::size_t t = 0; t + 1 < layout.trees.size(); ++t)
    for (std::int64_t q = layout.trees[t]; q < layout.trees[t + 1]; ++q)
      for (std::int64_t k = layout.trees[t]; k < layout.trees[t + 1]; ++k) pairs += layout.sees(q, k);
  return static_cast<double>(pairs);
}

inline void measure_attention_of(candor::cuda& gpu, const std::string& name,
                                 const candor::attention_heads& heads,
                                 const candor::attention_layout& layout) {
  using candor::bfloat16;
  const std::int64_t t = layout.tokens(), wide = heads.count * heads.size,
                     narrow = heads.kv_count * heads.size;
  const auto rows = [&](std::int64_t width) { return noise<bfloat16>(gpu, {t, width}, 1.0f); };
  const auto q = rows(wide), k = rows(narrow), v = rows(narrow), d_out = rows(wide);
  auto out = rows(wide), d_q = rows(wide), d_k = rows(narrow), d_v = rows(narrow);
  candor::tensor<candor::cuda, float> lse(gpu, {heads.count, t});
  const auto lse_in = [&] { return std::as_const(lse).view(); };
  const double forward = seconds(gpu, [&] {
    gpu.attention_forward<bfloat16>(heads, layout, q.view(), k.view(), v.view(), out.view(), lse.view());
  });
  const double backward = seconds(gpu, [&] {
    gpu.attention_backward<bfloat16>(heads, layout, q.view(), k.view(), v.view(), std::as_const(out).view(),
                                     lse_in(), d_out.view(), d_q.view(), d_k.view(), d_v.view());
  });
  const double work = 4.0 * static_cast<double>(wide) * seen_pairs(layout);  // operations of the forward pass
  line("attention, " + name, {{"tokens", static_cast<double>(t)},
                              {"forward_microseconds", forward * 1e6},
                              {"forward_teraflops", work / forward * 1e-12},
                              {"backward_microseconds", backward * 1e6},
                              {"backward_teraflops", 2.5 * work / backward * 1e-12}});
}

/// A step of `branches` samples for each of `images`, each with a past of its own beside the image's stem.
inline void measure_decoding_of(candor::cuda& gpu, const candor::attention_heads& heads, std::int32_t images,
                                std::int32_t branches, std::int32_t stem, std::int32_t past) {
  using candor::bfloat16;
  const std::int64_t width = heads.count * heads.size;
  candor::decode_layout layout;
  layout.capacity = past;
  for (std::int32_t i = 0; i < images; ++i)
    layout.groups.push_back({i * stem, (i + 1) * stem, i * branches, branches});
  layout.length.assign(static_cast<std::size_t>(images) * static_cast<std::size_t>(branches), past);
  const auto rows = [&](std::int64_t n) { return noise<bfloat16>(gpu, {n, width}, 1.0f); };
  const auto q = rows(images * branches), stem_k = rows(images * stem), stem_v = rows(images * stem),
             own_k = rows(images * branches * past), own_v = rows(images * branches * past);
  auto out = rows(images * branches);
  const double time = seconds(gpu, [&] {
    gpu.attention_decode<bfloat16>(heads, layout, q.view(), stem_k.view(), stem_v.view(), own_k.view(),
                                   own_v.view(), out.view());
  });
  const double bytes = 2.0 * static_cast<double>(stem_k.bytes() + own_k.bytes());
  line(candor::text("decoding, ", images, " images with ", branches, " samples of ", past),
       {{"microseconds", time * 1e6}, {"gigabytes_per_second", bytes / time * 1e-9}});
}

inline void measure_attention(const measured_shape& s) {
  candor::cuda gpu{0};
  const auto& c = s.model;
  const auto heads_of = [](std::int64_t count, std::int64_t kv_count, std::int64_t size) {
    return candor::attention_heads{count, kv_count, size, 1 / std::sqrt(static_cast<double>(size))};
  };
  const auto llama = heads_of(c.text.num_attention_heads, c.text.num_attention_heads, c.text.head_dim),
             grouped = heads_of(c.text.num_attention_heads, c.text.num_attention_heads / 4, c.text.head_dim),
             tower = heads_of(c.vision.num_attention_heads, c.vision.num_attention_heads, c.vision.head_dim());
  const auto stem = s.stem();
  const auto even = stems_with_branches(s.pairs, stem, {s.answer, s.answer});
  const auto of_pairs = candor::text(s.pairs, " pairs");
  measure_attention_of(gpu, candor::text(of_pairs, " of ", stem, " + 2 x ", s.answer), llama, even);
  measure_attention_of(gpu, candor::text(of_pairs, " of ", stem, " + ", s.short_answer, " + ", s.long_answer), llama,
                       stems_with_branches(s.pairs, stem, {s.short_answer, s.long_answer}));
  measure_attention_of(gpu, candor::text(of_pairs, ", ", grouped.kv_count, " key heads"), grouped, even);
  const std::vector<std::int32_t> asked(static_cast<std::size_t>(s.questions), s.short_question);
  measure_attention_of(gpu, candor::text(stem, " + ", s.questions, " questions of ", s.short_question), llama,
                       stems_with_branches(1, stem, asked));
  measure_attention_of(gpu, candor::text("one sequence of ", s.sequence), llama, stems_with_branches(1, s.sequence, {}));
  const auto images = candor::attention_layout::full(s.pairs, c.vision.patches() + 1);
  const auto of_tower =
      candor::text("tower, ", s.pairs, " images of ", c.vision.patches() + 1, ", heads of ", tower.size);
  measure_attention_of(gpu, of_tower, tower, images);
#if CANDOR_HAS_CUDNN
  candor::cuda with_cudnn({.cudnn = true});
  measure_attention_of(with_cudnn, of_tower + ", forward by cuDNN", tower, images);
#endif
  for (const std::int32_t count : {1, s.pairs, s.images}) measure_decoding_of(gpu, llama, count, s.samples, stem, s.past);
}

}  // namespace candor_bench
