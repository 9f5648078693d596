// SPDX-License-Identifier: BSL-1.0
// Tells this_fiber::last_transferred what a composed operation had moved when `cancelled` left it.
#pragma once

#include <cstddef>
#include <exception>

namespace weft::detail {

// Nothing on a plain thread.
void note_transferred(std::size_t bytes) noexcept;

// Watches the count of an operation; an exception that leaves the operation makes the note.
class transfer_note {
 public:
  explicit transfer_note(const std::size_t& count) noexcept : count_(count) {}
  transfer_note(const transfer_note&) = delete;
  transfer_note& operator=(const transfer_note&) = delete;
  ~transfer_note() {
    if (std::uncaught_exceptions() > in_flight_) note_transferred(count_);
  }

 private:
  const std::size_t& count_;
  const int in_flight_ = std::uncaught_exceptions();
};

}  // namespace weft::detail
