// SPDX-License-Identifier: Apache-2.0
#include <candor/data/preference_data.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/model/processor.hpp>
#include <candor/train/table.hpp>

#include "rlaif_v/pipeline.hpp"
#include "training/preview.hpp"

#include <algorithm>
#include <cstdio>

namespace rlaif_v {

void dry_run(const settings& s, const training::options& o) {
  const candor::llava_source source{.model = o.model, .vision_tower = o.vision_tower};
  const auto config = candor::read_llava_config(source);
  const candor::processor processor(source, config, o.processor);
  const candor::questions_data data(o.data, {.images = o.images});
  const std::int64_t each = s.instructions > 0 ? s.instructions : data.size();
  const std::int64_t needed = s.instructions > 0 ? each * s.rounds : each;
  candor::require<candor::input_error>(
      needed <= data.size(), o.data.string(), " has ", data.size(), " instructions; ", s.rounds,
      " rounds of ", each, " need ", needed,
      ". Give more, or a smaller --instructions (0: all of them in every round)");
  std::int64_t longest = 0, sum = 0;
  const std::int64_t looked_at = std::min<std::int64_t>(64, needed);
  for (std::int64_t i = 0; i < looked_at; ++i) {
    const auto record = data.record(i * needed / looked_at);
    const auto prompt = processor.tree(processor.encode(record.question, std::span<const std::string>(),
                                                        record.images.size(), record.source));
    if (i < 2) {
      processor.pixels(record.images);  // a picture that cannot be read is told here
      std::printf("%s\n%s\n", record.source.c_str(),
                  training::preview(processor, prompt, {"prompt"}).c_str());
    }
    longest = std::max(longest, prompt.tokens());
    sum += prompt.tokens();
  }
  candor::table table({"a round", ""});
  const auto row = [&](const std::string& name, std::int64_t value) {
    table.add({name, std::to_string(value)});
  };
  row("rounds", s.rounds);
  row("instructions", each);
  row("prompt tokens, mean", sum / looked_at);
  row("prompt tokens, longest seen", longest);
  row("answers", each * s.samples);
  row("answer tokens at most", each * s.samples * s.max_new_tokens);
  row("pairs at most", s.pairs.max_per_id > 0 ? each * static_cast<std::int64_t>(s.pairs.max_per_id)
                                              : each * s.samples * (s.samples - 1) / 2);
  std::printf("%s", table.str().c_str());
}

}  // namespace rlaif_v
