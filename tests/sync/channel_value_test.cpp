// SPDX-License-Identifier: BSL-1.0
// What channels do with values: moved, copied, boxed, kept, destroyed; and which misuse they refuse.
#include <weft/sync/channel.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/alone.hpp"
#include "support/refusal.hpp"
#include "support/simulated.hpp"
#include "sync/channels.hpp"
#include "sync/values.hpp"

using namespace std::chrono_literals;
using weft::channel;
using weft::test::fragile;
using weft::test::refuses;
using weft::test::run_alone;
using weft::test::simulate;
using weft::test::throws_closed;
using weft::test::token;

TEST_CASE("a value is moved from only when it was sent") {
  simulate([] {
    channel<token> c(1);
    token value(7);
    CHECK(c.try_send(std::move(value)));
    CHECK(value.number() == 0);
    token other(8);
    CHECK(!c.try_send(std::move(other)));
    CHECK(!c.send_until(std::move(other), 1s));
    CHECK(!c.send_until(std::move(other), -1s));
    c.close();
    CHECK(throws_closed([&] { c.send(std::move(other)); }));
    CHECK(other.number() == 8);
  });
  CHECK(token::live == 0);
}

TEST_CASE("a channel is a range that moves can be made from, and iterates by name") {
  simulate([] {
    channel<std::unique_ptr<int>> c(4);
    for (int i = 0; i < 4; ++i) c.send(std::make_unique<int>(i));
    c.close();
    std::vector<std::unique_ptr<int>> kept;
    for (auto& value : c) kept.push_back(std::move(value));
    CHECK(kept.size() == 4);
    CHECK(*kept[3] == 3);
    static_assert(std::input_iterator<channel<int>::iterator>);
    static_assert(std::ranges::input_range<channel<int>&>);
    channel<std::string> d(2);
    d.send("two");
    d.send("three");
    d.close();
    std::size_t sum = 0;
    for (auto at = d.begin(); at != d.end(); at++) sum += at->size();
    CHECK(sum == 8);
  });
}

TEST_CASE("what can only be copied by name is copied, an lvalue stays as it is") {
  simulate([] {
    channel<std::string> c(3);
    const std::string fixed = "a constant that is too long for the string itself";
    std::string changing = fixed;
    c.send(fixed);
    c.send(changing);
    CHECK(c.try_send(changing));
    CHECK(!c.send_until(changing, -1s));
    CHECK(changing == fixed);
    const auto sends = [](channel<std::string>& to, const std::string& what) -> weft::stackless::task<bool> {
      co_return co_await to.async_send_until(what, -1s);
    };
    CHECK_FALSE(weft::await(sends(c, fixed)));
    CHECK(c.receive() == fixed);
    CHECK(weft::await(sends(c, changing)));
    CHECK(changing == fixed);
    for (int i = 0; i < 3; ++i) CHECK(c.receive() == fixed);
  });
}

TEST_CASE("a value whose move throws leaves channel, sender and other values as they were") {
  simulate([] {
    using weak = fragile<false>;
    weak::moves_left = 1'000'000;
    channel<weak> c(2);
    weak value(1);
    weak::moves_left = 0;
    CHECK_THROWS_AS(c.send(std::move(value)), std::runtime_error);
    weak::moves_left = 1'000'000;
    CHECK(value.number == 1);
    CHECK(c.size() == 0);
    c.send(std::move(value));
    weak second(2);
    c.send(std::move(second));
    CHECK(second.number == 0);
    weak third(3);
    CHECK(!c.try_send(std::move(third)));
    CHECK(third.number == 3);  // it was put back
    weak::moves_left = 0;
    CHECK_THROWS_AS((void)c.receive(), std::runtime_error);  // this value is gone
    weak::moves_left = 1'000'000;
    CHECK(c.receive()->number == 2);
    CHECK(c.try_receive() == std::nullopt);

    using copyable = fragile<true>;
    copyable::moves_left = 1'000'000;
    channel<copyable> d;
    copyable kept(4);
    CHECK(!d.try_send(std::move(kept)));
    CHECK(kept.number == 4);
    auto receiver = weft::spawn([&] { CHECK(d.receive()->number == 4); });
    d.send(std::move(kept));
    receiver.join();
  });
}

TEST_CASE("a container that only says that it can be copied is moved, and put back if it was not sent") {
  simulate([] {
    using boxes = std::deque<std::unique_ptr<int>>;  // whose move may throw
    channel<boxes> c(1);
    boxes what;
    what.push_back(std::make_unique<int>(1));
    c.send(std::move(what));
    boxes more;
    more.push_back(std::make_unique<int>(2));
    CHECK(!c.try_send(std::move(more)));
    CHECK(weft::select(weft::on_send(c, more, [] {}), weft::otherwise([] {})) == 1);
    CHECK(*more.at(0) == 2);
    CHECK(*c.receive()->at(0) == 1);
  });
}

TEST_CASE("a channel that is destroyed destroys what it holds") {
  simulate([] {
    {
      channel<token> c(5);
      for (int i = 1; i <= 4; ++i) c.send(token(i));
      for (int i = 1; i <= 3; ++i) CHECK(c.receive()->number() == i);
      for (int i = 5; i <= 7; ++i) c.send(token(i));
      CHECK(token::live == 4);
    }
    CHECK(token::live == 0);
  });
}

TEST_CASE("of a value that was received no object stays in the channel") {
  simulate([] {
    static int objects;
    struct counted {
      counted() { ++objects; }
      counted(const counted&) noexcept { ++objects; }
      ~counted() { --objects; }
    };
    objects = 0;
    channel<counted> c(2);
    for (int i = 0; i < 5; ++i) {
      c.send(counted());
      CHECK(objects == 1);
      if (i % 2)
        (void)c.receive();
      else
        (void)c.try_receive();
      CHECK(objects == 0);
    }
  });
}

TEST_CASE("a negative or impossible capacity is refused by name") {
  const int negative = -1;
  CHECK(refuses(std::errc::invalid_argument, "negative capacity", [&] {
    const channel<int> c(static_cast<std::size_t>(negative));
    return c.capacity();
  }));
  CHECK_THROWS_AS(channel<int>(PTRDIFF_MAX), std::bad_alloc);
}

TEST_CASE("dies: a channel that somebody waits on" * doctest::skip()) {
  weft::run([] {
    auto c = std::make_unique<channel<int>>();
    auto waiter = weft::spawn([&c] { (void)c->receive(); });
    while (weft::stats().parked == 0) weft::this_fiber::yield();
    c.reset();
  });
}

TEST_CASE("destroying a channel that somebody waits on ends the process and says so") {
  const auto end = run_alone("dies: a channel that somebody waits on");
  CHECK(end.signal == SIGABRT);
  CHECK(end.said_this("a channel was destroyed while somebody waited to receive from it"));
}
