// SPDX-License-Identifier: BSL-1.0
// The table of hooked functions: the one place that lists them. The table of docs/hooks.md is made from it by `./dev fmt`,
// and a row whose function no scenario of tests/hooks calls on a fiber fails the tests.
#pragma once

#include <span>
#include <string_view>

namespace weft::detail {

// What a hooked function does on a fiber.
enum class behaviour {
  sleeps,          // parks the fiber until a point in time
  waits,           // parks the fiber until the file is ready
  watches,         // parks the fiber until one of the files is ready
  asks_elsewhere,  // parks the fiber while a thread of the blocking pool makes the call
  awaits_a_child,  // parks the fiber until the child has ended
  tries_again,     // parks the fiber for a moment, and for longer ones, until the lock is free
  follows,  // waits for nothing; weft learns of a number (new, closed, set otherwise) or of a child in its memory
};

struct hook {
  std::string_view name;
  behaviour does;
  void (*address)();  // our definition
};

[[nodiscard]] std::span<const hook> hooks_table() noexcept;

// One in each file that defines hooked functions. The table names them, and so the linker takes all these files out of an
// archive: the functions' own names would not do, where a library before it (a sanitizer's) defines them, too.
struct hooks_file {};
extern const hooks_file children_hooks, children_within_hooks, connect_hooks, epoll_hooks, fcntl_hooks, files_hooks,
    lives_hooks, names_hooks, options_hooks, poll_hooks, read_write_hooks, receive_hooks, select_hooks, send_hooks,
    sleep_hooks;

}  // namespace weft::detail
