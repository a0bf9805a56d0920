// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The losses that compare answers under several images, chosen at run time: one type for a program that
/// offers them all. Each has its formula in its own header.

#include <candor/objective/chip.hpp>
#include <candor/objective/mdpo.hpp>
#include <candor/objective/opa_dpo.hpp>
#include <candor/objective/sym_mpo.hpp>
#include <candor/objective/v_dpo.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace CANDOR_NS {

enum class image_loss : std::uint8_t { mdpo, v_dpo, sym_mpo, opa_dpo, chip };

inline constexpr std::array<std::string_view, 5> image_loss_names{"mdpo", "v_dpo", "sym_mpo", "opa_dpo",
                                                                  "chip"};

constexpr std::string_view name_of(image_loss loss) {
  return image_loss_names[static_cast<std::size_t>(loss)];
}
constexpr std::optional<image_loss> image_loss_named(std::string_view name) {
  for (std::size_t i = 0; i < image_loss_names.size(); ++i)
    if (image_loss_names[i] == name) return static_cast<image_loss>(i);
  return std::nullopt;
}

/// `type` says which of them counts.
struct image_preference {
  image_loss type = image_loss::mdpo;
  candor::mdpo mdpo = {};
  candor::v_dpo v_dpo = {};
  candor::sym_mpo sym_mpo = {};
  candor::opa_dpo opa_dpo = {};
  candor::chip chip = {};

  /// The loss's own places; the cells behind them are not used.
  constexpr std::array<cell_place, 5> places() const {
    std::array<cell_place, 5> out;
    out.fill({.branch = -1});
    const auto take = [&](const auto& own) {
      for (std::size_t c = 0; c < own.size(); ++c) out[c] = own[c];
    };
    switch (type) {
      case image_loss::mdpo: take(places_of(mdpo)); break;
      case image_loss::v_dpo: take(places_of(v_dpo)); break;
      case image_loss::sym_mpo: take(places_of(sym_mpo)); break;
      case image_loss::opa_dpo: take(places_of(opa_dpo)); break;
      case image_loss::chip: take(places_of(chip)); break;
    }
    return out;
  }

  constexpr bool needs_kl(int cell) const { return type == image_loss::chip && chip.needs_kl(cell); }
  constexpr token_weights token_weighting() const {
    return type == image_loss::chip ? chip.token_weighting() : token_weights{};
  }

  /// What the implicit reward is taken with.
  CANDOR_HD constexpr double beta() const {
    switch (type) {
      case image_loss::mdpo: return mdpo.beta;
      case image_loss::v_dpo: return v_dpo.beta;
      case image_loss::sym_mpo: return sym_mpo.beta;
      case image_loss::opa_dpo: return opa_dpo.beta;
      case image_loss::chip: return chip.beta;
    }
    return 0;
  }
  template <class S>
  CANDOR_HD S reward(const cell<S>& c) const {
    return beta() * c.ratio();
  }

  template <class S>
  CANDOR_HD S operator()(const pair<S, 5>& y) const {
    switch (type) {
      case image_loss::mdpo: return mdpo(y.template first<3>());
      case image_loss::v_dpo: return v_dpo(y.template first<4>());
      case image_loss::sym_mpo: return sym_mpo(y.template first<4>());
      case image_loss::opa_dpo: return opa_dpo(y);
      case image_loss::chip: return chip(y.template first<3>());
    }
    return S(0);
  }
};

}  // namespace CANDOR_NS
