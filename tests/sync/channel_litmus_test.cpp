// SPDX-License-Identifier: BSL-1.0
// Channels among plain threads, and a task, that act at the same moment, very often.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <weft/stackless.hpp>
#include <weft/sync/channel.hpp>
#include <weft/sync/select.hpp>
#include <weft/weft.hpp>

#include "support/litmus.hpp"
#include "support/scale.hpp"
#include "sync/channels.hpp"
#include "sync/values.hpp"

using namespace weft::test;
using weft::channel;

namespace {

weft::deadline soon(stagger& wait) { return std::chrono::nanoseconds(1 + wait.random() % 2000); }

}  // namespace

// Caught by this: a deadline that ends a send whose value has been taken, or a receiver that is passed over.
TEST_CASE("a send and two receives that give up at random moments agree on what was handed over") {
  for (std::size_t capacity : {0, 1}) {
    channel<token> c(capacity);
    int sent = 0, got = 0;
    CHECK(litmus(
              scaled(1000), [&] { sent = got = 0; },
              [&] {
                while (c.try_receive()) ++got;
                return sent == got && token::live == 0 && !weft::detail::channel_access::core(c).is_waited_for();
              },
              [&](stagger& wait) {
                token mine(1);
                const bool said = c.send_until(std::move(mine), soon(wait));
                if (said == (mine.number() == 0)) sent = said;
              },
              [&](stagger& wait) {
                for (int i = 0; i < 2; ++i) {
                  if (c.receive_until(soon(wait))) ++got;
                  wait();
                }
              }) == 0);
  }
}

// Caught by this: a select that leaves a node behind, or takes a value for a case that it does not run.
TEST_CASE("two selects that face each other at the same moment exchange values one by one") {
  channel<int> a, b;
  int sent = 0, got = 0, sent_there = 0, got_there = 0;
  CHECK(litmus(
            scaled(1000), [&] { sent = got = sent_there = got_there = 0; },
            [&] {
              return sent == got_there && got == sent_there && !weft::detail::channel_access::core(a).is_waited_for() &&
                     !weft::detail::channel_access::core(b).is_waited_for();
            },
            [&](stagger& wait) {
              weft::select(weft::on_send(a, 1, [&] { ++sent; }), weft::on_receive(b, [&](auto) { ++got; }),
                           weft::on_timeout(soon(wait), ignore));
            },
            [&](stagger& wait) {
              for (int i = 0; i < 2; ++i) {
                weft::select(weft::on_send(b, 1, [&] { ++sent_there; }),
                             weft::on_receive(a, [&](auto) { ++got_there; }), weft::on_timeout(soon(wait), ignore));
                wait();
              }
            }) == 0);
}

// Caught by this: a sender that touches the channel after the unlock. Freed memory is overwritten at once; the sanitizers
// see the touch itself.
TEST_CASE("a channel may be destroyed by whoever has got its value") {
  for (std::size_t capacity : {0, 1}) {
    alignas(channel<int>) static std::byte room[sizeof(channel<int>)];
    channel<int>* c = nullptr;
    bool right = true;
    CHECK(litmus(
              scaled(1000), [&] { c = new (room) channel<int>(capacity); }, [&] { return right; },
              [&](stagger& wait) {
                wait();
                c->send(7);
              },
              [&](stagger& wait) {
                wait();
                right = right && c->receive() == 7;
                std::destroy_at(c);
                std::memset(room, 0xff, sizeof room);  // a lock that is given back now is seen
                wait();
                for (const std::byte one : room) right = right && one == std::byte(0xff);
              }) == 0);
  }
}

// Caught by this: the same of a receiver, whether it takes what is sent or makes room for it.
TEST_CASE("a channel may be destroyed by whoever has sent what had to be waited for") {
  for (const std::size_t capacity : {0, 1}) {
    for (const bool tries : {false, true}) {
      alignas(channel<int>) static std::byte room[sizeof(channel<int>)];
      channel<int>* c = nullptr;
      bool right = true;
      CHECK(litmus(
                scaled(1000),
                [&] {
                  c = new (room) channel<int>(capacity);
                  if (capacity == 1) c->send(7);
                },
                [&] { return right; },
                [&](stagger& wait) {
                  wait();
                  c->send(7);
                  std::destroy_at(c);
                  std::memset(room, 0xff, sizeof room);
                  wait();
                  for (const std::byte one : room) right = right && one == std::byte(0xff);
                },
                [&](stagger& wait) {
                  wait();
                  std::optional<int> got;
                  if (!tries)
                    got = c->receive();
                  else
                    spin_until([&] { return (got = c->try_receive()).has_value(); });
                  if (got != 7) right = false;
                }) == 0);
    }
  }
}

// Caught by this: the same of a task.
TEST_CASE("a channel that a task uses may be destroyed by its partner") {
  weft::runtime r({.workers = 1, .hog_threshold = std::chrono::nanoseconds(0)});
  stagger wait(1);
  alignas(channel<int>) std::byte room[sizeof(channel<int>)];
  for (std::size_t round = 0; round < scaled(1000); ++round) {
    const bool sends = round % 2;
    auto* const c = new (room) channel<int>();
    int got = 7;
    const auto body = [&]() -> weft::stackless::task<> {
      if (sends)
        co_await c->async_send(7);
      else
        got = (co_await c->async_receive()).value_or(0);
    };
    auto f = r.spawn([&] { weft::await(body()); });
    if (sends)
      CHECK(c->receive() == 7);
    else
      c->send(7);
    std::destroy_at(c);
    std::memset(room, 0xff, sizeof room);
    wait();
    CHECK(std::ranges::all_of(room, [](std::byte one) { return one == std::byte(0xff); }));
    f.join();
    CHECK(got == 7);
  }
}

// Caught by this: a close that does not claim everybody who was in line, or a node shown after the look at `closed_`.
TEST_CASE("a close that meets a send and a receive leaves nobody waiting") {
  std::optional<channel<token>> c;
  int sent = 0, got = 0;
  CHECK(litmus(
            scaled(1000),
            [&] {
              c.emplace(std::size_t(0));
              sent = got = 0;
            },
            [&] {
              const bool right = sent == got && token::live == 0;
              c.reset();
              return right;
            },
            [&](stagger& wait) {
              wait();
              c->close();
            },
            [&](stagger&) {
              for (int i = 0; i < 2; ++i) {
                token mine(1);
                try {
                  c->send(std::move(mine));
                } catch (const weft::channel_closed&) {
                  if (mine.number() == 1) continue;
                }
                ++sent;
              }
            },
            [&](stagger&) {
              while (c->receive()) ++got;
            }) == 0);
}
