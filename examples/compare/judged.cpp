// SPDX-License-Identifier: Apache-2.0
#include "compare/judged.hpp"

#include <candor/data/record_file.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_impl.hpp>

#include "compare/training.hpp"
#include "rlaif_v/scene_world.hpp"

#include <algorithm>
#include <set>

namespace compare {

std::vector<judged_group> judged_answers(const recipe_context& context, const sampling_plan& plan, int round,
                                         const std::filesystem::path& policy) {
  training::options o = training_options(context, policy);
  rlaif_v::settings s;
  rlaif_v::apply_preset("scenes", s, o);
  s.instructions = context.scaled(plan.pictures);
  s.samples = plan.samples;
  s.rounds = plan.rounds;
  s.seed = context.seed;
  rlaif_v::resolve(s);
  rlaif_v::prepare_world(context.folder, s);
  o.data = context.folder / "data" / "instructions.jsonl";
  o.images = std::filesystem::absolute(o.images).lexically_normal();
  const rlaif_v::round_context r{.s = s,
                                 .o = o,
                                 .number = round,
                                 .folder = context.folder / candor::text("round-", round),
                                 .policy = policy};
  for (const char* stage : {"generate", "split", "ask", "judge"}) rlaif_v::run_stage(r, stage);
  const candor::record_file file(r.file("judge"));
  std::vector<judged_group> groups;
  for (std::int64_t first = 0; first < file.size(); first += s.samples)
    groups.push_back(rlaif_v::read_rows(file, first, s.samples));
  return groups;
}

claim_counts count_claims(const rlaif_v::answer_row& answer) {
  const auto confirmed = std::count_if(answer.verdicts.begin(), answer.verdicts.end(),
                                       [](const auto& v) { return v.confirmed(); });
  return {confirmed, static_cast<std::int64_t>(answer.verdicts.size()) - confirmed};
}

bool usable(const rlaif_v::answer_row& answer) {
  const std::set<std::string> different(answer.questions.begin(), answer.questions.end());
  return answer.finished && !different.empty() && different.size() == answer.questions.size();
}

std::string record_line(const rlaif_v::answer_row& answer, const std::string& chosen,
                        const std::string& rejected) {
  nlohmann::ordered_json line{
      {"image", answer.image_path}, {"question", answer.question}, {"chosen", chosen}};
  if (!rejected.empty()) line["rejected"] = rejected;
  return line.dump(-1, ' ', false, candor::detail::json::error_handler_t::replace) + "\n";
}

void keep_records(const training::options& o, const std::string& lines) {
  if (std::filesystem::exists(o.data)) return;
  candor::require<candor::input_error>(!lines.empty(), o.data.string(),
                                       ": no record comes out of the answers; give a greater --fraction");
  std::filesystem::create_directories(o.data.parent_path());
  candor::write_atomically(o.data, lines);
}

}  // namespace compare
