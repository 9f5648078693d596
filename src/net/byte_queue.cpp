// SPDX-License-Identifier: BSL-1.0
// The memory of byte queues.
#include <weft/detail/net/byte_queue.hpp>

#include <new>

namespace weft::detail {

void byte_queue::make_room() {
  if (!memory_) {
    memory_ = buffer_pool::take();
    capacity_ = block_size;
    return;
  }
  // Where half of the memory is free already, moving the bytes to its front is enough; so each byte moves seldom.
  if (begin_ >= capacity_ / 2) {
    const std::size_t count = size();
    std::memmove(memory_, data(), count);
    begin_ = 0;
    end_ = count;
    return;
  }
  byte_queue larger;
  larger.memory_ = static_cast<std::byte*>(::operator new(2 * capacity_));
  larger.capacity_ = 2 * capacity_;
  larger.end_ = size();
  std::memcpy(larger.memory_, data(), size());
  swap(larger);
}

void byte_queue::release() noexcept {
  if (capacity_ == block_size)
    buffer_pool::give_back(memory_);
  else
    ::operator delete(memory_);
  memory_ = nullptr;
  capacity_ = begin_ = end_ = 0;
}

}  // namespace weft::detail
