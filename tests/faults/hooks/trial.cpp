// SPDX-License-Identifier: BSL-1.0
#include "faults/hooks/trial.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "faults/hooks/table.hpp"
#include "fiber/fibers.hpp"
#include "hooks/table.hpp"
#include "support/asleep.hpp"

namespace weft::faults::hooked {
namespace {

using detail::behaviour;

behaviour behaviour_of(std::string_view function) noexcept {
  return std::ranges::find(detail::hooks_table(), function, &detail::hook::name)->does;
}

// Whose man pages know no lack of memory or threads.
constexpr std::string_view lack_nothing[] = {"fsync", "fdatasync", "syncfs"};

std::string words_for(int error) { return error ? std::strerror(error) : "no error"; }

// Whoever acts on the fiber's behalf from outside, as another process would: nothing fails for it.
class outsider {
 public:
  explicit outsider(const std::function<void()>& acts)
      : fiber_(*detail::current_fiber()), worker_(gettid()), thread_([this, &acts] {
          const spared me;
          for (unsigned looks = 1; !has_come_back_.load(std::memory_order_acquire) && !waits(looks); ++looks) {
            if (looks % 64 == 0) sched_yield();
          }
          acts();
        }) {}
  ~outsider() { join(); }

  // The call has come back. Whether it blocked its worker meanwhile, as without weft.
  bool join() {
    has_come_back_.store(true, std::memory_order_release);
    if (thread_.joinable()) thread_.join();
    return has_blocked_;
  }

 private:
  [[nodiscard]] bool fiber_waits() const noexcept {
    return fiber_.waits_for.load(std::memory_order_acquire) != nullptr;
  }

  // Asking for the worker takes its time, so that is rare; it may sleep for a moment, at a lock, so once is not enough.
  [[nodiscard]] bool waits(unsigned looks) {
    if (fiber_waits()) return true;
    if (looks % 256 == 0) times_asleep_ = test::is_asleep(worker_) && !fiber_waits() ? times_asleep_ + 1 : 0;
    return has_blocked_ = times_asleep_ > 2;
  }

  const detail::control_block& fiber_;
  const int worker_;
  int times_asleep_ = 0;
  bool has_blocked_ = false;
  std::atomic<bool> has_come_back_{false};
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace

// Of memory or threads.
bool trial::is_lack() const noexcept {
  return plan_.row < row_count &&
         (table[plan_.row].name == starts_a_thread || table[plan_.row].name.starts_with("_Zn"));
}

// A file that weft has no memory to know is used as without weft; those who ask for locks and names make no promise.
bool trial::may_block() const noexcept {
  const behaviour does = behaviour_of(function_);
  return is_lack() || (does != behaviour::waits && does != behaviour::watches);
}

// What may be told of the failure beneath.
bool trial::may_say(int error) const noexcept {
  if (plan_.row == row_count || error != plan_.error) return false;
  const row& failed = table[plan_.row];
  const behaviour does = behaviour_of(function_);
  if (error == EINTR) return does == behaviour::follows;  // of libc's own answer nothing is changed
  if (is_lack() && std::ranges::count(lack_nothing, function_)) return false;
  return !failed.is_hidden && error != EOPNOTSUPP && error != ENOSYS;
}

void trial::make(const steps& of) {
  long result = 0;
  int error = 0;
  {
    outsider other(of.meanwhile);
    arm(plan_);
    errno = 0;
    result = of.call();
    error = errno;
    strikes_ = faults::strikes();
    disarm();
    for (std::size_t row = 0; row < row_count; ++row) calls_[row] = calls_of(row);
    if (other.join() && !may_block()) complaint_ = "blocks its worker; ";
  }
  if (result != -1) {
    if (!of.is_right(result)) complaint_ += "returns " + std::to_string(result) + ", which is wrong";
    return;
  }
  if (!may_say(error)) complaint_ += "fails: " + words_for(error);
  if (of.recovers ? of.recovers() : of.is_right(of.call())) return;
  complaint_ += (complaint_.empty() ? "fails: " : ", ") + words_for(error) + ", and afterwards does not work";
}

}  // namespace weft::faults::hooked
