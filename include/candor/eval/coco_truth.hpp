// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Which MSCOCO objects an image shows: the classes of its instance annotations, and those that people name
/// in its reference captions.

#include <candor/core/config.hpp>
#include <candor/core/function_ref.hpp>
#include <candor/eval/coco_objects.hpp>

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace CANDOR_NS {

/// Object classes by image id.
using coco_truth = std::unordered_map<std::string, std::set<std::string>>;

/// Reads all instances_*.json and captions_*.json of an annotation folder, for those of these images that the
/// instance files list; `mentions` finds the objects of a caption. Files are read one after the other, as
/// streams of values, up to 2 GiB each.
/// input_error where the folder has none of either, or where a category is not in the vocabulary.
coco_truth read_coco_annotations(const std::filesystem::path& folder,
                                 const std::unordered_set<std::string>& images,
                                 const coco_objects& vocabulary,
                                 function_ref<std::vector<object_mention>(std::string_view)> mentions);

/// Reads JSON lines {"image_id": 42, "objects": ["dog", ...]}, as write_coco_truth writes them. Objects may
/// be synonyms; one that is unknown is an input_error.
coco_truth read_coco_truth(const std::filesystem::path& file, const coco_objects& vocabulary);

/// Writes the same, sorted by image id, so that the annotations need not be read again.
void write_coco_truth(const std::filesystem::path& file, const coco_truth& truth);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/coco_truth_impl.hpp>
#endif
