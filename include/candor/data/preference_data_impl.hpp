// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of preference_data.hpp: what is read is in record_set_impl.hpp, what it must hold in
/// record_parse_impl.hpp.

#include <candor/data/preference_data.hpp>
#include <candor/data/record_parse_impl.hpp>
#include <candor/data/record_set_impl.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// What the record i of a set is parsed with. Its pictures keep the set alive.
inline record_context context_of(const std::shared_ptr<const record_set>& set, const data_options& options) {
  return {.images = set->images(),
          .pairs = options.pairs,
          .image_pairs = options.image_pairs,
          .ladder = options.ladder,
          .stored = [set](std::int64_t i, const stored_image& which) { return set->image(i, which); }};
}

inline std::vector<preference_record> read_preferences(const std::shared_ptr<const record_set>& set,
                                                       std::int64_t i, const data_options& options) {
  return parse_preferences(set->read(i), set->place(i), i, context_of(set, options));
}

inline question_record read_question(const std::shared_ptr<const record_set>& set, std::int64_t i) {
  return parse_question(set->read(i), set->place(i), i, context_of(set, {}));
}

/// Errors name the record's place again, which is told apart.
inline std::string reason_without_place(const std::string& reason, const std::string& place) {
  return reason.starts_with(place + ": ") ? reason.substr(place.size() + 2) : reason;
}

inline void require_records(std::int64_t left, const std::filesystem::path& path,
                            const std::vector<skipped_record>& skipped) {
  if (left > 0) return;
  require<input_error>(skipped.empty(), path.string(), ": all ", skipped.size(),
                       " records are left out; the first is ", skipped.empty() ? "" : skipped.front().source,
                       ": ", skipped.empty() ? "" : skipped.front().reason);
  fail<input_error>(path.string(),
                    ": no record has a pair: the ratings of each one's answers are equal, cannot be ",
                    "read, or are closer than the least gap");
}

}  // namespace detail

CANDOR_INLINE std::size_t preference_record::shown_images() const {
  const bool pair =
      images.size() == 2 && (form == record_form::v_dpo || detail::marks_before_answer(*this) == 1);
  return pair ? 1 : images.size();
}

CANDOR_INLINE preference_data::preference_data(const std::filesystem::path& path, const data_options& options)
    : options_(options) {
  const auto set = std::make_shared<detail::record_set>(path, options);
  auto checked = set->check(options.skip_bad_records,
                            [&](std::int64_t i) { return detail::read_preferences(set, i, options_); });
  records_ = set;
  without_pair_ = std::count(checked.pairs.begin(), checked.pairs.end(), 0);
  skipped_ = std::move(checked.skipped);
  for (auto& s : skipped_) s.reason = detail::reason_without_place(s.reason, s.source);
  if (std::any_of(checked.pairs.begin(), checked.pairs.end(), [](std::int32_t n) { return n != 1; })) {
    for (std::size_t i = 0; i < checked.pairs.size(); ++i)
      for (std::int32_t pair = 0; pair < checked.pairs[i]; ++pair)
        pairs_.push_back({static_cast<std::int64_t>(i), pair});
    detail::require_records(static_cast<std::int64_t>(pairs_.size()), path, skipped_);
  }
}

CANDOR_INLINE std::int64_t preference_data::size() const {
  return pairs_.empty() ? records_->size() : static_cast<std::int64_t>(pairs_.size());
}
CANDOR_INLINE const std::filesystem::path& preference_data::path() const { return records_->path(); }

CANDOR_INLINE preference_data::pair_place preference_data::place_of(std::int64_t i) const {
  if (pairs_.empty()) return {i, 0};
  require<usage_error>(i >= 0 && i < size(), path().string(), " has ", size(), " records; record ", i,
                       " was asked for (they count from 0)");
  return pairs_[static_cast<std::size_t>(i)];
}

CANDOR_INLINE preference_record preference_data::record(std::int64_t i) const {
  const pair_place where = place_of(i);
  auto all = detail::read_preferences(records_, where.record, options_);
  require<input_error>(where.pair < static_cast<std::int32_t>(all.size()), records_->place(where.record),
                       ": the record has fewer pairs than when the file was opened; leave it as it is");
  return std::move(all[static_cast<std::size_t>(where.pair)]);
}

CANDOR_INLINE void preference_data::skip_where(function_ref<void(const preference_record&, std::int64_t)> check) {
  std::vector<std::optional<skipped_record>> bad(static_cast<std::size_t>(size()));
  detail::for_runs(size(), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto r = record(i);
      try {
        check(r, i);
      } catch (const input_error& problem) {
        bad[static_cast<std::size_t>(i)] = {r.source, detail::reason_without_place(problem.what(), r.source)};
      }
    }
  });
  std::vector<pair_place> kept;
  std::vector<skipped_record> skipped = skipped_;
  for (std::int64_t i = 0; i < size(); ++i)
    if (const auto& problem = bad[static_cast<std::size_t>(i)])
      skipped.push_back(*problem);
    else
      kept.push_back(place_of(i));
  if (skipped.size() == skipped_.size()) return;
  detail::require_records(static_cast<std::int64_t>(kept.size()), path(), skipped);
  pairs_ = std::move(kept);
  skipped_ = std::move(skipped);
}

CANDOR_INLINE void preference_data::check_each(function_ref<void(const preference_record&)> check) const {
  detail::for_runs(size(), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) check(record(i));
  });
}

CANDOR_INLINE void preference_data::add_to(fingerprint& print, image_digest images) const {
  records_->add_to(print, images, size(), [this](std::int64_t i) { return record(i); });
  std::string places = options_.image_pairs ? "image pairs;" : "";
  for (const auto& where : pairs_) places += text(where.record, '-', where.pair, ';');
  print.add("pairs", places);
}

CANDOR_INLINE questions_data::questions_data(const std::filesystem::path& path, const data_options& options) {
  const auto set = std::make_shared<detail::record_set>(path, options);
  set->check(false, [&](std::int64_t i) { return std::vector{detail::read_question(set, i)}; });
  records_ = set;
}

CANDOR_INLINE std::int64_t questions_data::size() const { return records_->size(); }
CANDOR_INLINE const std::filesystem::path& questions_data::path() const { return records_->path(); }

CANDOR_INLINE question_record questions_data::record(std::int64_t i) const {
  return detail::read_question(records_, i);
}

CANDOR_INLINE void questions_data::add_to(fingerprint& print, image_digest images) const {
  records_->add_to(print, images, size(), [this](std::int64_t i) { return record(i); });
}

}  // namespace CANDOR_NS
