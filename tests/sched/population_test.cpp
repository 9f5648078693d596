// SPDX-License-Identifier: BSL-1.0
// Whether everything has ended: fibers and tasks that begin one another while somebody looks for the last one.
#include "sched/population.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "sched/scheduler.hpp"
#include "support/scale.hpp"

using weft::stackless::create_task;
using weft::stackless::task;
using weft::test::scaled;

namespace {

// Whoever ends with it begins the next one before: a fiber and a task in turn.
class baton {
 public:
  baton(std::size_t more, std::atomic<bool>& last) noexcept : more_(more), last_(&last) {}
  baton(baton&& other) noexcept : more_(other.more_), last_(std::exchange(other.last_, nullptr)) {}
  ~baton() {
    if (!last_) return;
    if (more_ == 0)
      *last_ = true;
    else if (more_ % 2 == 0)
      weft::go([next = baton(more_ - 1, *last_)] {});
    else
      create_task(holds(baton(more_ - 1, *last_))).detach();
  }

 private:
  static task<> holds(baton) { co_return; }

  std::size_t more_;
  std::atomic<bool>* last_;
};

}  // namespace

TEST_CASE("fibers and tasks have not all ended while each begins another before it ends") {
  weft::runtime r;
  const auto& all = scheduler_of(r);
  std::atomic<bool> last{false};
  r.go([first = baton(scaled(100'000), last)] {});
  while (!all.all_ended()) {
  }
  CHECK(last);
}
