// SPDX-License-Identifier: Apache-2.0
#include "training/instructions.hpp"

#include <candor/model/llava_config.hpp>
#include <candor/model/processor.hpp>

#include "training/preview.hpp"

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>

namespace training {

instruction_facts look_at_instructions(const candor::questions_data& data, const options& o, int rounds,
                                       std::int64_t each) {
  const candor::llava_source source{.model = o.model, .vision_tower = o.vision_tower};
  const auto config = candor::read_llava_config(source);
  const candor::processor processor(source, config, o.processor);
  const std::int64_t needed = each > 0 ? each * rounds : data.size();
  candor::require<candor::input_error>(
      needed <= data.size(), o.data.string(), " has ", data.size(), " instructions; ", rounds, " rounds of ",
      each, " need ", needed, ". Give more, or a smaller --instructions (0: all of them in every round)");
  instruction_facts facts{.each = each > 0 ? each : needed};
  std::int64_t sum = 0;
  const std::int64_t looked_at = std::min<std::int64_t>(64, needed);
  for (std::int64_t i = 0; i < looked_at; ++i) {
    const auto record = data.record(i * needed / looked_at);
    const auto prompt = processor.tree(processor.encode(record.question, std::span<const std::string>(),
                                                        record.images.size(), record.source));
    if (i < 2) {
      processor.pixels(record.images);  // a picture that cannot be read is told here
      std::printf("%s\n%s\n", record.source.c_str(), preview(processor, prompt, {"prompt"}).c_str());
    }
    facts.longest = std::max(facts.longest, prompt.tokens());
    sum += prompt.tokens();
  }
  facts.mean = sum / looked_at;
  return facts;
}

std::string image_name(const candor::question_record& record, const std::filesystem::path& images) {
  candor::require<candor::input_error>(record.images.size() == 1 && !record.images[0].file().empty(),
                                       record.source, ": an instruction needs one image, as a file; found ",
                                       record.images.size());
  return std::filesystem::absolute(record.images[0].file())
      .lexically_normal()
      .lexically_relative(images)
      .string();
}

}  // namespace training
