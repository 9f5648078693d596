// SPDX-License-Identifier: BSL-1.0
// Lists of free frames per thread, by size, up to a number of bytes. A frame lives as long as a call, so the next one of
// its size is wanted soon, and malloc costs more than such a call. Tasks make and destroy theirs on one worker as a rule; a
// frame that ends elsewhere changes lists, which is no harm.
//
// A sanitizer, and Valgrind, would not see the use of a frame that has ended: there each comes from malloc.
#include <weft/detail/stackless/frame.hpp>

#include <array>
#include <new>
#include <utility>

#include WEFT_SANITIZER_HEADER
#include WEFT_VALGRIND_HEADER

namespace weft::detail {
namespace {

struct free_frame {
  free_frame* next;
};

struct frame_lists {
  static constexpr std::size_t step = 16;
  static constexpr std::size_t largest = 1024;      // rarely is a frame larger, and it costs more than its memory then
  static constexpr std::size_t most = 1024 * 1024;  // bytes

  std::array<free_frame*, largest / step + 1> of_steps = {};
  std::size_t room = 0;  // for so many bytes more; none before the first frame and when the thread has ended
  bool are_opened = false;
};

constinit thread_local frame_lists mine;

[[nodiscard]] constexpr std::size_t steps_of(std::size_t size) noexcept {
  return (size + frame_lists::step - 1) / frame_lists::step;
}

// Frees what the lists hold when the thread ends.
struct clearing {
  ~clearing() {
    mine.room = 0;
    for (free_frame*& list : mine.of_steps) {
      while (list) ::operator delete(std::exchange(list, list->next));
    }
  }
};

// Whether the lists take frames from now on.
[[nodiscard, gnu::noinline]] bool open() {
  if (std::exchange(mine.are_opened, true) || sanitizer_state::listens || valgrind_listens()) return false;
  thread_local clearing once;
  static_cast<void>(&once);
  mine.room = frame_lists::most;
  return true;
}

}  // namespace

// Neither function is inlined into code that may switch: each finds the lists of the thread that it runs on.
[[gnu::noinline]] void* take_frame(std::size_t size) {
  const std::size_t steps = steps_of(size);
  if (steps >= mine.of_steps.size()) [[unlikely]]
    return ::operator new(size);
  free_frame*& list = mine.of_steps[steps];
  if (!list) [[unlikely]]
    return ::operator new(steps* frame_lists::step);
  mine.room += steps * frame_lists::step;
  return std::exchange(list, list->next);
}

[[gnu::noinline]] void give_frame(void* frame, std::size_t size) noexcept {
  const std::size_t steps = steps_of(size);
  const std::size_t bytes = steps * frame_lists::step;
  if (steps >= mine.of_steps.size() || (mine.room < bytes && !open())) [[unlikely]]
    return ::operator delete(frame);
  free_frame*& list = mine.of_steps[steps];
  list = ::new (frame) free_frame{list};
  mine.room -= bytes;
}

}  // namespace weft::detail
