// SPDX-License-Identifier: BSL-1.0
// Every operation of a channel that may wait, in every situation, by everybody who can wait: what it came to, and that
// what did not happen did not happen. The cells are generated.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "sync/company.hpp"
#include "sync/values.hpp"

namespace {

using namespace std::chrono_literals;
using namespace weft::test;
using who_waits = weft::test::kind;
using weft::channel;
using weft::deadline;
using weft::detail::channel_access;
using weft::stackless::task;

enum class operation { send, send_until, receive, receive_until, select_send, select_receive, select_either };
constexpr const char* operation_names[] = {"send",        "send_until",     "receive",      "receive_until",
                                           "select_send", "select_receive", "select_either"};
bool sends(operation o) {
  return o == operation::send || o == operation::send_until || o == operation::select_send ||
         o == operation::select_either;
}
bool is_timed(operation o) { return o != operation::send && o != operation::receive; }

enum class situation {
  ready,
  parks_then_woken,
  woken_then_destroys,
  woken_then_cancelled,
  cancelled_then_tried,
  cancelled_before,
  cancelled_while_parked,
  deadline_past_ready,
  deadline_past,
  deadline_while_parked,
  closed_before,
  closed_while_parked
};
constexpr situation situations[] = {situation::ready,
                                    situation::parks_then_woken,
                                    situation::woken_then_destroys,
                                    situation::woken_then_cancelled,
                                    situation::cancelled_then_tried,
                                    situation::cancelled_before,
                                    situation::cancelled_while_parked,
                                    situation::deadline_past_ready,
                                    situation::deadline_past,
                                    situation::deadline_while_parked,
                                    situation::closed_before,
                                    situation::closed_while_parked};
constexpr const char* situation_names[] = {"ready",
                                           "parks, then woken",
                                           "woken, then destroys it",
                                           "woken, then cancelled",
                                           "cancelled, then tried",
                                           "cancelled before",
                                           "cancelled while parked",
                                           "deadline past, ready",
                                           "deadline past",
                                           "deadline while parked",
                                           "closed before",
                                           "closed while parked"};

enum class result { none, done, late, closed, cancelled };

// What the party has: the value it sends, and what it got.
template <class T> struct doing {
  operation what;
  deadline until;
  channel<T>& on;
  channel<T>& aside;  // nobody ever uses it; for selects over both
  T mine{1};
  int got = 0;
  result came_to = result::none;
};

template <class T> void take(doing<T>& d, std::optional<T> value, result if_none) {
  d.came_to = value ? result::done : if_none;
  if (value) d.got = value->number();
}

// The result of a timed receive that got nothing: closed, or late.
template <class T> result nothing(doing<T>& d) { return d.on.is_closed() ? result::closed : result::late; }

template <class T> void perform(doing<T>& d) {
  using namespace weft;
  try {
    switch (d.what) {
      case operation::send:
        d.on.send(std::move(d.mine));
        d.came_to = result::done;
        break;
      case operation::send_until:
        d.came_to = d.on.send_until(std::move(d.mine), d.until) ? result::done : result::late;
        break;
      case operation::receive:
        take(d, d.on.receive(), result::closed);
        break;
      case operation::receive_until: {
        auto value = d.on.receive_until(d.until);
        take(d, std::move(value), nothing(d));
        break;
      }
      case operation::select_send:
        select(on_send(d.on, d.mine, [&] { d.came_to = result::done; }),
               on_timeout(d.until, [&] { d.came_to = result::late; }));
        break;
      case operation::select_receive:
        select(on_timeout(d.until, [&] { d.came_to = result::late; }), on_receive(d.aside, [](auto) { FAIL("aside"); }),
               on_receive(d.on, [&](std::optional<T> v) { take(d, std::move(v), result::closed); }),
               on_receive(d.on, [&](std::optional<T> v) { take(d, std::move(v), result::closed); }));
        break;
      case operation::select_either:  // sends on the one and receives from the other; and twice on the one
        select(on_receive(d.aside, [](auto) { FAIL("aside"); }),
               on_send(d.on, d.mine, [&] { d.came_to = result::done; }),
               on_send(d.on, d.mine, [&] { d.came_to = result::done; }),
               on_timeout(d.until, [&] { d.came_to = result::late; }));
        break;
    }
  } catch (const weft::channel_closed&) {
    d.came_to = result::closed;
  } catch (const weft::cancelled&) {
    d.came_to = result::cancelled;
  }
}

template <class T> task<> perform_as_task(doing<T>& d) {
  using namespace weft;
  try {
    switch (d.what) {
      case operation::send:
        co_await d.on.async_send(std::move(d.mine));
        d.came_to = result::done;
        break;
      case operation::send_until:
        d.came_to = co_await d.on.async_send_until(std::move(d.mine), d.until) ? result::done : result::late;
        break;
      case operation::receive:
        take(d, co_await d.on.async_receive(), result::closed);
        break;
      case operation::receive_until: {
        auto value = co_await d.on.async_receive_until(d.until);
        take(d, std::move(value), nothing(d));
        break;
      }
      case operation::select_send:
        co_await async_select(on_send(d.on, d.mine, [&] { d.came_to = result::done; }),
                              on_timeout(d.until, [&] { d.came_to = result::late; }));
        break;
      case operation::select_receive:
        co_await async_select(on_timeout(d.until, [&] { d.came_to = result::late; }),
                              on_receive(d.aside, [](auto) { FAIL("aside"); }),
                              on_receive(d.on, [&](std::optional<T> v) { take(d, std::move(v), result::closed); }),
                              on_receive(d.on, [&](std::optional<T> v) { take(d, std::move(v), result::closed); }));
        break;
      case operation::select_either:
        co_await async_select(on_receive(d.aside, [](auto) { FAIL("aside"); }),
                              on_send(d.on, d.mine, [&] { d.came_to = result::done; }),
                              on_send(d.on, d.mine, [&] { d.came_to = result::done; }),
                              on_timeout(d.until, [&] { d.came_to = result::late; }));
        break;
    }
  } catch (const weft::channel_closed&) {
    d.came_to = result::closed;
  } catch (const weft::cancelled&) {
    d.came_to = result::cancelled;
  }
}

result expected(situation s) {
  switch (s) {
    case situation::ready:
    case situation::parks_then_woken:
    case situation::woken_then_destroys:
    case situation::woken_then_cancelled:
    case situation::deadline_past_ready:
      return result::done;
    case situation::cancelled_before:
    case situation::cancelled_while_parked:
    case situation::cancelled_then_tried:
      return result::cancelled;
    case situation::deadline_past:
    case situation::deadline_while_parked:
      return result::late;
    default:
      return result::closed;
  }
}

bool applies(situation s, operation o, who_waits who) {
  const result e = expected(s);
  if ((e == result::cancelled || s == situation::woken_then_cancelled) && who == who_waits::thread) return false;
  const bool has_deadline =
      s == situation::deadline_past || s == situation::deadline_while_parked || s == situation::deadline_past_ready;
  return !has_deadline || is_timed(o);
}

template <class T> void wait_for_waiter(channel<T>& c) {
  while (!channel_access::core(c).is_waited_for()) weft::this_fiber::yield();
}

template <class T> void cell(operation o, situation s, who_waits who, std::size_t capacity) {
  CAPTURE(std::string(operation_names[int(o)]));
  CAPTURE(std::string(situation_names[int(s)]));
  CAPTURE(std::string(name_of(who)));
  CAPTURE(capacity);
  std::optional<channel<T>> kept(std::in_place, capacity);
  channel<T>& c = *kept;
  channel<T> aside;
  const bool ready = s == situation::ready || s == situation::cancelled_before || s == situation::deadline_past_ready;
  // What the other side has to do before, so that the operation is ready or is not.
  weft::fiber<> partner;
  bool partner_done = false;
  if (capacity > 0 && sends(o) != ready) c.send(T(5));
  if (capacity == 0 && ready) {
    partner = weft::spawn({.worker = 0}, [&] {
      if (sends(o))
        CHECK(c.receive()->number() == 1);
      else
        c.send(T(5));
      partner_done = true;
    });
    wait_for_waiter(c);
  }
  if (s == situation::closed_before) {
    if (!sends(o)) (void)c.try_receive();
    c.close();
  }
  deadline until;
  if (s == situation::deadline_past || s == situation::deadline_past_ready) until = -1s;
  if (s == situation::deadline_while_parked) until = 2ms;
  doing<T> d{o, until, c, aside};
  {
    std::atomic<bool> known{false}, begun{false};
    const auto end = [&] {
      if (s == situation::woken_then_destroys) kept.reset();
    };
    company act;
    const auto begin = [&] {
      if (s == situation::cancelled_before) act.cancel();
      begun = true;
    };
    act.start(
        who,
        [&] {
          while (!known) weft::this_fiber::yield();
          begin();
          perform(d);
          end();
        },
        [&]() -> task<> {
          while (!known) co_await weft::stackless::yield();
          begin();
          co_await perform_as_task(d);
          end();
        });
    known = true;
    while (!begun) weft::this_fiber::yield();
    switch (s) {
      case situation::parks_then_woken:
      case situation::woken_then_destroys:
      case situation::woken_then_cancelled:
        wait_for_waiter(c);
        if (sends(o))
          CHECK(c.try_receive()->number() == (capacity > 0 ? 5 : 1));
        else
          CHECK(c.try_send(T(5)));
        if (s == situation::woken_then_cancelled) act.cancel();
        break;
      case situation::cancelled_while_parked:
      case situation::cancelled_then_tried:
        wait_for_waiter(c);
        act.cancel();
        if (s == situation::cancelled_then_tried && capacity == 0)
          CHECK((sends(o) ? !c.try_receive() : !c.try_send(T(5))));
        break;
      case situation::closed_while_parked:
        wait_for_waiter(c);
        c.close();
        break;
      default:
        break;
    }
  }
  CHECK(d.came_to == expected(s));
  const bool happened = d.came_to == result::done;
  CHECK(d.mine.number() == (sends(o) && happened ? 0 : 1));
  CHECK(d.got == (!sends(o) && happened ? 5 : 0));
  CHECK(!channel_access::core(aside).is_waited_for());
  if (!kept) return;
  if (partner.joinable()) {
    if (!happened) {  // it still waits, and is served by whoever comes now
      CHECK(!partner_done);
      CHECK(channel_access::core(c).is_waited_for());
      if (sends(o))
        c.send(T(1));
      else
        CHECK(c.receive()->number() == 5);
    }
    partner.join();
  }
  CHECK(!channel_access::core(c).is_waited_for());
  // What the channel holds: nothing was consumed or added by what did not happen.
  const bool was_full = capacity > 0 && sends(o) != ready && !(s == situation::closed_before && !sends(o));
  const bool made_room = s == situation::parks_then_woken || s == situation::woken_then_cancelled;
  std::size_t held = was_full ? 1 : 0;
  if (capacity > 0 && happened && !made_room) held += sends(o) ? 1 : std::size_t(-1);
  CHECK(c.size() == held);
  if (auto left = c.try_receive()) CHECK(left->number() == (sends(o) && happened ? 1 : 5));
}

template <class T> void all_cells() {
  int cells = 0;
  for (int o = 0; o <= int(operation::select_either); ++o) {
    for (const situation s : situations) {
      for (const who_waits who : kinds) {
        for (const std::size_t capacity : {0, 1}) {
          if (!applies(s, operation(o), who)) continue;
          cell<T>(operation(o), s, who, capacity);
          ++cells;
        }
      }
    }
  }
  CHECK(cells > 600);
}

template <class T> void run_all() {
  weft::run([] { weft::spawn({.worker = 0}, [] { all_cells<T>(); }).join(); });
  CHECK(token::live == 0);
}

}  // namespace

TEST_CASE("every operation in every situation by everybody comes to what it should, and to nothing else") {
  run_all<token>();
}

TEST_CASE("the same with values in boxes") { run_all<clumsy_token>(); }
