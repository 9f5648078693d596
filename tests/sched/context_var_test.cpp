// SPDX-License-Identifier: BSL-1.0
// Context variables: a value for each fiber, task and thread, handed down as it was at the moment of the start.
#include <weft/sched/context_var.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

#include "support/refusal.hpp"
#include "support/scale.hpp"
#include "support/simulated.hpp"

using weft::context_var;
using weft::test::refuses;
using weft::test::scaled;
using weft::test::simulate;
using weft::test::workers;

namespace {

// Counts those that live.
struct counted {
  explicit counted(std::atomic<int>& where) : live(&where) { ++*live; }
  counted(counted&& other) noexcept : live(other.live) { ++*live; }
  counted(const counted&) = delete;
  ~counted() { --*live; }
  std::atomic<int>* live;
};

bool refuses_reset(context_var<int>& v, const context_var<int>::token& t, std::errc code, const char* says) {
  return refuses(code, says, [&] { return v.reset(t), 0; });
}

}  // namespace

TEST_CASE("a variable has its initial value until it is set, on a plain thread, too") {
  context_var<int> number, seven(7);
  context_var<std::string> text("none");
  CHECK(number.get() == 0);
  CHECK(seven.get() == 7);
  CHECK(!seven.is_set());
  const auto token = seven.set(8);
  CHECK(seven.get() == 8);
  CHECK(seven.is_set());
  std::thread([&] { CHECK(seven.get() == 7); }).join();
  seven.reset(token);
  CHECK(seven.get() == 7);
  CHECK(!seven.is_set());
  CHECK(text.get() == "none");
}

TEST_CASE("tokens bring back what was there before their set(), whatever was set since") {
  context_var<int> v(1);
  const auto first = v.set(2), second = v.set(3);
  v.reset(first);
  CHECK(v.get() == 1);
  v.reset(second);
  CHECK(v.get() == 2);
  const auto third = v.set(4);
  CHECK(v.get() == 4);
  v.reset(third);
  CHECK(v.get() == 2);
  const auto again = v.set(5);
  const auto copy = again;
  v.reset(copy);
  CHECK(refuses_reset(v, again, std::errc::invalid_argument, "the token was used before"));
  CHECK(v.get() == 2);
  std::thread([&] { CHECK(v.get() == 1); }).join();
}

TEST_CASE("a token is refused twice, elsewhere, by another variable, and when it is of no set()") {
  context_var<int> v(1), other(1);
  const auto token = v.set(2);
  CHECK(refuses_reset(other, token, std::errc::invalid_argument, "the token belongs to another variable"));
  CHECK(refuses_reset(v, {}, std::errc::invalid_argument, "the token is of no set()"));
  std::thread([&] {
    CHECK(refuses_reset(v, token, std::errc::operation_not_permitted, "made elsewhere"));
    const auto own = v.set(9);
    CHECK(refuses_reset(v, token, std::errc::operation_not_permitted, "made elsewhere"));
    v.reset(own);
  }).join();
  simulate([&] {
    CHECK(refuses_reset(v, token, std::errc::operation_not_permitted, "made elsewhere"));
    const auto mine = v.set(3);
    weft::spawn([&] {
      CHECK(v.get() == 3);
      CHECK(refuses_reset(v, mine, std::errc::operation_not_permitted, "made elsewhere"));
    }).join();
    v.reset(mine);
    CHECK(refuses_reset(v, mine, std::errc::invalid_argument, "the token was used before"));
  });
  CHECK(v.get() == 2);
  v.reset(token);
  CHECK(refuses_reset(v, token, std::errc::invalid_argument, "the token was used before"));
  CHECK(v.get() == 1);
}

TEST_CASE("a fiber begins with its creator's values and keeps them, whatever either sets later") {
  simulate([] {
    context_var<int> v, w(-1);
    v.set(1);
    const auto child = [&](int expected) {
      return [&v, &w, expected] {
        CHECK(v.get() == expected);
        CHECK(w.get() == -1);
        weft::this_fiber::yield();
        CHECK(v.get() == expected);
        v.set(expected * 10);
        w.set(0);
        weft::spawn([&] { CHECK(v.get() == expected * 10); }).join();
        weft::this_fiber::yield();
        CHECK(v.get() == expected * 10);
      };
    };
    auto a = weft::spawn(child(1));
    v.set(2);
    auto b = weft::spawn({.name = "b"}, child(2));
    v.set(3);
    weft::go(child(3));
    weft::with_scope([&](weft::scope& s) {
      s.spawn(child(3));
      v.set(4);
      s.spawn_daemon([&] { CHECK(v.get() == 4); });
      s.spawn([&, c = child(4)] {
        CHECK(v.get() == 4);
        s.spawn(c);
        v.set(5);
        s.spawn(child(5));  // from its creator, not from the scope's owner
      });
    });
    a.join();
    b.join();
    CHECK(v.get() == 4);
    CHECK(w.get() == -1);
    weft::this_fiber::sleep_for(std::chrono::milliseconds(1));
  });
}

TEST_CASE("a fiber that inherits nothing begins with nothing, in the same memory as one that did") {
  simulate([] {
    context_var<int> v;
    for (int i = 0; i < 100; ++i) {
      weft::spawn([&] {
        CHECK(v.get() == 0);
        v.set(1);
      }).join();
    }
    auto token = v.set(2);
    weft::spawn([&] { CHECK(v.get() == 2); }).join();
    v.reset(token);
    weft::spawn([&] { CHECK(!v.is_set()); }).join();
  });
}

TEST_CASE("a runtime's first fibers inherit from the plain thread that started them") {
  context_var<int> v;
  const context_var<int>::scoped here(v, 5);
  CHECK(weft::run([&] { return v.get(); }) == 5);
  weft::runtime of({.workers = workers()});
  of.spawn([&] { CHECK(v.get() == 5); }).join();
  CHECK(weft::stackless::run(
            [](context_var<int>& variable) -> weft::stackless::task<int> { co_return variable.get(); }(v)) == 5);
}

TEST_CASE("scoped: a value until the end of a block, by exception, too") {
  context_var<int> v(1);
  {
    const context_var<int>::scoped outer(v, 2);
    CHECK(v.get() == 2);
    try {
      const context_var<int>::scoped inner(v, 3);
      CHECK(v.get() == 3);
      throw std::runtime_error("out");
    } catch (const std::runtime_error&) {
    }
    CHECK(v.get() == 2);
  }
  CHECK(v.get() == 1);
  std::thread([&] {
    auto elsewhere = std::make_unique<context_var<int>::scoped>(v, 4);
    std::thread([&] {
      v.set(6);
      elsewhere.reset();
      CHECK(v.get() == 6);
    }).join();
    CHECK(v.get() == 4);
  }).join();
}

TEST_CASE("values end with the last who has them") {
  std::atomic<int> live = 0;
  context_var<std::shared_ptr<counted>> v;
  const auto fresh = [&] { return std::make_shared<counted>(live); };
  simulate([&] {
    v.set(fresh());
    v.set(fresh());
    CHECK(live == 1);
    auto child = weft::spawn([&] {
      weft::this_fiber::yield();
      CHECK(v.get()->live == &live);
    });
    v.set(fresh());
    CHECK(live == 2);
    child.join();
    CHECK(live == 1);
    auto never_started = weft::spawn([] {});
    never_started.cancel();
    v.set(nullptr);
    CHECK(live <= 1);
    CHECK(refuses(std::errc::operation_canceled, "", [&] { return never_started.join(), 0; }));
    CHECK(live == 0);
    {
      const auto token = v.set(fresh());
      v.reset(token);
      CHECK(live == 1);  // the token has it
    }
    CHECK(live == 0);
    v.set(fresh());
    const auto thrower = [&]() -> weft::fiber<> {
      struct throws_when_copied {
        throws_when_copied() = default;
        throws_when_copied(const throws_when_copied&) { throw std::runtime_error("no"); }
        void operator()() const {}
      };
      const throws_when_copied body;
      return weft::spawn(body);
    };
    CHECK_THROWS_AS((void)thrower(), std::runtime_error);
  });
  CHECK(live == 0);
  std::thread([&] { v.set(fresh()); }).join();
  CHECK(live == 0);
}

TEST_CASE("a value that sets a variable when it ends, as the last thing of its fiber") {
  static std::atomic<int> ended;
  static context_var<int> inner;
  struct setter {
    setter() = default;
    setter(setter&& other) noexcept : armed(std::exchange(other.armed, false)) {}
    ~setter() {
      if (!armed) return;
      inner.set(++ended);
    }
    bool armed = true;
  };
  ended = 0;
  context_var<std::shared_ptr<setter>> outer;
  simulate(
      [&] {
        weft::spawn([&] { outer.set(std::make_shared<setter>()); }).join();
        CHECK(!inner.is_set());
      },
      1);
  CHECK(ended == 1);
}

TEST_CASE("a value that waits when it ends, as the last thing of a cancelled fiber") {
  struct waits {
    explicit waits(bool& to) : has_waited(&to) {}
    waits(const waits&) = delete;
    waits& operator=(const waits&) = delete;
    ~waits() {
      weft::this_fiber::yield();
      weft::this_fiber::sleep_for(std::chrono::microseconds(1));
      *has_waited = true;
    }
    bool* has_waited;
  };
  weft::context_var<std::shared_ptr<waits>> variable;
  bool has_waited = false;
  weft::run([&] {
    std::atomic<bool> is_set{false};
    auto f = weft::spawn([&] {
      variable.set(std::make_shared<waits>(has_waited));
      is_set = true;
      weft::this_fiber::sleep_until(weft::never);
    });
    while (!is_set) weft::this_fiber::yield();
    f.cancel();
    CHECK_THROWS_AS(f.join(), std::system_error);
  });
  CHECK(has_waited);
}

TEST_CASE("many variables: each keeps its own value while others are set and reset in any order") {
  constexpr std::size_t count = 40;
  std::vector<std::unique_ptr<context_var<std::size_t>>> variables;
  for (std::size_t i = 0; i < count; ++i) variables.push_back(std::make_unique<context_var<std::size_t>>(1000 + i));
  simulate(
      [&] {
        std::vector<context_var<std::size_t>::token> tokens(count);
        for (std::size_t k = 0; k < count; ++k) {
          const std::size_t i = k * 17 % count;
          tokens[i] = variables[i]->set(i);
        }
        weft::spawn([&] {
          for (std::size_t i = 0; i < count; ++i) CHECK(variables[i]->get() == i);
          for (std::size_t i = 0; i < count; i += 2) variables[i]->set(i + 1);
          for (std::size_t i = 0; i < count; ++i) CHECK(variables[i]->get() == (i % 2 ? i : i + 1));
        }).join();
        for (std::size_t k = 0; k < count; ++k) {
          const std::size_t i = k * 7 % count;
          variables[i]->reset(tokens[i]);
          CHECK(variables[i]->get() == 1000 + i);
        }
        for (auto& v : variables) CHECK(!v->is_set());
      },
      1);
}

TEST_CASE("stress: values that are shared among workers, set by all") {
  std::atomic<int> live = 0;
  {
    context_var<std::shared_ptr<counted>> v, w;
    weft::run(
        [&] {
          v.set(std::make_shared<counted>(live));
          weft::with_scope([&](weft::scope& s) {
            for (std::size_t i = 0; i < scaled(2000); ++i) {
              s.spawn([&, i] {
                CHECK(v.get()->live == &live);
                const auto before = v.get().get();
                const auto token = v.set(std::make_shared<counted>(live));
                if (i % 3 == 0) w.set(v.get());
                s.spawn([&, mine = v.get().get()] {
                  CHECK(v.get().get() == mine);
                  weft::this_fiber::yield();
                  if (i % 2) w.set(std::make_shared<counted>(live));
                });
                weft::this_fiber::yield();
                v.reset(token);
                CHECK(v.get().get() == before);
              });
              if (i % 100 == 0) v.set(std::make_shared<counted>(live));
            }
          });
        },
        {.workers = workers(), .movable = true});
  }
  CHECK(live == 0);
}
