// SPDX-License-Identifier: BSL-1.0
// A shelf of free blocks per thread. Sticky fibers take and give back on the same one; a block that wanders with a
// movable fiber changes shelves, which is no harm.
#include <weft/detail/net/buffer_pool.hpp>

#include <new>

namespace weft::detail {
namespace {

struct shelf {
  static constexpr unsigned most = 32;  // half a megabyte; more than that many half-read messages are rare
  std::byte* blocks[most] = {};
  unsigned count = 0;
  bool cleared = false;  // the thread ends: whoever comes now goes to the heap
};

constinit thread_local shelf mine;

// Gives the shelf's blocks back when the thread ends.
struct clearing {
  ~clearing() {
    while (mine.count) ::operator delete(mine.blocks[--mine.count]);
    mine.cleared = true;
  }
};

[[gnu::noinline]] void clear_at_exit() {
  thread_local clearing once;
  static_cast<void>(&once);
}

}  // namespace

// Neither function is inlined into code that may switch: each finds the shelf of the thread that it runs on.
[[gnu::noinline]] std::byte* buffer_pool::take() {
  if (mine.count) return mine.blocks[--mine.count];
  return static_cast<std::byte*>(::operator new(block_size));
}

[[gnu::noinline]] void buffer_pool::give_back(std::byte* block) noexcept {
  if (mine.cleared || mine.count == shelf::most) {
    ::operator delete(block);
    return;
  }
  if (mine.count == 0) clear_at_exit();
  mine.blocks[mine.count++] = block;
}

}  // namespace weft::detail
