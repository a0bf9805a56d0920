// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Makes items ahead of their use on one other thread: images are decoded and transformed while the model
/// computes.

#include <candor/core/error.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace CANDOR_NS {

/// Calls `produce(i)` for i = 0 .. count - 1, in this order, and hands the results out in this order.
///
///     prefetch images(paths.size(), 4, [&](std::int64_t i) { return transform(load_image(paths[i])); });
///     while (auto pixels = images.next()) use(*pixels);
///
/// At most `ahead` finished items wait at any time. An exception of item i reaches the caller of the next()
/// that would have returned item i; the items after it follow as usual. The destructor lets the item in
/// progress finish and drops the rest. What `produce` refers to must outlive the object.
template <class Item>
class prefetch {
 public:
  template <class Producer>
  requires std::is_invocable_r_v<Item, Producer&, std::int64_t> prefetch(std::int64_t count,
                                                                         std::int64_t ahead, Producer produce)
      : count_(count) {
    require<usage_error>(count >= 0 && ahead >= 1, "[prefetch] ", count, " items, ", ahead,
                         " ahead; expected 0 or more items and at least 1 ahead");
    waiting_.resize(static_cast<std::size_t>(std::min(count, ahead)));
    thread_ = std::thread([this, produce = std::move(produce)]() mutable { run(produce); });
  }
  ~prefetch() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    room_.notify_one();
    if (thread_.joinable()) thread_.join();
  }
  prefetch(const prefetch&) = delete;
  prefetch& operator=(const prefetch&) = delete;

  /// The next item, waiting for it; nothing after the last one. Throws what producing this item threw.
  std::optional<Item> next() {
    if (taken_ == count_) return std::nullopt;
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return made_ > taken_; });
    auto& place = place_of(taken_);
    outcome result = *std::move(place);
    place.reset();
    ++taken_;
    lock.unlock();
    room_.notify_one();
    if (result.index() == 1) std::rethrow_exception(std::get<1>(result));
    return std::get<0>(std::move(result));
  }

  /// Items that next() has handed out or thrown for.
  std::int64_t taken() const { return taken_; }

 private:
  using outcome = std::variant<Item, std::exception_ptr>;

  template <class Producer>
  static outcome make(Producer& produce, std::int64_t index) {
    try {
      return outcome(std::in_place_index<0>, produce(index));
    } catch (...) {
      return outcome(std::in_place_index<1>, std::current_exception());
    }
  }
  template <class Producer>
  void run(Producer& produce) {
    for (std::int64_t i = 0; i < count_; ++i) {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [&] { return stop_ || made_ - taken_ < static_cast<std::int64_t>(waiting_.size()); });
      if (stop_) return;
      lock.unlock();
      outcome result = make(produce, i);
      lock.lock();
      place_of(i) = std::move(result);
      ++made_;
      lock.unlock();
      ready_.notify_one();
    }
  }

  std::optional<outcome>& place_of(std::int64_t index) {
    return waiting_[static_cast<std::size_t>(index) % waiting_.size()];
  }

  std::int64_t count_, made_ = 0, taken_ = 0;
  std::mutex mutex_;
  std::condition_variable room_, ready_;
  std::vector<std::optional<outcome>> waiting_;  ///< a ring, so that the thread allocates nothing of its own
  bool stop_ = false;
  std::thread thread_;
};

template <class Producer>
prefetch(std::int64_t, std::int64_t, Producer)
    -> prefetch<std::remove_cvref_t<std::invoke_result_t<Producer&, std::int64_t>>>;

}  // namespace CANDOR_NS
