// SPDX-License-Identifier: Apache-2.0
/// @file
/// data: what a file of preference records holds, as numbers and as a page of samples, and the same records
/// in another form.

#include <candor/io/atomic_file.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/train/signals.hpp>

#include "program/tool.hpp"
#include "records/convert.hpp"
#include "records/page.hpp"
#include "records/summary.hpp"
#include "training/skipped.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <optional>

namespace {

struct data_tool_options {
  std::filesystem::path input, html, bad;
  candor::data_options reading{.skip_bad_records = true};
  bool answers = false, check_images = false;
  candor::llava_source model;
  candor::processor_options processor;
  records::page_options page;
  std::string to;
  records::conversion_options conversion;
};

void add_options(CLI::App& app, data_tool_options& o) {
  app.option_defaults()->always_capture_default();
  app.add_option("records", o.input,
                 "JSON lines, a JSON list, parquet, a folder of parquet files, or a pattern in quotes")
      ->required();
  app.add_option("--images", o.reading.images, "folder that image names start from (default: the file's)");
  app.add_flag("--answers", o.answers,
               "records for fine-tuning: one answer is enough, the image may be absent");
  app.add_flag("--image-pairs", o.reading.image_pairs,
               "two images for one text are a pair: the answer is preferred under the first");
  app.add_option("--rating-gap", o.reading.ladder.min_gap,
                 "least difference of the mean ratings of a pair (VLFeedback)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--rating-pairs", o.reading.ladder.max_pairs, "most pairs of a rated record; 0: all")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--check-images", o.check_images,
               "decode every picture; those that cannot be decoded are bad records");
  app.add_option("--bad", o.bad, "file to write the bad records to: JSON lines with place and reason");
  app.option_defaults()->group("Tokens, as a model sees the records");
  app.add_option("--model", o.model.model, "LLaVA-1.5 folder, of which the tokenizer is read, no weights");
  app.add_option("--vision-tower", o.model.vision_tower, program::vision_tower_help);
  app.add_option("--template", o.processor.chat_template,
                 "auto (the folder's own), vicuna_v1, llava_v1 or llava_hf");
  app.add_option("--max-length", o.processor.max_length, "tokens beyond which a record is too long")
      ->check(CLI::PositiveNumber);
  app.option_defaults()->group("A page of samples");
  app.add_option("--html", o.html,
                 "HTML file to write: pictures, answers with their differences marked, scored tokens");
  app.add_option("--samples", o.page.samples, "records on the page, spread over the file")
      ->check(CLI::Range(1, 1000));
  app.add_option("--thumbnail", o.page.thumbnail, "pixels of a picture's longer side")
      ->check(CLI::Range(16, 2048));
  app.add_option("--gamma", o.page.gamma, "weight of changed tokens, as rlhf_v has it")
      ->check(CLI::PositiveNumber);
  app.option_defaults()->group("Another form");
  app.add_option("--to", o.to, "form to write")
      ->type_name("{rlhf-v,trl,povid,llava,llava-rlhf,llama-factory,ms-swift}");
  app.add_option("--output", o.conversion.output, "file to write it to");
  app.add_option("--save-images", o.conversion.save_images,
                 "folder to write all pictures to; needed where they lie inside of parquet files");
}

void print_counts(const char* title, const std::map<std::string, std::int64_t>& counts, std::int64_t all) {
  for (const auto& [name, count] : counts)
    std::printf("  %s: %s, %lld of %lld records\n", title, name.c_str(), static_cast<long long>(count),
                static_cast<long long>(all));
}

void convert(data_tool_options& o, const candor::preference_data& data) {
  candor::require<candor::usage_error>(!o.conversion.output.empty(),
                                       "--to needs --output, the file to write");
  o.conversion.to = records::target_form_from(o.to);
  o.conversion.images = o.reading.images.empty() ? o.input.parent_path() : o.reading.images;
  if (o.conversion.images.empty()) o.conversion.images = ".";
  const auto result = records::convert(data, o.reading, o.conversion);
  std::printf("\n%s: %lld records; image names start from %s\n", o.conversion.output.c_str(),
              static_cast<long long>(result.written),
              (o.conversion.save_images.empty() ? o.conversion.images : o.conversion.save_images).c_str());
  print_counts("left out", result.left_out, data.size());
  print_counts("lost or changed", result.changed, result.written);
  if (result.left_out.empty() && result.changed.empty())
    std::printf("  read back and compared: nothing is lost\n");
}

void run(data_tool_options& o) {
  o.reading.pairs = !o.answers;
  candor::preference_data data(o.input, o.reading);
  if (o.check_images)
    data.skip_where([](const candor::preference_record& r, std::int64_t) {
      candor::throw_if_stopped("checking");
      for (const auto& image : r.images) candor::load_image(image);
    });
  std::optional<candor::processor> processor;
  std::int64_t image_tokens = 0;
  if (!o.model.model.empty()) {
    const auto config = candor::read_llava_config(o.model);
    processor.emplace(o.model, config, o.processor);
    image_tokens = config.image_tokens();
  }
  const auto* const words = processor ? &*processor : nullptr;
  const auto numbers =
      records::summary_text(records::summarise(data, words, o.processor.max_length, image_tokens), o.input);
  std::fputs(numbers.c_str(), stdout);
  if (!o.bad.empty()) candor::write_atomically(o.bad, training::skipped_lines(data.skipped()));
  if (!o.html.empty()) {
    candor::write_atomically(o.html, records::page_html(data, numbers, words, o.page));
    std::printf("\n%s\n", o.html.c_str());
  }
  if (!o.to.empty()) convert(o, data);
}

}  // namespace

int main(int argc, char** argv) {
  data_tool_options o;
  return program::run_tool(
      "data",
      "Looks at preference records of any form: counts, lengths, bad records, a page of samples. Writes them "
      "in another form with --to.",
      "data pairs.jsonl --images images --model llava-1.5-7b-hf --html pairs.html", argc, argv,
      [&](CLI::App& app) { add_options(app, o); }, [&] { run(o); });
}
