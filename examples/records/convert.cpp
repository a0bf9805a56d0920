// SPDX-License-Identifier: Apache-2.0
#include "records/convert.hpp"

#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/io/atomic_file.hpp>

#include "records/target_record.hpp"

#include <array>
#include <cmath>
#include <utility>
#include <vector>

namespace records {
namespace {

namespace fs = std::filesystem;
using candor::preference_record;

constexpr std::array<std::pair<std::string_view, target_form>, 7> names{
    {{"rlhf-v", target_form::rlhf_v},
     {"trl", target_form::trl},
     {"povid", target_form::povid},
     {"llava", target_form::llava},
     {"llava-rlhf", target_form::llava_rlhf},
     {"llama-factory", target_form::llama_factory},
     {"ms-swift", target_form::ms_swift}}};

bool is_list(target_form to) {
  return to == target_form::povid || to == target_form::llava || to == target_form::llava_rlhf ||
         to == target_form::llama_factory;
}

/// The name that the written record gives to a picture: below the folder of images, or the digest of its
/// bytes in the folder that it is saved to.
std::string image_name(const candor::image_source& image, const conversion_options& o) {
  if (o.save_images.empty()) {
    candor::require<candor::usage_error>(
        !image.file().empty(), image.name(),
        ": the picture lies inside of the records; name a folder for the pictures "
        "with --save-images");
    return image.file().lexically_relative(o.images).generic_string();
  }
  const std::string bytes = image.read();
  const auto name = candor::hash_bytes(bytes) + (bytes.starts_with("\x89PNG") ? ".png" : ".jpg");
  if (!fs::exists(o.save_images / name)) candor::write_atomically(o.save_images / name, bytes);
  return name;
}

/// Turns as they are compared, one text.
std::string turns_text(const std::vector<candor::turn>& turns) {
  std::string out;
  for (const auto& t : turns)
    out += candor::text(t.user.size(), ':', t.user, t.assistant.size(), ':', t.assistant);
  return out;
}

std::size_t first_scored(const preference_record& r) { return r.score_earlier ? 0 : r.earlier.size(); }

void compare(const preference_record& a, const preference_record& b, bool same_folder,
             std::map<std::string, std::int64_t>& changed) {
  const auto note = [&](const char* what, bool same) {
    if (!same) ++changed[what];
  };
  note("id", a.id == b.id);
  note("question or chosen answer", turns_text(marked_dialog(a, true)) == turns_text(marked_dialog(b, true)));
  note("rejected answer",
       a.rejected == b.rejected && turns_text(a.rejected_later) == turns_text(b.rejected_later));
  note("answers that are scored", first_scored(a) == first_scored(b));
  note("margin", a.margin == b.margin || (std::isnan(a.margin) && std::isnan(b.margin)));
  note("further answers", a.others == b.others);
  bool images = a.images.size() == b.images.size();
  for (std::size_t i = 0; images && same_folder && i < a.images.size(); ++i)
    images = fs::weakly_canonical(a.images[i].file()) == fs::weakly_canonical(b.images[i].file());
  note("images", images);
}

}  // namespace

target_form target_form_from(std::string_view name) {
  std::string all;
  for (const auto& [known, form] : names) {
    if (known == name) return form;
    all += candor::text(all.empty() ? "" : ", ", known);
  }
  candor::require<candor::usage_error>(name != "vlfeedback",
                                       "the form vlfeedback is read, not written: its records have a rating "
                                       "of each aspect of each answer, and a "
                                       "pair knows which answer is better, or by how much; expected one of ",
                                       all);
  candor::fail<candor::usage_error>("the form ", name, " is not known; expected one of ", all);
}

conversion convert(const candor::preference_data& data, const candor::data_options& source,
                   const conversion_options& o) {
  if (!o.save_images.empty()) {
    std::error_code failed;
    fs::create_directories(o.save_images, failed);
    candor::require<candor::io_error>(!failed, "cannot make the folder ", o.save_images.string(), ": ",
                                      failed.message());
  }
  conversion out;
  std::vector<std::int64_t> kept;  // records that were written
  candor::atomic_file file(o.output);
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto r = data.record(i);
    std::vector<std::string> images;
    for (const auto& image : r.images) images.push_back(image_name(image, o));
    try {
      const auto line = target_record(r, o.to, images).dump();
      file.write((is_list(o.to) ? (kept.empty() ? "[\n" : ",\n") : "") + line + (is_list(o.to) ? "" : "\n"));
      kept.push_back(i);
    } catch (const unsuited& problem) {
      ++out.left_out[problem.reason];
    }
  }
  candor::require<candor::input_error>(!kept.empty(), data.path().string(), ": the form holds none of its ",
                                       data.size(),
                                       " records: ", out.left_out.empty() ? "" : out.left_out.begin()->first);
  if (is_list(o.to)) file.write("\n]\n");
  file.commit();
  out.written = static_cast<std::int64_t>(kept.size());

  const candor::preference_data back(o.output, {.images = o.save_images.empty() ? o.images : o.save_images,
                                                .pairs = source.pairs && o.to != target_form::llava,
                                                .image_pairs = source.image_pairs});
  for (std::size_t i = 0; i < kept.size(); ++i)
    compare(data.record(kept[i]), back.record(static_cast<std::int64_t>(i)), o.save_images.empty(),
            out.changed);
  return out;
}

}  // namespace records
