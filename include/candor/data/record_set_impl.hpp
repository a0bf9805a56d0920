// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The records behind a path: one file, or the shards of a folder or pattern, with the state of the images
/// that they name.

#include <candor/core/error.hpp>
#include <candor/data/parquet.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/data/record_shards_impl.hpp>
#include <candor/data/record_source_impl.hpp>
#include <candor/io/os_error.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace CANDOR_NS::detail {

/// Calls work(begin, end) for runs of `step` numbers of [0, count) on all cores. Where some throw, the
/// exception of the smallest numbers is thrown, as if they had been worked through in order.
inline void for_runs(std::int64_t count, std::int64_t step,
                     function_ref<void(std::int64_t, std::int64_t)> work) {
  std::atomic<std::int64_t> next{0}, failed{count};
  std::mutex mutex;
  std::exception_ptr problem;
  const auto run = [&] {
    for (std::int64_t begin; (begin = next.fetch_add(step)) < failed.load();) try {
        work(begin, std::min(count, begin + step));
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (begin >= failed.load()) continue;
        failed = begin;
        problem = std::current_exception();
      }
  };
  const auto wanted =
      std::min<std::int64_t>((count + step - 1) / step, std::max(1u, std::thread::hardware_concurrency()));
  {
    std::vector<std::jthread> others;
    for (std::int64_t i = 1; i < wanted; ++i) others.emplace_back(run);
    run();
  }
  if (problem) std::rethrow_exception(problem);
}

/// Name, size and time of the last change of a file, for a fingerprint.
inline void append_state(std::string& out, const std::filesystem::path& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) fail_io("examine", file, errno);
  out += text(file.filename().string(), '\0', found.st_size, ':', found.st_mtim.tv_sec, ':',
              found.st_mtim.tv_nsec, ';');
}

/// What a set of records holds.
struct checked_records {
  static constexpr std::int32_t bad = -1;
  std::vector<std::int32_t> pairs;  ///< of each record; `bad` where it was skipped
  std::vector<skipped_record> skipped;
};

/// All records, checked when they are opened.
class record_set {
 public:
  record_set(std::filesystem::path path, const data_options& options)
      : path_(std::move(path)), images_(image_folder(path_, options)) {
    for (const auto& file : record_shards(path_)) {
      shards_.push_back(open_records(file, options.max_record_bytes));
      first_.push_back(first_.back() + shards_.back()->size());
    }
  }

  std::int64_t size() const { return first_.back(); }
  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& images() const { return images_; }

  json read(std::int64_t i) const { return at(i).read(i - begin_of(i)); }
  std::string place(std::int64_t i) const { return at(i).place(i - begin_of(i)); }
  std::string image(std::int64_t i, const stored_image& which) const {
    return at(i).image(i - begin_of(i), which);
  }

  /// Parses each record, so that a wrong one is named before anything is done with the others, and keeps the
  /// state of all images in a digest. parse(i) gives a list of records; where `skip`, an input_error of it is
  /// kept instead of thrown.
  template <class Parse>
  checked_records check(bool skip, Parse parse) {
    constexpr std::int64_t step = 256;
    struct run_result {
      std::string images;
      std::vector<skipped_record> skipped;
    };
    checked_records out;
    out.pairs.resize(static_cast<std::size_t>(size()));
    std::vector<run_result> runs(static_cast<std::size_t>((size() + step - 1) / step));
    for_runs(size(), step, [&](std::int64_t begin, std::int64_t end) {
      run_result result;
      std::string state;
      for (std::int64_t i = begin; i < end; ++i) try {
          const auto records = parse(i);
          out.pairs[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(records.size());
          if (records.empty()) continue;
          for (const auto& image : records.front().images)
            if (!image.file().empty()) append_state(state, image.file());
        } catch (const input_error& problem) {
          if (!skip) throw;
          result.skipped.push_back({place(i), problem.what()});
          out.pairs[static_cast<std::size_t>(i)] = checked_records::bad;
        }
      if (!state.empty()) result.images = hash_bytes(state);
      runs[static_cast<std::size_t>(begin / step)] = std::move(result);
    });
    for (auto& run : runs) {
      image_states_ += run.images;
      out.skipped.insert(out.skipped.end(), run.skipped.begin(), run.skipped.end());
    }
    if (!image_states_.empty()) image_states_ = hash_bytes(image_states_);
    return out;
  }

  /// Adds the parts "records" and "images"; record(i), for i of [0, count), gives one whose files are read
  /// for `bytes`.
  template <class Record>
  void add_to(fingerprint& print, image_digest images, std::int64_t count, Record record) const {
    for (const auto& shard : shards_) shard->add_to(print, images);
    if (images == image_digest::stat) {
      if (!image_states_.empty()) print.add("images", image_states_);
      return;
    }
    std::set<std::string> seen;
    for (std::int64_t i = 0; i < count; ++i)
      for (const auto& image : record(i).images)
        if (!image.file().empty() && seen.insert(image.name()).second) print.add_file(image.file(), "images");
  }

 private:
  static std::filesystem::path image_folder(const std::filesystem::path& records,
                                            const data_options& options) {
    if (!options.images.empty()) {
      std::error_code failed;
      require<io_error>(std::filesystem::is_directory(options.images, failed), "the folder of images ",
                        options.images.string(),
                        " does not exist; name the folder that image names start from");
      return options.images;
    }
    std::error_code ignored;
    if (std::filesystem::is_directory(records, ignored)) return records;
    return records.has_parent_path() ? records.parent_path() : std::filesystem::path(".");
  }

  /// By content: a parquet file begins with PAR1.
  static std::unique_ptr<record_source> open_records(const std::filesystem::path& file,
                                                     std::uint64_t max_record_bytes) {
    if (is_parquet(file)) return open_parquet(file);
    return std::make_unique<text_records>(file, max_record_bytes);
  }

  std::size_t shard_of(std::int64_t i) const {
    require<usage_error>(i >= 0 && i < size(), path_.string(), " has ", size(), " records; record ", i,
                         " was asked for (they count from 0)");
    return static_cast<std::size_t>(std::upper_bound(first_.begin(), first_.end(), i) - first_.begin()) - 1;
  }
  const record_source& at(std::int64_t i) const { return *shards_[shard_of(i)]; }
  std::int64_t begin_of(std::int64_t i) const { return first_[shard_of(i)]; }

  std::filesystem::path path_, images_;
  std::vector<std::unique_ptr<record_source>> shards_;
  std::vector<std::int64_t> first_{0};
  std::string image_states_;
};

}  // namespace CANDOR_NS::detail
