// SPDX-License-Identifier: BSL-1.0
// A fiber awaits a task, a task awaits a fiber, both wait at one primitive.
#include <weft/stackless_io/bridges.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"

namespace {

using weft::stackless::create_task;
using weft::stackless::from;
using weft::stackless::task;
using weft::stackless::yield;
using weft::test::refuses;
using weft::test::scaled;
using weft::test::workers;

task<int> gives(int value) {
  co_await yield();
  co_return value;
}
task<> fails() {
  co_await yield();
  throw std::runtime_error("in the task");
}
task<> waits_for_ever(std::atomic<int>& unwound, std::atomic<int>& begun) {
  ++begun;
  const struct at_end {
    std::atomic<int>& count;
    ~at_end() { ++count; }
  } guard{unwound};
  co_await weft::stackless::sleep(weft::never);
}
template <class What> task<bool> ends_cancelled(What&& what) {
  try {
    co_await std::forward<What>(what);
  } catch (const std::system_error& e) {
    co_return e.code() == std::errc::operation_canceled;
  }
  co_return false;
}

// Lives in fibers and tasks by turns: the end of one starts the next one, and the last one takes its time.
class baton {
 public:
  baton(unsigned hops, std::atomic<unsigned>& ended) noexcept : hops_(hops), ended_(&ended) {}
  baton(baton&& other) noexcept : hops_(other.hops_), ended_(std::exchange(other.ended_, nullptr)) {}
  baton& operator=(baton&&) = delete;
  ~baton() {
    if (!ended_) return;
    if (hops_ > 0)
      pass_on();
    else
      weft::shield([] { weft::this_fiber::sleep_for(std::chrono::milliseconds(1)); });
    ++*ended_;
  }

 private:
  static task<> hold(baton) { co_return; }
  void pass_on() const {
    if (hops_ % 2 == 0)
      (void)create_task(hold(baton(hops_ - 1, *ended_)));
    else
      weft::go([mine = baton(hops_ - 1, *ended_)] {});
  }

  unsigned hops_;
  std::atomic<unsigned>* ended_;
};

}  // namespace

TEST_CASE("a runtime does not end while a task starts a fiber and ends, nor the reverse") {
  constexpr unsigned hops = 2000;
  for (std::size_t i = 0; i < scaled(200); ++i) {
    std::atomic<unsigned> ended{0};
    weft::runtime r({.workers = 1, .hog_threshold = std::chrono::nanoseconds(0)});
    r.go([mine = baton(hops, ended)] {});
    while (ended < 10) std::this_thread::yield();
    r.shutdown();
    REQUIRE(ended == hops + 1);
  }
}

TEST_CASE("a fiber awaits tasks, at any depth of ordinary calls") {
  weft::run(
      [] {
        CHECK(weft::await(gives(3)) == 3);
        auto created = create_task(gives(4));
        CHECK(weft::await(created) == 4);
        CHECK_FALSE(created.joinable());
        CHECK_THROWS_WITH_AS(weft::await(fails()), "in the task", std::runtime_error);
        CHECK(refuses(std::errc::invalid_argument, "no task", [&] { return weft::await(created); }));
        const auto deep = [](auto self, int levels) -> int {
          return levels == 0 ? weft::await(gives(1)) : 1 + self(self, levels - 1);
        };
        CHECK(deep(deep, 20) == 21);
      },
      {.workers = workers()});
}

TEST_CASE("a fiber that is cancelled in an await cancels the task it runs, and leaves one that was there") {
  std::atomic<int> unwound = 0, begun = 0;
  weft::run(
      [&] {
        auto own = weft::spawn([&] { weft::await(waits_for_ever(unwound, begun)); });
        while (begun < 1) weft::this_fiber::yield();
        own.cancel();
        CHECK(refuses(std::errc::operation_canceled, "", [&] { return own.join(), 0; }));
        CHECK(unwound == 1);
        auto other = create_task(waits_for_ever(unwound, begun));
        auto waits = weft::spawn([&] { weft::await(other); });
        while (begun < 2) weft::this_fiber::yield();
        waits.cancel();
        CHECK(refuses(std::errc::operation_canceled, "", [&] { return waits.join(), 0; }));
        CHECK(other.joinable());
        CHECK_FALSE(other.done());
        other.cancel();
        CHECK(refuses(std::errc::operation_canceled, "cancelled", [&] { return weft::await(other), 0; }));
        CHECK(unwound == 2);
      },
      {.workers = workers()});
}

TEST_CASE("a fiber and a plain thread await the future of an event loop") {
  weft::stackless::event_loop loop;
  auto result = loop.create_future<std::string>();
  std::string seen;
  std::thread plain([&] { seen = weft::await(result); });
  loop.call_soon([&] { result.set_result("done"); });
  loop.call_later(std::chrono::milliseconds(1), [&] { loop.stop(); });
  loop.run_forever();
  plain.join();
  CHECK(seen == "done");
  weft::run(
      [&] {
        CHECK(weft::await(result) == "done");
        auto pending = loop.create_future<int>();
        auto waits = weft::spawn([&] { return weft::await(pending); });
        weft::this_fiber::yield();
        waits.cancel();
        CHECK(refuses(std::errc::operation_canceled, "", [&] { return waits.join(); }));
        CHECK_FALSE(pending.done());
        auto again = weft::spawn([&] { return weft::await(pending); });
        weft::this_fiber::yield();
        pending.set_result(5);
        CHECK(again.join() == 5);
      },
      {.workers = workers()});
}

TEST_CASE("a task awaits fibers") {
  weft::stackless::run(
      []() -> task<> {
        auto fiber = weft::spawn([] {
          weft::this_fiber::yield();
          return 7;
        });
        CHECK(co_await from(fiber) == 7);
        CHECK_FALSE(fiber.joinable());
        CHECK(co_await from(weft::spawn([] { return std::string("text"); })) == "text");
        bool thrown = false;
        try {
          co_await from(weft::spawn([] { throw std::runtime_error("in the fiber"); }));
        } catch (const std::runtime_error&) {
          thrown = true;
        }
        CHECK(thrown);
        auto endless = weft::spawn([] { weft::this_fiber::sleep_until(weft::never); });
        auto waits = create_task([](weft::fiber<>& whom) -> task<> { co_await from(whom); }(endless));
        co_await yield();
        waits.cancel();
        CHECK(co_await ends_cancelled(waits));
        CHECK_FALSE(endless.done());
        endless.cancel();
        CHECK(co_await ends_cancelled(from(endless)));
        CHECK_FALSE(endless.joinable());
      }(),
      {.workers = workers()});
}

TEST_CASE("a cancelled task takes an unnamed fiber along, and waits for its end") {
  weft::stackless::run(
      []() -> task<> {
        std::atomic<bool> begun{false}, unwound{false};
        auto body = [&] {
          const struct at_end {
            std::atomic<bool>& done;
            ~at_end() { done = true; }
          } guard{unwound};
          begun = true;
          weft::this_fiber::sleep_until(weft::never);
        };
        auto waits = create_task(from(weft::spawn(body)));
        while (!begun) co_await yield();
        for (int i = 0; i < 3; ++i) co_await yield();
        waits.cancel();
        CHECK(co_await ends_cancelled(waits));
        CHECK(unwound);
      }(),
      {.workers = workers()});
}

TEST_CASE("fibers and tasks wait at one primitive") {
  weft::run(
      [] {
        weft::channel<int> questions, answers;
        auto server = create_task([](weft::channel<int>& in, weft::channel<int>& out) -> task<> {
          while (auto question = co_await in.async_receive()) co_await out.async_send(*question * 2);
        }(questions, answers));
        for (int i = 0; i < 50; ++i) {
          questions.send(i);
          CHECK(answers.receive() == 2 * i);
        }
        questions.close();
        weft::await(server);
      },
      {.workers = workers()});
}
