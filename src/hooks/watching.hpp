// SPDX-License-Identifier: BSL-1.0
// The files that one call waits for: what poll(2), select(2) and epoll_wait(2) have in common.
//
// A number that is closed meanwhile is closed for the call, whatever file it names by then.
//
// Each is a system call that only looks, between `about_to_try` and `wait`. What it reports is the kernel's own answer; the
// descriptors only tell when it is worth while to look again.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <weft/base/deadline.hpp>

#include "fiber/opaque_call.hpp"
#include "hooks/adoption.hpp"
#include "hooks/patience.hpp"

namespace weft::detail {

class watching : public opaque_call {
 public:
  // At most that many will be added. Allocates when they are many. `function`: what was called.
  watching(control_block& self, std::size_t most, const char* function) noexcept
      : opaque_call(self), function_(function) {
    if (most <= few_.size()) return;
    many_.reset(new (std::nothrow) place[most]);
    places_ = many_.get();
  }

  // Else there is no memory.
  [[nodiscard]] bool has_room() const noexcept { return places_; }

  // For input and for output; neither counts as the first. What no poller hears is asked again and again, at most 50 ms late:
  // most such files are always ready, but some are not (a queue of messages, mq_open(3), is a regular file).
  void add(int fd, bool in, bool out) noexcept;

  // Whether the number that was added as this one, from 0, was closed since; whether any was.
  [[nodiscard]] bool is_over(std::size_t which) const noexcept {
    return places_[which].file.life() != places_[which].life;
  }
  [[nodiscard]] bool is_any_over() const noexcept {
    for (std::size_t i = 0; i < count_; ++i)
      if (is_over(i)) return true;
    return false;
  }

  // May park. Looks, by a function that returns what a system call with a timeout of zero does, until that finds something
  // or fails, or until the time has come: then zero. Whoever was late to run looks a last time, as the kernel does.
  template <class Look> [[nodiscard]] int until_found(deadline until, Look&& look) noexcept {
    for (bool is_late = false;;) {
      for (watched* w = first_; w; w = w->next) w->seen = w->file->about_to_try(w->which);  // [fd-1]
      const int found = look();
      if (found < 0 && errno == EINTR) continue;
      if (found < 0) return returns(errno, found);
      if (found > 0) {
        note_no_wait();
        return returns(0, found);
      }
      if (is_late) return returns(0, 0);
      const int error = wait(until);
      is_late = error == EAGAIN;
      if (error && !is_late) return returns(error, 0);
    }
  }

 private:
  struct place {
    adopted_file file;
    std::uint32_t life = 0;
    watched in, out;
  };

  [[nodiscard]] int wait(deadline until) noexcept;
  void watch(watched& with, direction which, descriptor& file) noexcept;

  const char* const function_;
  std::array<place, 4> few_;  // on a fiber's stack, hence few
  std::unique_ptr<place[]> many_;
  place* places_ = few_.data();
  std::size_t count_ = 0;
  watched* first_ = nullptr;
  bool asks_again_ = false;  // there are some of which no event will tell
  patience patience_;
};

}  // namespace weft::detail
