// SPDX-License-Identifier: BSL-1.0
// Whatever keeps a value for somebody keeps it where its type may be. (A coroutine's frame is the compiler's, and no wider
// than operator new makes it.)
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <weft/weft.hpp>

namespace {

// Notes in which places it was wrong.
template <std::size_t Alignment> class alignas(Alignment) wide {
 public:
  wide() { look(); }
  wide(const wide&) { look(); }
  wide(wide&&) noexcept { look(); }
  wide& operator=(const wide&) = default;
  ~wide() { look(); }

  static inline const char* place = "";
  static inline std::string wrong;

 private:
  void look() const {
    if (reinterpret_cast<std::uintptr_t>(this) % Alignment != 0) wrong += std::string(place) + "; ";
  }
};

template <class Value> void keep_everywhere() {
  const auto copy = [value = Value()] { return value; };
  Value::place = "the result of run";
  static_cast<void>(weft::run(copy, {.workers = 1}));
  weft::run(
      [&] {
        Value::place = "a fiber's body and result";
        static_cast<void>(weft::spawn(copy).join());
        Value::place = "a body in a scope";
        weft::with_scope([&](weft::scope& all) { all.spawn([copy] { static_cast<void>(copy()); }); });
        for (const std::size_t capacity : {0, 3}) {
          Value::place = capacity == 0 ? "a channel without room" : "a channel's room";
          weft::channel<Value> way(capacity);
          auto sender = weft::spawn([&] {
            for (int n = 0; n < 5; ++n) way.send(Value());
            way.close();
          });
          while (way.receive()) {
          }
          sender.join();
        }
        Value::place = "a promise";
        weft::promise<Value> kept;
        weft::shared_future<Value> asked = kept.get_future().share();
        kept.set_value(Value());
        static_cast<void>(asked.get());
        Value::place = "a value of a fiber";
        weft::fiber_local<Value> own;
        own.set(Value());
        static_cast<void>(own.get());
        Value::place = "a value of a context";
        weft::context_var<Value> of_context{Value()};
        const auto before = of_context.set(Value());
        static_cast<void>(of_context.get());
        of_context.reset(before);
        Value::place = "a generator's body and values";
        weft::generator<Value> source([value = Value()](auto& yield) {
          yield(value);
          yield(Value(value));
        });
        for (auto&& value : source) static_cast<void>(value);
        Value::place = "a call on a thread of the pool";
        static_cast<void>(weft::blocking(copy));
      },
      {.workers = 1});
  CAPTURE(Value::wrong);
  CHECK(Value::wrong.empty());
}

}  // namespace

TEST_CASE("whatever keeps a value keeps its alignment") {
  keep_everywhere<wide<32>>();
  keep_everywhere<wide<64>>();
  keep_everywhere<wide<512>>();
}
