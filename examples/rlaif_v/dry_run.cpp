// SPDX-License-Identifier: Apache-2.0
#include <candor/data/preference_data.hpp>
#include <candor/train/table.hpp>

#include "rlaif_v/pipeline.hpp"
#include "training/instructions.hpp"

#include <cstdio>

namespace rlaif_v {

void dry_run(const settings& s, const training::options& o) {
  const candor::questions_data data(o.data, {.images = o.images});
  const auto facts = training::look_at_instructions(data, o, s.rounds, s.instructions);
  candor::table table({"a round", ""});
  const auto row = [&](const std::string& name, std::int64_t value) {
    table.add({name, std::to_string(value)});
  };
  row("rounds", s.rounds);
  row("instructions", facts.each);
  row("prompt tokens, mean", facts.mean);
  row("prompt tokens, longest seen", facts.longest);
  row("answers", facts.each * s.samples);
  row("answer tokens at most", facts.each * s.samples * s.max_new_tokens);
  row("pairs at most", s.pairs.max_per_id > 0 ? facts.each * static_cast<std::int64_t>(s.pairs.max_per_id)
                                              : facts.each * s.samples * (s.samples - 1) / 2);
  std::printf("%s", table.str().c_str());

  candor::table recipe({"recipe", ""});
  const auto number = [&](const std::string& name, double value) {
    recipe.add({name, candor::text(value)});  // six digits: 5e-07, 0.7
  };
  number("temperature", s.temperature);
  number("top-p", s.top_p);
  number("top-k", s.top_k);
  number("repetition penalty", s.repetition_penalty);
  number("contrast alpha", s.contrast.alpha);
  number("longest answer, tokens", static_cast<double>(s.max_new_tokens));
  recipe.add({"score", s.score});
  number("least gap", s.pairs.min_gap);
  number("pairs of an instruction", static_cast<double>(s.pairs.max_per_id));
  number("beta", s.loss.beta);
  number("learning rate", o.optimizer.learning_rate);
  number("pairs of a step", static_cast<double>(o.fit.batch_size));
  number("epochs", o.fit.epochs);
  number("warm-up, share of the steps", o.fit.schedule.warmup_ratio);
  number("weight decay", o.optimizer.weight_decay);
  recipe.add({"template", o.processor.chat_template});
  recipe.add({"image transform", o.image_transform});
  std::printf("\n%s", recipe.str().c_str());
}

}  // namespace rlaif_v
