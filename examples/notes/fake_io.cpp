// SPDX-License-Identifier: BSL-1.0
// A future that a thread sets: what stands for I/O whose end nobody can foretell. Whoever waits for it stands still; its
// worker does not.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

using namespace std::chrono_literals;

std::vector<std::thread> readers;
std::atomic<int> asked, turn;

void next_turn() {
  ++turn;
  turn.notify_all();
}
// On a thread of its own, as if a device were slow. It begins when all three reads have been asked for, and goes on when
// the last one has been taken.
void slow_read(int number) {
  std::this_thread::sleep_for(1ms);
  for (int now; (now = turn) != number;) turn.wait(now);
}
void ask(std::thread reader) {
  readers.push_back(std::move(reader));
  if (++asked == 3) next_turn();
}

namespace stackless {

using weft::stackless::event_loop;
using weft::stackless::future;
using weft::stackless::task;

void fake_read(future<int> into, int number) {
  ask(std::thread([into, number] {
    slow_read(number);
    into.set_result(number * 100);
  }));
}

task<int> small_step(int number) {
  future<int> data;  // of the running loop
  fake_read(data, number);
  co_return co_await data;
}
task<int> big_step(int number) { co_return co_await small_step(number); }
task<> one_task(int number) {
  std::printf("stackless: task %d begins\n", number);
  std::printf("stackless: task %d has read %d\n", number, co_await big_step(number));
  next_turn();
}

void show() {
  event_loop loop;
  int left = 3;
  for (int number : {1, 2, 3}) {
    loop.create_task(one_task(number)).add_done_callback([&] {
      if (--left == 0) loop.stop();
    });
  }
  loop.run_forever();
}

}  // namespace stackless

namespace fibers {

void fake_read(weft::promise<int> into, int number) {
  ask(std::thread([into = std::move(into), number]() mutable {
    slow_read(number);
    into.set_value(number * 100);
  }));
}

int small_step(int number) {
  weft::promise<int> promised;
  auto data = promised.get_future();
  fake_read(std::move(promised), number);
  return data.get();
}
int big_step(int number) { return small_step(number); }
void one_task(int number) {
  std::printf("fiber: task %d begins\n", number);
  std::printf("fiber: task %d has read %d\n", number, big_step(number));
  next_turn();
}

void show() {
  weft::with_scope([](weft::scope& all) {
    for (int number : {1, 2, 3}) {
      all.spawn([number] { one_task(number); });
      weft::this_fiber::yield();  // so that they begin in this order
    }
  });
}

}  // namespace fibers

}  // namespace

int main() {
  stackless::show();
  asked = turn = 0;
  weft::run([] { fibers::show(); }, {.workers = 1});
  for (auto& reader : readers) reader.join();
}
