// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Where a training run has its reference log-probs from: a file in the run folder, filled before the first
/// step by the policy as it is then or by a second model; or a model that runs in every step, the second one
/// or the policy without its adapters.

#include <candor/core/fault.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/data/prefetch.hpp>
#include <candor/model/scoring.hpp>
#include <candor/objective/objective.hpp>
#include <candor/train/cell_targets.hpp>
#include <candor/train/fit_options.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/reference_cache.hpp>
#include <candor/train/run_config.hpp>
#include <candor/train/signals.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// A record as the model takes it, and its place in the file.
struct training_item {
  encoded_record record;
  std::int64_t index = 0;
  std::int64_t images = 0;
  std::int64_t epoch = 0;  ///< whose draw of image variants it has
};

/// How a run comes by its reference log-probs.
struct reference_plan {
  bool needed = true;  ///< whether the objective reads them
  bool fresh = false;  ///< whether each epoch has its own draw of the image variants
  reference_source from = reference_source::cache;  ///< never `automatic`

  bool cached() const { return needed && from == reference_source::cache; }
};

/// With `second`, a second model is the reference; with `adapters`, the policy has some. A cache of images
/// that are drawn anew each epoch costs as many passes as the reference in each step does, and a file:
/// `automatic` takes it only where nothing else is there, and where one draw serves all epochs.
template <class Objective>
reference_plan plan_reference(const Objective& loss, const fit_options& options, bool second, bool adapters) {
  const auto variants = variants_of(loss, options.variants);
  reference_plan plan{
      .needed = reads_reference(loss),
      .fresh = options.fresh_variants &&
               std::any_of(variants.begin(), variants.end(), [](const auto& v) { return v.varies(); }),
      .from = options.reference};
  if (plan.from != reference_source::automatic) return plan;
  const bool in_steps = plan.fresh || reads_kl(loss) || cell_plan(places_of(loss)).follows_policy();
  plan.from = in_steps && second     ? reference_source::each_step
              : in_steps && adapters ? reference_source::adapters_off
                                     : reference_source::cache;
  return plan;
}

template <class Model, class Objective>
class reference_log_probs {
 public:
  using table = std::vector<std::vector<std::span<const float>>>;  // of a group: [record][cell]

  /// `second`, or null, is the reference instead of the policy. usage_error where the options do not go
  /// together.
  reference_log_probs(Model& policy, Model* second, const Objective& loss, const preference_data& data,
                      const fit_options& options)
      : policy_(policy),
        model_(second != nullptr ? *second : policy),
        data_(data),
        options_(options),
        places_(places_of(loss)),
        plan_(places_),
        variants_(variants_of(loss, options.variants)),
        source_(plan_reference(loss, options, second != nullptr, policy.network().has_adapters())) {
    if (!source_.needed) return;
    const reference_source from = source_.from;
    constexpr const char* advice =
        "; compute it with each step: by a second model (--reference-model), or by adapters that are "
        "switched "
        "off (--lora-r)";
    require<usage_error>(from != reference_source::cache || !reads_kl(loss),
                         "the loss reads the reference's whole distribution at each token, which no cache "
                         "holds",
                         advice);
    require<usage_error>(
        from != reference_source::cache || !plan_.follows_policy(),
        "the reference scores tokens that the policy picks anew in each step, which no cache "
        "knows",
        advice);
    require<usage_error>(from != reference_source::adapters_off || second == nullptr,
                         "a second model is the reference, so it cannot be the policy without adapters");
    require<usage_error>(from != reference_source::adapters_off || policy.network().has_adapters(),
                         "the policy without adapters is the reference, but it has none; use the cache");
    require<usage_error>(
        from != reference_source::each_step || second != nullptr || policy.network().has_adapters(),
        "a reference in each step needs a second model (--reference-model) or a policy with adapters");
  }

  /// Where the log-probs come from; never `automatic`.
  reference_source from() const { return source_.from; }
  /// The images that the objective's cells name, in the order of images_named_in.
  std::span<const image_variant> variants() const { return variants_; }
  /// Whether each epoch has its own draw of the variants.
  bool fresh() const { return source_.fresh; }
  /// Whether the log-probs are computed with each step: then `of` has none, and `model` runs in the step.
  bool live() const { return source_.needed && !source_.cached(); }
  /// The reference, which counts with its adapters where it is a model of its own.
  Model& model() const { return model_; }
  bool with_adapters() const { return second(); }

  /// What the log-probs depend on.
  fingerprint print() const {
    fingerprint f;
    add_model_files(f, model_.source(), "reference model");
    f.add("reference model", name_of(dtype_v<typename Model::value_type>));
    std::string adapters;
    if (second())
      model_.network().for_adapters([&](const std::string& layer, auto& adapter) {
        adapters += layer + text(" ", adapter.scale);
        for (const auto* p : {&adapter.a, &adapter.b}) {
          const auto values = p->storage().to_vector();
          adapters += hash_bytes(std::as_bytes(std::span(values)));
        }
      });
    f.add("reference adapter", adapters);
    policy_.processor().add_to(f);
    data_.add_to(f, options_.hash_images ? image_digest::bytes : image_digest::stat);
    if (!variants_.empty()) {
      std::string variants =
          text(fresh() ? "fresh each epoch, by record" : "one draw", ", seed ", options_.seed);
      for (const auto& v : variants_) variants += "; " + v.describe();
      f.add("image variants", variants);
    }
    if (std::all_of(places_.begin(), places_.end(),
                    [](const cell_place& p) { return p.branch < 2 && p.image.empty() && !p.picks(); }))
      return f;
    std::string cells;
    for (const cell_place& p : places_)
      cells += text(p.branch, " '", p.image, "' ", static_cast<int>(p.tokens), " '", p.tokens_image, "' ",
                    p.reference_picks, "; ");
    f.add("cells", cells);
    return f;
  }

  /// Reads the file or computes what it lacks, a row for each record, or one after the other for each epoch
  /// whose variants are drawn anew; `encode(i, epoch)` makes the item of record i, called for all epochs of a
  /// record in turn, so that it needs to decode it once. `changed`: the policy's weights are no longer those
  /// of its folder. `interrupted` where a signal asked to stop; the file keeps what was done until then.
  /// numeric_error for log-probs that are not finite.
  template <class Encode>
  void prepare(const std::filesystem::path& path, bool changed, std::int64_t epochs, Encode encode) {
    if (!source_.cached()) return;
    const fingerprint expected = print();
    constexpr int cells = cells_in<Objective>;
    draws_ = fresh() ? epochs : 1;
    const std::int64_t total = data_.size() * draws_;
    if (std::filesystem::exists(path))
      cache_.emplace(reference_cache::load(path, expected, total, cells));
    else
      cache_.emplace(cells);
    const std::int64_t before = cache_->records();
    if (before == total) return;
    require<input_error>(!changed || second() || policy_.network().has_adapters(), path.string(),
                         ": the reference log-probs of the run are gone, and the weights have changed since; "
                         "start the run anew");
    progress shown({.title = "reference",
                    .total = total,
                    .done = before,
                    .quiet = options_.quiet,
                    .peak_memory = peak_memory_of(policy_.backend())});
    const auto items = prefetch_quietly(
        total - before, [&](std::int64_t i) { return encode((before + i) / draws_, (before + i) % draws_); });
    for (std::int64_t done = before; done < total;) {
      std::vector<training_item> group;
      for (std::int64_t i = done; i < std::min(total, done + options_.batch_size); ++i)
        group.push_back(std::move(*items->next()));
      append(score_group(group), group);
      done += static_cast<std::int64_t>(group.size());
      shown.update(done);
      fault_point("reference.group");
      if (!stop_requested()) continue;
      cache_->save(path, expected);
      shown.finish();
      throw_if_stopped(text("before the first step, ", done, " of ", total,
                            " reference log-probs are saved; go on with ", "--resume auto;")
                           .c_str());
    }
    cache_->save(path, expected);
  }

  /// The log-probs of a group; valid while the cache is. Empty where the objective reads none, and where they
  /// are computed with each step.
  table of(const std::vector<training_item>& group) const {
    table out;
    if (!source_.cached()) return out;
    for (const auto& item : group) {
      auto& cells = out.emplace_back();
      const std::int64_t row = item.index * draws_ + (fresh() ? item.epoch : 0);
      for (int c = 0; c < cells_in<Objective>; ++c) cells.push_back(cache_->log_probs(row, c));
    }
    return out;
  }

 private:
  /// A second model is the reference as it is; of the policy it is the part without adapters.
  bool second() const { return &model_ != &policy_; }

  template <class Encode>
  auto prefetch_quietly(std::int64_t count, Encode encode) const {
    const blocked_stop_signals quiet;  // the thread inherits it
    return std::make_unique<prefetch<training_item>>(count, 2 * options_.batch_size, std::move(encode));
  }

  std::vector<std::vector<std::vector<float>>> score_group(const std::vector<training_item>& group) {
    std::vector<const encoded_record*> records;
    for (const auto& i : group) records.push_back(&i.record);
    return score_cells(
        model_.network(), std::span<const encoded_record* const>(records), plan_,
        {.packing = {.layout = options_.layout, .max_tokens = options_.max_tokens}, .adapters = second()});
  }

  void append(const std::vector<std::vector<std::vector<float>>>& scores,
              const std::vector<training_item>& group) {
    for (std::size_t i = 0; i < scores.size(); ++i) {
      for (const auto& cell : scores[i])
        require<numeric_error>(
            std::all_of(cell.begin(), cell.end(), [](float p) { return std::isfinite(p); }),
            data_.record(group[i].index).source,
            ": the reference model gives a log-prob that is not finite; its weights are damaged, or "
            "it needs --dtype f32");
      cache_->append(scores[i]);
    }
  }

  Model &policy_, &model_;
  const preference_data& data_;
  const fit_options& options_;
  std::array<cell_place, static_cast<std::size_t>(cells_in<Objective>)> places_;
  cell_plan plan_;
  std::vector<image_variant> variants_;
  reference_plan source_;
  std::int64_t draws_ = 1;  // rows of a record
  std::optional<reference_cache> cache_;
};

}  // namespace CANDOR_NS
