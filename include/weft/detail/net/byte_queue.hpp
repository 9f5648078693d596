// SPDX-License-Identifier: BSL-1.0
// Bytes that come in at the end and go out at the front, in one piece of memory that is kept only while it holds any.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <weft/detail/net/buffer_pool.hpp>
#include <weft/net/stream.hpp>

namespace weft::detail {

class byte_queue final : public net::lazy_buffer {
 public:
  static constexpr std::size_t block_size = buffer_pool::block_size;  // of the memory, until more is needed

  byte_queue() noexcept = default;
  byte_queue(byte_queue&& other) noexcept { swap(other); }
  byte_queue& operator=(byte_queue&& other) noexcept {
    byte_queue taken(std::move(other));
    taken.swap(*this);
    return *this;
  }
  ~byte_queue() { release(); }

  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] const std::byte* data() const noexcept { return memory_ + begin_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data(), size()}; }

  // Room after the last byte, at least one byte; the bytes may move.
  std::span<std::byte> take() override {
    if (end_ == capacity_) make_room();
    return {memory_ + end_, capacity_ - end_};
  }
  // Ends a `take` that brought nothing.
  void give_back() noexcept override {
    if (!size()) release();
  }
  // Ends a `take`: this many bytes were put into the room.
  void commit(std::size_t count) noexcept { end_ += count; }

  // What fits now.
  std::size_t append(std::span<const std::byte> from) {
    const auto room = take();
    const std::size_t count = std::min(room.size(), from.size());
    std::memcpy(room.data(), from.data(), count);
    commit(count);
    return count;
  }

  void drop(std::size_t count) noexcept {
    begin_ += std::min(count, size());
    if (begin_ == end_) release();
  }

  std::size_t move_to(std::span<std::byte> into) noexcept {
    const std::size_t count = std::min(into.size(), size());
    if (count) std::memcpy(into.data(), data(), count);
    drop(count);
    return count;
  }

 private:
  void make_room();
  void release() noexcept;
  void swap(byte_queue& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(capacity_, other.capacity_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
  }

  std::byte* memory_ = nullptr;  // a block of the pool if `capacity_` is its size, else the heap's
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace weft::detail
