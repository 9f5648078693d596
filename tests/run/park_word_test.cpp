// SPDX-License-Identifier: BSL-1.0
#include "run/park_word.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <optional>

#include "support/litmus.hpp"
#include "support/scale.hpp"

using namespace weft::detail;
using namespace weft::test;
using duty = park_word::unpark_duty;
using park = park_word::park_result;

TEST_CASE("an unpark after the park owes the enqueue, and the fiber can park again") {
  park_word w;
  for (int round = 0; round < 3; ++round) {
    CHECK(w.commit_park() == park::parked);
    CHECK(w.unpark() == duty::enqueue);
    w.resumed();
  }
}

TEST_CASE("an unpark before the park is not lost") {
  park_word w;
  CHECK(w.unpark() == duty::nothing);
  CHECK(w.commit_park() == park::notified_already);
  w.resumed();
  CHECK(w.commit_park() == park::parked);
}

TEST_CASE("a second unpark of a fiber that is already on its way is nobody's duty") {
  park_word w;
  CHECK(w.commit_park() == park::parked);
  CHECK(w.unpark() == duty::enqueue);
  CHECK(w.unpark() == duty::nothing);
  w.resumed();
  CHECK(w.commit_park() == park::parked);
}

// Caught by this: a commit that is a load and a store (the unpark between them is lost), and a commit that says parked
// for a fiber that was notified. The registers, the link and what the waker brings are plain: TSan sees each order that
// is missing.
TEST_CASE("a park racing with its unpark is resumed exactly once, with its registers saved") {
  park_word w;
  int registers = 0, saved = 0, resumes = 0, link = 0, gift = 0;
  const auto resume = [&] {
    w.resumed();
    saved = registers == gift ? registers : -1;
    ++resumes;
  };
  std::atomic<int> parks{0};
  CHECK(litmus(
            scaled(15'000),
            [&] {
              registers = saved = resumes = gift = 0;
              parks.store(0, std::memory_order_relaxed);
            },
            [&] { return saved == 2 && resumes == 2; },
            [&](stagger& wait) {
              for (int i = 1; i <= 2; ++i) {
                // The fiber's worker. The second park begins only after the first resume, like that of a real fiber.
                spin_until([&] { return parks.load(std::memory_order_acquire) == i - 1; });
                registers = link = i;
                wait();
                if (w.commit_park() == park::notified_already) {
                  resume();
                  parks.store(i, std::memory_order_release);
                }
              }
            },
            [&](stagger& wait) {
              for (int i = 1; i <= 2; ++i) {
                // The claim lets one waker through per wait.
                spin_until([&] { return parks.load(std::memory_order_acquire) == i - 1; });
                wait();
                gift = i;
                if (w.unpark() == duty::enqueue) {
                  link = 0;  // it puts the fiber in a queue
                  resume();
                  parks.store(i, std::memory_order_release);
                }
                spin_until([&] { return parks.load(std::memory_order_acquire) == i; });
              }
            }) == 0);
}

// Caught by this: a resume that consumes with a plain store. The store lets the fiber's next read pass, the fiber misses
// the news, and the store then wipes the notification out.
TEST_CASE("an unpark that comes while the fiber is being resumed is seen by it or by its next park") {
  std::optional<park_word> w;
  std::atomic<int> news{0};
  std::atomic<bool> queued{false};
  int seen = 0;  // the fiber's own, whoever resumes it
  const auto run_fiber = [&] {
    do {
      w->resumed();
      seen = news.load(std::memory_order_relaxed);  // the unpark that `resumed` consumed orders it
    } while (seen != 2 && w->commit_park() == park::notified_already);
  };
  CHECK(litmus(
            scaled(20'000),
            [&] {
              w.emplace();
              (void)w->commit_park();
              news.store(0, std::memory_order_relaxed);
              queued.store(false, std::memory_order_relaxed);
              seen = 0;
            },
            [&] { return seen == 2; },
            [&](stagger& wait) {
              spin_until([&] { return queued.load(std::memory_order_acquire); });
              wait(64 + std::uint64_t(news.load(std::memory_order_relaxed)));  // brings the line near
              run_fiber();
            },
            [&](stagger& wait) {
              news.store(1, std::memory_order_relaxed);  // `unpark` releases it
              if (w->unpark() == duty::enqueue) queued.store(true, std::memory_order_release);
              wait(512);
              news.store(2, std::memory_order_relaxed);
              if (w->unpark() == duty::enqueue) run_fiber();
            }) == 0);
}
