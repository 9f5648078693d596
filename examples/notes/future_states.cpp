// SPDX-License-Identifier: BSL-1.0
// A future taken by hand: pending until somebody sets its result, finished from then on. Whoever waits for it stands still
// meanwhile, and nobody else does.
#include <cstdio>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

const char* state(bool done) { return done ? "finished" : "pending"; }

namespace stackless {

using weft::stackless::future;
using weft::stackless::task;

task<> waits(future<int> q) {
  std::puts("stackless waits");
  std::printf("stackless got %d\n", co_await q);
}
task<> sets() {
  const future<int> q;
  auto waiting = weft::stackless::get_running_loop().create_task(waits(q));
  co_await weft::stackless::yield();
  std::printf("stackless %s\n", state(q.done()));
  q.set_result(1);
  std::printf("stackless %s\n", state(q.done()));
  co_await waiting;
}

void show() { weft::stackless::event_loop().run_until_complete(sets()); }

}  // namespace stackless

namespace fibers {

void waits(const weft::shared_future<int>& q) {
  std::puts("fiber waits");
  std::printf("fiber got %d\n", q.get());
}
void sets() {
  weft::promise<int> p;
  const weft::shared_future<int> q = p.get_future().share();
  auto waiting = weft::spawn([&] { waits(q); });
  weft::this_fiber::yield();
  std::printf("fiber %s\n", state(q.done()));
  p.set_value(1);
  std::printf("fiber %s\n", state(q.done()));
  waiting.join();
}

void show() {
  weft::run([] { sets(); }, {.workers = 1});
}

}  // namespace fibers

}  // namespace

int main() {
  stackless::show();
  fibers::show();
}
