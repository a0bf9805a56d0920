// SPDX-License-Identifier: Apache-2.0
#include <candor/data/preference_data.hpp>
#include <candor/model/clip_config.hpp>
#include <candor/text/clip_tokenizer.hpp>
#include <candor/train/table.hpp>

#include "csr/csr.hpp"
#include "training/instructions.hpp"

#include <algorithm>
#include <cstdio>

namespace csr {

void dry_run(const settings& s, const training::options& o) {
  const auto clip = candor::read_clip_config(s.clip);
  candor::clip_tokenizer{s.clip};  // files that are missing or damaged are told here
  const auto images = image_folder(o);
  const candor::questions_data data(o.data, {.images = images});
  const auto facts = training::look_at_instructions(data, o, s.rounds, s.instructions);
  const std::int64_t needed = s.instructions > 0 ? facts.each * s.rounds : facts.each;
  for (std::int64_t i = 0; i < needed; ++i) training::image_name(data.record(i), images);

  const auto& tree = s.search;
  const auto open = static_cast<std::int64_t>(
      tree.open_nodes > 0 ? std::max(tree.open_nodes - 1, tree.keep_best + tree.keep_worst) : 1);
  candor::table table({"a round", ""});
  const auto row = [&](const std::string& name, std::int64_t value) {
    table.add({name, std::to_string(value)});
  };
  row("rounds", s.rounds);
  row("instructions, and pairs at most", facts.each);
  row("prompt tokens, mean", facts.mean);
  row("prompt tokens, longest seen", facts.longest);
  row("sentences of a tree's level at most", open * tree.num_beams);
  row("tokens of a sentence at most", tree.max_new_tokens);
  row("bytes of an answer at most", tree.max_characters);
  row("picture size of the CLIP, pixels", clip.vision.image_size);
  row("records of a step of DPO", o.fit.batch_size);
  std::printf("%s", table.str().c_str());
}

}  // namespace csr
