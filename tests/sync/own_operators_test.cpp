// SPDX-License-Identifier: BSL-1.0
// Values whose type has an operator& of its own: nobody asks it for an address, as nobody in std does.
#include <doctest/doctest.h>

#include <chrono>
#include <utility>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

using namespace std::chrono_literals;

// `throws`: a channel keeps it in a box.
template <bool throws> struct addressless {
  addressless() = default;
  addressless(const addressless&) = default;
  addressless(addressless&& other) noexcept(!throws) : value(other.value) {}
  addressless& operator=(const addressless&) = default;
  void operator&() const = delete;

  int value = 5;
};

template <class Value> void pass_everywhere() {
  weft::run([] {
    Value one;
    const Value other;
    weft::channel<Value> way(6);
    way.send(one);
    way.send(Value());
    CHECK(way.try_send(other));
    CHECK(way.send_until(one, 1s));
    CHECK(weft::select(weft::on_send(way, one, [] {}), weft::on_timeout(weft::never, [] {})) == 0);
    CHECK(weft::select(weft::on_send(way, other, [] {}), weft::otherwise([] {})) == 0);
    way.close();
    int sum = 0;
    for (auto at = way.begin(); at != way.end(); ++at) sum += at->value;
    CHECK(sum == 30);

    const auto same = [&one]() -> Value& { return one; };
    weft::spawn(same).join().value = 6;
    weft::with_scope([&](weft::scope&) -> Value& { return one; }).value += 1;
    weft::with_timeout(1h, same).value += 1;
    weft::blocking(same).value += 1;
    CHECK(one.value == 9);
    CHECK(weft::spawn([] { return Value(); }).join().value == 5);

    weft::await([](Value& mine) -> weft::stackless::task<> {
      weft::channel<Value> back(2);
      co_await back.async_send(mine);
      co_await back.async_send(Value());
      const auto received = co_await back.async_receive();
      CHECK(received->value == 9);
      const auto makes = []() -> weft::stackless::task<Value> { co_return Value(); };
      const Value made = co_await makes();
      CHECK(made.value == 5);
    }(one));
  });
}

}  // namespace

TEST_CASE("a value's own operator& is never asked") {
  pass_everywhere<addressless<false>>();
  pass_everywhere<addressless<true>>();
}
