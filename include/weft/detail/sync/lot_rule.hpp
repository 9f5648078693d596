// SPDX-License-Identifier: BSL-1.0
// How one operation of a primitive waits, whoever performs it: a fiber, a plain thread (src/sync/lot_wait.hpp) or a task
// (`lot_operation`).
#pragma once

#include <cstdint>
#include <system_error>
#include <weft/detail/run/wait_queue.hpp>
#include <weft/detail/sync/parking_lot.hpp>

namespace weft::detail {

// `over`: nobody waits, the state has been changed as the operation asks. `refused`: it was wrong to ask, and nothing
// has changed.
enum class entry : std::uint8_t { wait, over, refused };

struct lot_rule {
  // Under the lock. `again`: not for the first time. Whom the change wakes goes to `woken`.
  using enter_function = entry (*)(parking_lot& lot, parking_lot::word& state, wait_node& who, bool again,
                                   wake_list& woken) noexcept;
  // Under the lock, when a wait was cut short: its node is unlinked. True: it is given up, and what `enter` did is undone.
  // False: it is too late for that, and the waiter enters again, deaf.
  using leave_function = bool (*)(parking_lot& lot, parking_lot::word& state, wait_node& who,
                                  wake_list& woken) noexcept;

  const char* what;  // it waits for; a literal for the dump
  enter_function enter;
  leave_function leave = nullptr;  // null: always given up
  // After the node has been linked, under no lock, with its note: what else has to be let go before the wait.
  void (*linked)(std::uint64_t note) noexcept = nullptr;
  bool cancellable = true;
  bool may_be_gone = false;    // [lot-5]
  bool wake_is_a_try = false;  // who was woken enters again, and if it has to wait it is the first in line again
  std::errc mistake{};         // what a refusal throws, and the text of it
  const char* mistake_text = "";
};

}  // namespace weft::detail
