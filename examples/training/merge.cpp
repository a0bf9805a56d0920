// SPDX-License-Identifier: Apache-2.0
#include <candor/backend/host/host.hpp>
#include <candor/io/staged_folder.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/signals.hpp>

#include "tools/export_model.hpp"
#include "training/merge.hpp"

namespace training {

void merge_adapter(const candor::llava_source& source, const std::filesystem::path& target,
                   const options& o) {
  const candor::stop_signals signals;
  candor::host cpu({.threads = o.threads});
  tools::tensor_stream stream(cpu, source);
  const auto& config = stream.config();
  const auto type = stream.stored_type();
  const auto scheme = config.image_token_index < 0 ? candor::naming::llava : candor::naming::hf_old;
  candor::staged_folder folder(target);
  candor::copy_processor_files(source.model, folder.path());
  candor::write_llava_config(folder.path(), config, type, scheme);
  const auto transform = candor::source_transform(source, config);
  if (!(candor::source_transform({.model = folder.path()}, config) == transform))
    candor::write_preprocessor_config(folder.path(), transform);
  candor::progress bar({.title = "merge",
                        .unit = "tensors",
                        .total = static_cast<std::int64_t>(tools::llava_tensors(config).size()),
                        .quiet = o.fit.quiet});
  candor::write_model_folder(folder.path(), stream.sources(type, scheme, config.text.vocab_size, bar));
  candor::throw_if_stopped("merge");
  folder.commit();
  bar.finish();
}

}  // namespace training
