// SPDX-License-Identifier: BSL-1.0
// A variable with a value for each flow: what one sets, all that it calls sees and no other flow does. What set() gives
// takes the value back.
#include <cstdio>
#include <string>
#include <weft/stackless.hpp>
#include <weft/weft.hpp>

namespace {

weft::context_var<std::string> c;

namespace stackless {

using weft::stackless::task;

task<std::string> get() { co_return c.get() + "~~~"; }
task<> set(std::string value) {
  c.set(value);
  co_await weft::stackless::yield();  // the other one sets its own
  const std::string seen = co_await get();
  std::printf("stackless %s\n", seen.c_str());
}
task<> both() { co_await weft::stackless::gather(set("first"), set("second")); }

void show() { weft::stackless::event_loop().run_until_complete(both()); }

}  // namespace stackless

namespace fibers {

std::string get() { return c.get() + "~~~"; }
void set(const std::string& value) {
  c.set(value);
  weft::this_fiber::yield();  // the other one sets its own
  std::printf("fiber %s\n", get().c_str());
}

void show() {
  weft::with_scope([](weft::scope& both) {
    for (const char* value : {"first", "second"}) {
      both.spawn([value] { set(value); });
      weft::this_fiber::yield();  // so that they begin in this order
    }
  });
}

}  // namespace fibers

}  // namespace

int main() {
  c.set("outer");
  stackless::show();
  weft::run([] { fibers::show(); }, {.workers = 1});
  std::printf("%s\n", c.get().c_str());
  const auto token = c.set("inner");
  std::printf("%s\n", c.get().c_str());
  c.reset(token);
  std::printf("%s\n", c.get().c_str());
}
