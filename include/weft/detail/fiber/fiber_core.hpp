// SPDX-License-Identifier: BSL-1.0
// The part of a fiber's control block that templates fill in: what it runs and what came of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <weft/detail/run/completion.hpp>

namespace weft::detail {

// How a fiber ended, or that it has not. Written by the fiber (or in its place, if it never ran) before it ends.
enum class fate : std::uint8_t { none, returned, failed, cancelled };

class fiber_desk;
struct scope_core;

// One cache line: what a spawn, a run and a join of an ordinary fiber touch, beside the line that a switch touches.
struct alignas(64) fiber_core {
  // What can be done with the payload: run the body (once, on the fiber; destroys it, keeps its result), destroy a body
  // that never ran, destroy a result.
  enum class act : std::uint8_t { run, drop_body, drop_result };
  using payload_function = void (*)(fiber_core&, act);

  // Room for most bodies, so that a spawn allocates nothing.
  static constexpr std::size_t room_size = 224;
  [[nodiscard]] static constexpr bool fits(std::size_t size, std::size_t alignment) noexcept {
    return size <= room_size && alignment <= alignof(std::max_align_t);
  }

  struct alignas(4) traits {
    std::uint8_t size_class = 0;  // of its stack
    bool movable = false;
    bool daemon = false;
    bool detached = false;  // from the start; later `end` knows
  };

  fiber_core() = default;
  fiber_core(const fiber_core&) = delete;
  fiber_core& operator=(const fiber_core&) = delete;

  completion end;
  payload_function perform = nullptr;
  void* payload = nullptr;           // inside the control block, or on the heap when it does not fit
  fiber_desk* desk = nullptr;        // of the worker that runs it, or ran it last
  std::atomic<std::uint64_t> id{0};  // changes when the block becomes another fiber: stale references compare it
  std::source_location where;        // of the spawn
  scope_core* parent = nullptr;      // null: the root
  traits kind;
  fate how = fate::none;
  // In the block, nameless, has not noted what it transferred, its result needs no destructor: nothing to do when it is
  // recycled.
  bool is_plain = true;
  bool taken = false;                // not in a free list
  std::atomic<bool> started{false};  // written by the fiber alone; relaxed: others only describe it
};

static_assert(sizeof(fiber_core) == 64);

}  // namespace weft::detail
