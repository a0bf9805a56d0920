// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>

#include "csr/csr.hpp"

namespace csr {

void apply_preset(const std::string& name, settings& s, training::options& o) {
  if (name == "paper") {
    o.lora.rank = 128;
    o.lora.alpha = 256;
    o.optimizer.learning_rate = 1e-7;
    o.fit.epochs = 1;
    o.fit.batch_size = 8;
    o.fit.schedule.warmup_ratio = 0.03;
  } else if (name == "scenes") {
    s.rounds = 2;
    s.instructions = 400;
    s.sft_weight = 0.05;
    o.optimizer.learning_rate = 1e-4;
    o.optimizer.weight_decay = 0;
    o.optimizer.beta2 = 0.98;
    o.fit.batch_size = 16;
    o.fit.epochs = 2;
    o.fit.schedule.warmup_ratio = 0.05;
    o.fit.schedule.floor = 0.02;
  } else {
    candor::fail<candor::usage_error>("--preset ", name, " is unknown: use paper or scenes");
  }
}

void resolve(settings& s) {
  candor::require<candor::usage_error>(s.reward == "ranks" || s.reward == "sums", "--reward ", s.reward,
                                       " is unknown: use ranks or sums");
  s.search.reward = s.reward == "sums" ? candor::sentence_reward::sums : candor::sentence_reward::ranks;
  candor::check_options(s.search);
}

}  // namespace csr
