// SPDX-License-Identifier: BSL-1.0
// select(2) and pselect(2): each look is a select(2) of its own, on a copy of the sets.
//
// The numbers may go beyond FD_SETSIZE if the caller has made larger sets, as the kernel allows. It looks no further than
// its table of the process's files goes, however many numbers the caller says (getdtablesize(3)), so that what is behind
// smaller sets is not touched; nor is it here.
#include <sys/select.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <weft/base/deadline.hpp>

#include "base/own_process.hpp"
#include "hooks/caller.hpp"
#include "hooks/next.hpp"
#include "hooks/table.hpp"
#include "hooks/times.hpp"
#include "hooks/watching.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"select", int(int, fd_set*, fd_set*, fd_set*, timeval*)> select;
constexpr next_function<"pselect", int(int, fd_set*, fd_set*, fd_set*, const timespec*, const sigset_t*)> pselect;
}  // namespace next

namespace {

constexpr int word_bits = sizeof(long) * CHAR_BIT;
constexpr int most_selected = 1 << 20;  // the kernel looks at no more than there can be

// Whether the kernel's table goes as far as that number. A set of that number alone says so: as an error if nobody has it, by
// being found or taken out of the set if somebody has; beyond the table nothing happens to it. Keeps errno.
[[nodiscard]] bool is_in_table(int fd) noexcept {
  const int error = errno;
  const std::unique_ptr<long[]> words(new (std::nothrow) long[std::size_t(fd / word_bits + 1)]());
  if (!words) return true;
  long& last = words[std::size_t(fd / word_bits)];
  last = 1L << (fd % word_bits);
  timeval none{};
  const int found = next::select(fd + 1, reinterpret_cast<fd_set*>(words.get()), nullptr, nullptr, &none);
  errno = error;
  return found != 0 || last == 0;
}

// How many of `count` numbers the kernel looks at, or more of them if the table's size is no power of two.
[[nodiscard]] int looked_at(int count) noexcept {
  for (int most = FD_SETSIZE; most < count; most *= 2)
    if (!is_in_table(most)) return most;
  return count;
}

// The caller's three sets, and a copy of them for the kernel to answer in.
class fd_sets {
 public:
  fd_sets(int count, fd_set* in, fd_set* out, fd_set* special) noexcept
      : count_(count), words_(std::size_t(count + word_bits - 1) / word_bits), given_{in, out, special} {
    if (3 * words_ <= few_.size()) return;
    many_.reset(new (std::nothrow) long[3 * words_]);
    copies_ = many_.get();
  }
  [[nodiscard]] bool has_room() const noexcept { return copies_; }

  [[nodiscard]] bool holds(int fd, int which) const noexcept {
    const fd_set* const set = given_[std::size_t(which)];
    return set && (words_of(set)[fd / word_bits] >> (fd % word_bits) & 1);
  }
  [[nodiscard]] int look() noexcept {
    std::array<fd_set*, 3> asked{};
    for (std::size_t i = 0; i < 3; ++i) {
      if (!given_[i]) continue;
      std::memcpy(copies_ + i * words_, given_[i], bytes());
      asked[i] = reinterpret_cast<fd_set*>(copies_ + i * words_);
    }
    timeval none{};
    return next::select(count_, asked[0], asked[1], asked[2], &none);
  }
  // What the last look has said is what the caller gets.
  void answer() noexcept {
    for (std::size_t i = 0; i < 3; ++i) {
      if (given_[i]) std::memcpy(given_[i], copies_ + i * words_, bytes());
    }
  }

 private:
  [[nodiscard]] std::size_t bytes() const noexcept { return words_ * sizeof(long); }
  [[nodiscard]] static const long* words_of(const fd_set* set) noexcept { return reinterpret_cast<const long*>(set); }

  const int count_;
  const std::size_t words_;
  std::array<fd_set*, 3> given_;
  std::array<long, 3 * FD_SETSIZE / word_bits> few_;
  std::unique_ptr<long[]> many_;
  long* copies_ = few_.data();
};

int select_on_fiber(control_block& self, const char* function, fd_sets& sets, int count, deadline until) noexcept {
  std::size_t files = 0;
  for (int fd = 0; fd < count; ++fd) files += sets.holds(fd, 0) || sets.holds(fd, 1) || sets.holds(fd, 2);
  watching call(self, files, function);
  if (!call.has_room() || !sets.has_room()) return call.returns(ENOMEM, 0);
  if (const int error = call.check()) return call.returns(error, 0);
  for (int fd = 0; fd < count; ++fd) {
    const bool in = sets.holds(fd, 0) || sets.holds(fd, 2), out = sets.holds(fd, 1);
    if (in || out) call.add(fd, in, out);
  }
  const int found = call.until_found(until, [&] {
    if (!call.is_any_over()) return sets.look();
    errno = EBADF;
    return -1;
  });
  if (found >= 0) sets.answer();
  return found;
}

[[nodiscard]] bool is_good(int count) noexcept { return count >= 0 && count <= most_selected && is_own_process(); }

// As the kernel normalizes it; negative for what it refuses.
[[nodiscard]] timespec from_microseconds(const timeval& t) noexcept {
  return {t.tv_sec + t.tv_usec / 1'000'000, t.tv_usec % 1'000'000 * 1000};
}

}  // namespace

const hooks_file select_hooks{};

extern "C" {

int select(int count, fd_set* in, fd_set* out, fd_set* special, timeval* timeout) {
  control_block* const self = hooked_fiber();
  const timespec time = timeout ? from_microseconds(*timeout) : timespec{};
  if (!self || (timeout && only_looks(&time)) || !is_good(count)) [[likely]]
    return next::select(count, in, out, special, timeout);
  const deadline until = timeout ? from_now(time) : never;
  count = looked_at(count);
  fd_sets sets(count, in, out, special);
  const int found = select_on_fiber(*self, "select", sets, count, until);
  if (timeout) {  // Linux says what is left
    const auto left = until.remaining();
    timeout->tv_sec = left.count() / one_second;
    timeout->tv_usec = left.count() % one_second / 1000;
  }
  return found;
}

int pselect(int count, fd_set* in, fd_set* out, fd_set* special, const timespec* timeout, const sigset_t* mask) {
  control_block* const self = hooked_fiber();
  if (!self || only_looks(timeout) || !is_good(count)) [[likely]]
    return next::pselect(count, in, out, special, timeout, mask_of_call(self, mask));
  count = looked_at(count);
  fd_sets sets(count, in, out, special);
  return select_on_fiber(*self, "pselect", sets, count, timeout ? from_now(*timeout) : never);
}

}  // extern "C"

}  // namespace weft::detail
