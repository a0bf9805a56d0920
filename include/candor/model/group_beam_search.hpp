// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Diverse beam search over prompts in flight: group_beams with a search for each prompt.

#include <candor/model/group_beams.hpp>
#include <candor/model/prompts_in_flight.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace CANDOR_NS {

template <class B, class T>
class group_beam_search {
 public:
  group_beam_search(decoder<B, T>& state, B& backend, prompts_in_flight<B, T>& prompts,
                    const generate_options& options)
      : state_(state), prompts_(prompts), options_(options), beams_(state, backend, options, false) {}

  void run() {
    const std::int64_t most = std::max<std::int64_t>(options_.max_branches / options_.num_beams, 1);
    for (;;) {
      const std::int64_t room = most - beams_.searches();
      if (room > 0 && (beams_.searches() == 0 || 8 * room >= most))
        for (open_prompt* prompt : prompts_.admit(room)) {
          open_.emplace(prompt->index, prompt);
          beams_.begin(prompt->index, prompt->stem, state_.open(prompt->stem));
        }
      if (beams_.searches() == 0) return;
      beams_.step([this](std::size_t name, auto&& found) { end(name, std::move(found)); });
    }
  }

 private:
  void end(std::size_t name, std::vector<typename group_beams<B, T>::found_text>&& found) {
    open_prompt& prompt = *open_.at(name);
    open_.erase(name);
    found.resize(std::min(found.size(), static_cast<std::size_t>(options_.samples)));
    for (auto& f : found) {
      prompts_.count(f.text);
      prompt.texts.push_back(std::move(f.text));
    }
    prompts_.finish(prompt);
  }

  decoder<B, T>& state_;
  prompts_in_flight<B, T>& prompts_;
  const generate_options& options_;
  group_beams<B, T> beams_;
  std::map<std::size_t, open_prompt*> open_;
};

}  // namespace CANDOR_NS
