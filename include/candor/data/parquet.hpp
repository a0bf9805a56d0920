// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Records in parquet files, with their pictures inside, through Apache Arrow where candor was configured
/// with it (CANDOR_HAS_PARQUET is 1). preference_data knows such files by their content.

#include <candor/core/config.hpp>

#include <filesystem>
#include <memory>

#ifndef CANDOR_HAS_PARQUET
#define CANDOR_HAS_PARQUET 0
#endif

namespace CANDOR_NS::detail {

class record_source;

/// Whether a regular file begins as parquet files do; false where it cannot be read.
bool is_parquet(const std::filesystem::path& path);
/// usage_error where candor was built without Arrow, input_error for a file that cannot be used.
std::unique_ptr<record_source> open_parquet(const std::filesystem::path& path);

}  // namespace CANDOR_NS::detail

#if CANDOR_DEFINES
#include <candor/data/parquet_impl.hpp>
#endif
