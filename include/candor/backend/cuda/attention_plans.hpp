// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The plans of the layouts that were used last, with their copies on the device: every layer of a pass, or
/// of a step of decoding, asks for the same one.

#include <candor/backend/attention_layout.hpp>
#include <candor/backend/cuda/attention_blocks.hpp>
#include <candor/backend/cuda/attention_decode_plan.hpp>
#include <candor/tensor/tensor.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <tuple>

namespace CANDOR_NS::device {

inline bool same(const attention_layout& a, const attention_layout& b) {
  return a.reach == b.reach && a.visible_until == b.visible_until;
}
inline bool same(const decode_layout& a, const decode_layout& b) {
  const auto fields = [](const decode_layout::group& g) {
    return std::tuple(g.stem_begin, g.stem_end, g.first_branch, g.branches);
  };
  return a.capacity == b.capacity && a.length == b.length && a.slots == b.slots &&
         std::equal(a.groups.begin(), a.groups.end(), b.groups.begin(), b.groups.end(),
                    [&](const auto& x, const auto& y) { return fields(x) == fields(y); });
}

/// `Plan` is made of a layout and of numbers, which are those of the heads.
template <class B, class Layout, class Plan, class... Numbers>
class attention_plans {
 public:
  static constexpr std::size_t kept = 4;  // the tower's and the decoder's, of this pass and the one before

  /// The plan of a layout of this content; valid until `kept` others have been asked for.
  auto of(B& backend, const Layout& layout, Numbers... numbers) {
    const std::tuple<Numbers...> wanted(numbers...);
    const auto known = std::find_if(plans_.begin(), plans_.end(), [&](const entry& e) {
      return e.numbers == wanted && same(e.layout, layout);
    });
    if (known != plans_.end()) return known->view();
    if (plans_.size() == kept) plans_.pop_front();
    return plans_.emplace_back(backend, layout, wanted).view();
  }
  void clear() { plans_.clear(); }

 private:
  struct entry {
    Layout layout;
    std::tuple<Numbers...> numbers;
    Plan plan;
    tensor<B, std::int32_t> there;  // what the plan holds

    entry(B& backend, const Layout& l, const std::tuple<Numbers...>& n)
        : layout(l),
          numbers(n),
          plan(std::apply([&](auto... all) { return Plan(l, all...); }, n)),
          there(tensor<B, std::int32_t>::from(
              backend, shape{static_cast<std::int64_t>(plan.numbers().size())}, plan.numbers())) {}
    auto view() const { return plan.view(there.view().data); }
  };

  std::deque<entry> plans_;
};

}  // namespace CANDOR_NS::device
