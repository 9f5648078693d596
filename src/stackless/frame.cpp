// SPDX-License-Identifier: BSL-1.0
// Lists of free frames per thread, by size, up to a number of bytes. A frame lives as long as a call, so the next one of
// its size is wanted soon, and malloc costs more than such a call. Tasks make and destroy theirs on one worker as a rule; a
// frame that ends elsewhere changes lists, which is no harm.
//
// A sanitizer, and Valgrind, would not see the use of a frame that has ended: there each comes from malloc.
#include <weft/detail/stackless/frame.hpp>

#include <array>
#include <cassert>
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
  static constexpr std::size_t largest = 512;       // most are smaller; thread-locals should be small, too
  static constexpr std::size_t most = 1024 * 1024;  // bytes

  [[nodiscard]] static constexpr std::size_t steps_of(std::size_t size) noexcept { return (size + step - 1) / step; }
  static void free_one(free_frame*& list) noexcept { ::operator delete(std::exchange(list, list->next)); }

  // There is none for such a frame. Those of other sizes give way, each in turn, lest some that nobody wants any more stay
  // for ever. False: that was a turn without any.
  [[nodiscard]] bool make_room(std::size_t steps) noexcept {
    free_frame*& others = of_steps[turn];
    if (turn == steps || !others) {
      turn = (turn + 1) % of_steps.size();
      return false;
    }
    while (others && room < steps * step) {
      free_one(others);
      room += turn * step;
    }
    return room >= steps * step;
  }
  void clear() noexcept {
    room = 0;
    for (free_frame*& list : of_steps) {
      while (list) free_one(list);
    }
  }

  std::array<free_frame*, largest / step + 1> of_steps = {};
  std::size_t room = 0;  // for so many bytes more; none before a first frame has ended, and when the thread has
  std::size_t turn = 0;
  bool are_opened = false;
};

constinit thread_local frame_lists mine;

struct closing {
  ~closing() { mine.clear(); }
};

// Whether there is room now. Never where somebody watches the heap.
[[nodiscard]] bool open() noexcept {
  mine.are_opened = true;
  if (sanitizer_state::listens || valgrind_listens()) return false;
  thread_local closing when_the_thread_ends;
  static_cast<void>(&when_the_thread_ends);
  mine.room = frame_lists::most;
  return true;
}

[[nodiscard, gnu::noinline]] bool find_room(std::size_t steps) noexcept {
  return mine.are_opened ? mine.make_room(steps) : open();
}

}  // namespace

// Neither function is inlined into code that may switch: each finds the lists of the thread that it runs on.
[[gnu::noinline]] void* take_frame(std::size_t size) {
  const std::size_t steps = frame_lists::steps_of(size);
  if (steps >= mine.of_steps.size()) [[unlikely]]
    return ::operator new(size);
  free_frame*& list = mine.of_steps[steps];
  const std::size_t bytes = steps * frame_lists::step;
  if (!list) [[unlikely]]
    return ::operator new(bytes);
  mine.room += bytes;
  return std::exchange(list, list->next);
}

[[gnu::noinline]] void give_frame(void* frame, std::size_t size) noexcept {
  const std::size_t steps = frame_lists::steps_of(size);
  const std::size_t bytes = steps * frame_lists::step;
  assert(bytes != 0);
  if (steps >= mine.of_steps.size() || (mine.room < bytes && !find_room(steps))) [[unlikely]]
    return ::operator delete(frame);
  free_frame*& list = mine.of_steps[steps];
  list = ::new (frame) free_frame{list};
  mine.room -= bytes;
}

}  // namespace weft::detail
