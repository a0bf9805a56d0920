// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of preference_data.hpp: what is read is in record_set_impl.hpp, what it must hold in
/// record_parse_impl.hpp.

#include <candor/data/preference_data.hpp>
#include <candor/data/record_parse_impl.hpp>
#include <candor/data/record_set_impl.hpp>

#include <memory>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// What the record i of a set is parsed with. Its pictures keep the set alive.
inline record_context context_of(const std::shared_ptr<const record_set>& set, bool pairs) {
  return {.images = set->images(),
          .pairs = pairs,
          .stored = [set](std::int64_t i, const stored_image& which) { return set->image(i, which); }};
}

inline preference_record read_preference(const std::shared_ptr<const record_set>& set, std::int64_t i,
                                         bool pairs) {
  return parse_preference(set->read(i), set->place(i), i, context_of(set, pairs));
}

inline question_record read_question(const std::shared_ptr<const record_set>& set, std::int64_t i) {
  return parse_question(set->read(i), set->place(i), i, context_of(set, true));
}

}  // namespace detail

CANDOR_INLINE preference_data::preference_data(const std::filesystem::path& path, const data_options& options)
    : pairs_(options.pairs) {
  const auto set = std::make_shared<detail::record_set>(path, options);
  set->check([&](std::int64_t i) { return detail::read_preference(set, i, pairs_); });
  records_ = set;
}

CANDOR_INLINE std::int64_t preference_data::size() const { return records_->size(); }
CANDOR_INLINE const std::filesystem::path& preference_data::path() const { return records_->path(); }

CANDOR_INLINE preference_record preference_data::record(std::int64_t i) const {
  return detail::read_preference(records_, i, pairs_);
}

CANDOR_INLINE void preference_data::add_to(fingerprint& print, image_digest images) const {
  records_->add_to(print, images, [this](std::int64_t i) { return record(i); });
}

CANDOR_INLINE questions_data::questions_data(const std::filesystem::path& path, const data_options& options) {
  const auto set = std::make_shared<detail::record_set>(path, options);
  set->check([&](std::int64_t i) { return detail::read_question(set, i); });
  records_ = set;
}

CANDOR_INLINE std::int64_t questions_data::size() const { return records_->size(); }
CANDOR_INLINE const std::filesystem::path& questions_data::path() const { return records_->path(); }

CANDOR_INLINE question_record questions_data::record(std::int64_t i) const {
  return detail::read_question(records_, i);
}

CANDOR_INLINE void questions_data::add_to(fingerprint& print, image_digest images) const {
  records_->add_to(print, images, [this](std::int64_t i) { return record(i); });
}

}  // namespace CANDOR_NS
