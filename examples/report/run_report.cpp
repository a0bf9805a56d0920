// SPDX-License-Identifier: Apache-2.0
#include "report/run_report.hpp"

#include <candor/core/error.hpp>
#include <candor/data/record_file.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>

#include "report/run_files.hpp"

#include <algorithm>
#include <sstream>

namespace report {
namespace {

namespace fs = std::filesystem;

/// Folders prefix-1, prefix-2, ... in the order of their numbers.
std::vector<fs::path> numbered(const fs::path& folder, const std::string& prefix) {
  std::vector<std::pair<long, fs::path>> found;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    const std::string digits = name.starts_with(prefix) ? name.substr(prefix.size()) : "";
    if (!digits.empty() && digits.size() < 10 && digits.find_first_not_of("0123456789") == digits.npos &&
        entry.is_directory())
      found.emplace_back(std::stol(digits), entry.path());
  }
  std::sort(found.begin(), found.end());
  std::vector<fs::path> out;
  for (auto& [number, path] : found) out.push_back(std::move(path));
  return out;
}

/// The lines name=value of an options.toml, without quotes.
std::map<std::string, std::string> toml_options(const fs::path& file) {
  std::map<std::string, std::string> out;
  if (!fs::exists(file)) return out;
  std::istringstream lines(candor::read_file(file));
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    if (line.empty() || line[0] == '#' || line[0] == '[' || equals == line.npos) continue;
    const auto trim = [](std::string s) {
      s.erase(0, s.find_first_not_of(" \t"));
      s.erase(s.find_last_not_of(" \t\r") + 1);
      return s.size() > 1 && s.front() == '"' && s.back() == '"' ? s.substr(1, s.size() - 2) : s;
    };
    if (auto value = trim(line.substr(equals + 1)); !value.empty() && value != "\"\"")
      out[trim(line.substr(0, equals))] = std::move(value);
  }
  return out;
}

fs::path first_existing(std::initializer_list<fs::path> paths) {
  for (const auto& path : paths)
    if (fs::exists(path)) return path;
  return {};
}

void add_configuration(candor::report& out, const run_files& files) {
  if (!files.options.empty())
    out.options.emplace_back("options.toml", std::vector<std::pair<std::string, std::string>>(
                                                 files.options.begin(), files.options.end()));
  const auto config = first_existing({files.inner / "config.json", files.inner / "run/config.json"});
  const auto of_round = files.rounds.empty() ? fs::path() : files.rounds.back() / "run/config.json";
  const auto file = config.empty() && fs::exists(of_round) ? of_round : config;
  if (file.empty()) return;
  const auto document = candor::detail::read_json_file(file);
  const auto all = candor::detail::json_field(document, file.string()).object();
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& [name, value] : all.value().items())
    entries.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  out.options.emplace_back("config.json: what decides the numbers", std::move(entries));
}

}  // namespace

run_files find_run(const fs::path& folder, const run_options& options) {
  candor::require<candor::usage_error>(fs::is_directory(folder), folder.string(),
                                       " is no folder; name the run folder (--output of the run)");
  run_files out{folder, folder, {}, {}, {}, {}};
  if (const auto seeds = numbered(folder, "seed-"); !seeds.empty()) out.inner = seeds.front();
  for (const auto& round : numbered(out.inner, "round-")) {
    out.rounds.push_back(round);
    if (fs::exists(round / "run/metrics.jsonl")) out.metrics.push_back(round / "run/metrics.jsonl");
  }
  if (out.metrics.empty())
    if (const auto one = first_existing({out.inner / "metrics.jsonl", out.inner / "run/metrics.jsonl"});
        !one.empty())
      out.metrics.push_back(one);
  candor::require<candor::usage_error>(
      !out.metrics.empty() || fs::exists(folder / "figures.jsonl"), folder.string(),
      " holds no run: there is no metrics.jsonl in it, in run/ or in round-1/run/");
  out.options = toml_options(
      first_existing({folder / "options.toml", out.inner / "options.toml", out.inner / "run/options.toml"}));
  const auto named = [&](const char* name) {
    const auto at = out.options.find(name);
    return at == out.options.end() ? fs::path() : fs::path(at->second);
  };
  out.images = options.images;
  if (out.images.empty()) out.images = first_existing({out.inner / "data/images", folder / "data/images"});
  if (out.images.empty()) out.images = named("images");
  if (out.images.empty() && !named("data").empty()) out.images = named("data").parent_path();
  return out;
}

void for_lines(const fs::path& file, candor::function_ref<bool(const candor::detail::json_field&)> use) {
  const candor::record_file records(file);
  for (std::int64_t i = 0; i < records.size(); ++i) {
    const std::string line = records.read(i);
    const auto document = candor::detail::parse_json(
        line, {.file = file.string(), .first_line = static_cast<std::size_t>(records.range(i).line)});
    if (!use(candor::detail::json_field(document, records.source(i)))) return;
  }
}

std::string picture_bytes(const fs::path& folder, const std::string& name) {
  const auto file = folder / fs::path(name).relative_path();
  std::error_code failed;
  const auto size = fs::file_size(file, failed);
  return !name.empty() && !failed && size <= (4u << 20) ? candor::read_file(file) : std::string();
}

candor::report read_run(const fs::path& folder, const run_options& options) {
  const run_files files = find_run(folder, options);
  candor::report out;
  const auto name = fs::weakly_canonical(folder).filename().string();
  out.title = name.empty() ? "candor run" : "Run " + name;
  out.subtitle = folder.string();
  out.charts = read_charts(files);
  read_stages(out, files);
  out.gallery = read_gallery(files, options);
  read_pairs(out, files, options);
  add_configuration(out, files);
  if (files.inner != files.folder)
    out.notes.push_back("Curves, pairs and options are those of " + files.inner.filename().string() + ".");
  if (out.stages.empty())
    out.notes.push_back(
        "No figures of hallucination: no figures.jsonl, no round-N/evaluation.json, and no judged answers in "
        "before/ and round-N/evaluation/, which rlaif_v --questions makes.");
  return out;
}

void write_report(const fs::path& folder, const run_options& options) {
  candor::write_atomically(folder / "report.html", candor::report_html(read_run(folder, options)));
}

}  // namespace report
