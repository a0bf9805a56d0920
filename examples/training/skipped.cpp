// SPDX-License-Identifier: Apache-2.0
#include "training/skipped.hpp"

#include <candor/model/llava_config.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/signals.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <mutex>

namespace training {

std::string skipped_lines(const std::vector<candor::skipped_record>& skipped) {
  std::string out;
  for (const auto& s : skipped)
    out += nlohmann::ordered_json{{"record", s.source}, {"reason", s.reason}}.dump(
               -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
           "\n";
  return out;
}

void skip_unusable(candor::preference_data& data, const options& o, record_check fits) {
  const candor::llava_source source{.model = o.model, .vision_tower = o.vision_tower};
  const candor::processor processor(source, candor::read_llava_config(source), o.processor);
  candor::progress shown({.title = "check", .unit = "records", .total = data.size(), .quiet = o.fit.quiet});
  std::mutex mutex;
  std::int64_t done = 0;
  data.skip_where([&](const candor::preference_record& r, std::int64_t index) {
    candor::throw_if_stopped("checking the records");
    {
      const std::lock_guard lock(mutex);
      shown.update(++done);
    }
    fits(processor, r, index);
  });
  shown.finish();
}

void report_skipped(const std::vector<candor::skipped_record>& skipped, const std::filesystem::path& list) {
  std::fprintf(stderr, "%zu records are left out; the first is %s: %s\n", skipped.size(),
               skipped.front().source.c_str(), skipped.front().reason.c_str());
  if (!list.empty()) std::fprintf(stderr, "all of them: %s\n", list.c_str());
}

options with_skipped(const options& o, const candor::preference_data& records,
                     const std::optional<candor::preference_data>& eval_records) {
  auto skipped = records.skipped();
  if (eval_records)
    skipped.insert(skipped.end(), eval_records->skipped().begin(), eval_records->skipped().end());
  options out = o;
  if (skipped.empty()) return out;
  constexpr const char* name = "skipped_records.jsonl";
  report_skipped(skipped, o.dry_run ? std::filesystem::path() : o.output / name);
  out.fit.documents.emplace_back(name, skipped_lines(skipped));
  return out;
}

}  // namespace training
