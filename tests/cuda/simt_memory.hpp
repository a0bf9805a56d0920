// SPDX-License-Identifier: Apache-2.0
#pragma once
// The memories of the emulator. Each checks an access before it happens and answers with what is wrong, or
// with nothing. Shared memory knows for each 2 bytes who wrote and read them last and at which barrier;
// global memory knows which buffers a launch was given, and which block wrote what.

#include <candor/backend/cuda/lane.hpp>
#include <candor/core/error.hpp>

#include <cstring>
#include <string>
#include <vector>

namespace candor_test {

using candor::device::shared_at;

/// Who accesses, and how many barriers of the block and of its warp came before.
struct access_time {
  std::uint32_t thread = 0, block_barriers = 0, warp_barriers = 0;
  std::uint32_t warp() const { return thread / candor::device::warp_size; }
};

class shared_memory {
 public:
  /// A new block: all bytes become 0xff, written by nobody.
  void reset(std::uint32_t bytes) {
    bytes_.assign(bytes, 0xff);
    cells_.assign((bytes + 1) / 2, {});
  }
  unsigned char* at(shared_at offset) { return bytes_.data() + offset; }

  std::string read(shared_at at, std::uint32_t size, const access_time& now) {
    if (auto wrong = misplaced("read", at, size); !wrong.empty()) return wrong;
    for (std::uint32_t i = at / 2; i < (at + size + 1) / 2; ++i) {
      cell& c = cells_[i];
      if (c.arriving) return wrong_at("read", i, now) + "asynchronous copy has not been waited for";
      if (!c.written) return wrong_at("read", i, now) + "nobody has written it";
      if (!ordered(c.write, now)) return wrong_at("read", i, now) + written_by(c);
      if (!c.read || c.last_read.block_barriers != now.block_barriers)
        c.readers = readers_of::one;
      else if (c.last_read.thread != now.thread)
        c.readers = c.readers != readers_of::block && c.last_read.warp() == now.warp() ? readers_of::warp
                                                                                       : readers_of::block;
      c.read = true;
      c.last_read = now;
    }
    return {};
  }

  std::string write(shared_at at, std::uint32_t size, const access_time& now, const char* verb = "write") {
    if (auto wrong = misplaced(verb, at, size); !wrong.empty()) return wrong;
    for (std::uint32_t i = at / 2; i < (at + size + 1) / 2; ++i) {
      cell& c = cells_[i];
      if (c.arriving) return wrong_at(verb, i, now) + "asynchronous copy has not been waited for";
      if (c.written && !ordered(c.write, now)) return wrong_at(verb, i, now) + written_by(c);
      if (c.read && !reads_ordered(c, now))
        return wrong_at(verb, i, now) + "thread " + std::to_string(c.last_read.thread) +
               " read it since the last barrier";
      c.written = true;
      c.write = now;
    }
    return {};
  }

  /// Between the start of an asynchronous copy and its arrival nobody may touch the bytes.
  std::string start_copy(shared_at at, const access_time& now) {
    auto wrong = write(at, 16, now, "copy");
    if (wrong.empty())
      for (std::uint32_t i = at / 2; i < at / 2 + 8; ++i) cells_[i].arriving = true;
    return wrong;
  }
  void finish_copy(shared_at at, const void* bytes, const access_time& now) {
    std::memcpy(this->at(at), bytes, 16);
    for (std::uint32_t i = at / 2; i < at / 2 + 8; ++i) {
      cells_[i].arriving = false;
      cells_[i].write = now;
    }
  }

 private:
  enum class readers_of : unsigned char { one, warp, block };
  struct cell {
    access_time write, last_read;
    bool written = false, read = false, arriving = false;
    readers_of readers = readers_of::one;  ///< since the last barrier of the block
  };

  static bool ordered(const access_time& before, const access_time& now) {
    return before.thread == now.thread || before.block_barriers != now.block_barriers ||
           (before.warp() == now.warp() && before.warp_barriers != now.warp_barriers);
  }
  /// The last reader stands for all those of its warp, whose number of barriers never falls.
  static bool reads_ordered(const cell& c, const access_time& now) {
    if (c.last_read.block_barriers != now.block_barriers) return true;
    if (c.readers == readers_of::one) return ordered(c.last_read, now);
    return c.readers == readers_of::warp && c.last_read.warp() == now.warp() &&
           c.last_read.warp_barriers != now.warp_barriers;
  }
  std::string misplaced(const char* verb, shared_at at, std::uint32_t size) const {
    if (at % size != 0)
      return candor::text("misaligned: ", verb, " of ", size, " bytes at offset ", at, " of shared memory");
    if (std::uint64_t{at} + size > bytes_.size())
      return candor::text("out of bounds: ", verb, " of ", size, " bytes at offset ", at, " of ",
                          bytes_.size(), " bytes of shared memory");
    return {};
  }
  static std::string wrong_at(const char* verb, std::uint32_t cell, const access_time& now) {
    return candor::text("race: ", verb, " by thread ", now.thread, " at offset ", 2 * cell,
                        " of shared memory: ");
  }
  static std::string written_by(const cell& c) {
    return candor::text("thread ", c.write.thread, " wrote it since the last barrier");
  }

  std::vector<unsigned char> bytes_;
  std::vector<cell> cells_;
};

/// The buffers that a launch may touch.
class global_memory {
 public:
  void allow(const void* begin, std::size_t bytes, bool writable) {
    buffers_.push_back({static_cast<const char*>(begin), bytes, writable, {}});
  }
  /// A new launch, which may touch what earlier ones wrote.
  void start() {
    for (auto& b : buffers_) b.owner.assign(b.writable ? (b.bytes + 1) / 2 : 0, 0);
  }

  /// `block`: number of the block in its grid, from 1. Blocks must not touch what another block writes.
  std::string access(const void* p, std::size_t size, bool write, std::uint32_t block) {
    const char* verb = write ? "write" : "read";
    if (reinterpret_cast<std::uintptr_t>(p) % size != 0)
      return candor::text("misaligned: ", verb, " of ", size, " bytes of global memory");
    buffer* b = find(static_cast<const char*>(p), size);
    if (b == nullptr) return candor::text("out of bounds: ", verb, " of ", size, " bytes of global memory");
    if (write && !b->writable) return candor::text("read-only: write of ", size, " bytes of global memory");
    if (!b->writable) return {};
    const auto first = static_cast<std::size_t>(static_cast<const char*>(p) - b->begin) / 2;
    for (std::size_t i = first; i < first + (size + 1) / 2; ++i) {
      if (b->owner[i] != 0 && b->owner[i] != block)
        return candor::text("race: ", verb, " by block ", block, " of global memory that block ", b->owner[i],
                            " wrote");
      if (write) b->owner[i] = block;
    }
    return {};
  }

 private:
  struct buffer {
    const char* begin;
    std::size_t bytes;
    bool writable;
    std::vector<std::uint32_t> owner;  ///< of each 2 bytes: the block that wrote them
  };
  buffer* find(const char* p, std::size_t size) {
    for (auto& b : buffers_)
      if (p >= b.begin && p + size <= b.begin + b.bytes) return &b;
    return nullptr;
  }
  std::vector<buffer> buffers_;
};

}  // namespace candor_test
