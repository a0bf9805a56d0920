// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A judge around another one that remembers on disk what that one said: a run that is killed and starts
/// again asks nothing twice. (remote_judge has its own cache, which grows with each reply.)

#include <candor/core/error.hpp>
#include <candor/feedback/judge.hpp>
#include <candor/feedback/verdict_cache.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace CANDOR_NS {

struct cache_options {
  std::string judge;  ///< names the judge and all that its verdicts depend on, its suffix and weights too
  std::size_t pictures = 4;  ///< given to the judge at once; what it says of them is kept before it gets more
};

/// The judge and the cache must outlive it.
template <claim_judge Judge>
class cached_judge {
 public:
  cached_judge(Judge& judge, verdict_cache& cache, cache_options options)
      : judge_(judge), cache_(cache), options_(std::move(options)) {
    require<usage_error>(options_.pictures > 0, "[cached_judge] pictures 0; expected one at least");
  }

  std::vector<std::vector<yes_no_answer>> judge(std::span<const picture_questions> pictures) {
    std::vector<std::vector<yes_no_answer>> verdicts;
    for (std::size_t first = 0; first < pictures.size(); first += options_.pictures)
      judge_some(pictures.subspan(first, std::min(options_.pictures, pictures.size() - first)), verdicts);
    return verdicts;
  }
  /// Questions that went to the judge.
  std::int64_t asked() const { return asked_; }

 private:
  void judge_some(std::span<const picture_questions> pictures,
                  std::vector<std::vector<yes_no_answer>>& verdicts) {
    struct place {
      std::size_t picture, question;
      std::string key;
    };
    std::vector<picture_questions> unknown;
    std::vector<std::vector<place>> places;  // of the unknown questions
    for (const auto& picture : pictures) {
      auto& mine = verdicts.emplace_back(picture.questions.size());
      picture_questions left{picture.images, {}, picture.source};
      std::vector<place> left_places;
      const auto shown = verdict_cache::pictures(options_.judge, picture.images);
      for (std::size_t q = 0; q < picture.questions.size(); ++q) {
        std::string key = verdict_cache::key(shown, picture.questions[q]);
        if (const auto known = cache_.find(key)) {
          mine[q] = *known;
          continue;
        }
        left.questions.push_back(picture.questions[q]);
        left_places.push_back({verdicts.size() - 1, q, std::move(key)});
      }
      if (left.questions.empty()) continue;
      unknown.push_back(std::move(left));
      places.push_back(std::move(left_places));
    }
    if (unknown.empty()) return;
    const auto said = judge_.judge(unknown);
    std::vector<std::pair<std::string, yes_no_answer>> kept;
    for (std::size_t p = 0; p < places.size(); ++p)
      for (std::size_t q = 0; q < places[p].size(); ++q) {
        auto& [picture, question, key] = places[p][q];
        verdicts[picture][question] = said[p][q];
        kept.emplace_back(std::move(key), said[p][q]);
      }
    cache_.add_all(kept);
    asked_ += static_cast<std::int64_t>(kept.size());
  }

  Judge& judge_;
  verdict_cache& cache_;
  cache_options options_;
  std::int64_t asked_ = 0;
};

}  // namespace CANDOR_NS
