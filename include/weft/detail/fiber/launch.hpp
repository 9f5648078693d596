// SPDX-License-Identifier: BSL-1.0
// What the spawning templates call: a control block with room for the payload, then the start.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/detail/fiber/fiber_core.hpp>
#include <weft/fiber/spawn_options.hpp>

namespace weft {
class runtime;
}

namespace weft::detail {

// Who a new fiber belongs to.
struct parentage {
  runtime* of = nullptr;        // null: the caller's runtime
  scope_core* scope = nullptr;  // null: the root
  bool daemon = false;
  bool detached = false;  // no handle
  bool inherits_deadline = true;
};

// Any thread if `of` is given, else fiber or task. Throws std::system_error; nothing is left behind then.
[[nodiscard]] fiber_core& new_fiber(const parentage& whose, const spawn_options* with, std::size_t payload_size,
                                    std::size_t payload_alignment, std::source_location where);
// Of the fiber that owns the scope.
[[nodiscard]] runtime* runtime_of(scope_core& scope) noexcept;
// The same for the usual spawn: a child of the root with a handle and an ordinary payload, inheriting the deadline.
[[nodiscard]] fiber_core& new_usual_fiber(std::source_location where);
// The payload's construction threw: the block goes back.
void give_up(fiber_core& core) noexcept;
// From here on the fiber runs; a detached one may be gone when this returns. Throws invalid_argument if its scope is not
// open any more: then the block has gone back.
void start(fiber_core& core);
// Of a usual one.
void start_usual(fiber_core& core) noexcept;

// A body is called once, as std::thread calls it: as an rvalue; where that cannot be, as an lvalue.
template <class F> using body_call = std::conditional_t<std::is_invocable_v<F>, F, F&>;
template <class F> using result_of_body = std::invoke_result_t<body_call<std::decay_t<F>>>;

// A result until it is asked for.
template <class R>
using fiber_result =
    std::conditional_t<std::is_void_v<R>, char,
                       std::conditional_t<std::is_reference_v<R>, std::remove_reference_t<R>*, std::remove_const_t<R>>>;

// What a handle's join returns. The result is all that is left of the payload.
template <class R> R take_result(fiber_core& core) {
  auto& kept = *std::launder(static_cast<fiber_result<R>*>(core.payload));
  if constexpr (std::is_reference_v<R>)
    return static_cast<R>(*kept);
  else
    return std::move(kept);
}

// A body and, later, its result. They share the room, since the body is gone before the result is kept.
template <class F, class R> class fiber_payload {
  using kept = fiber_result<R>;

 public:
  template <class G> explicit fiber_payload(G&& body) : body_(std::forward<G>(body)) {}
  ~fiber_payload() {}

  static void perform(fiber_core& core, fiber_core::act what) {
    auto& self = *static_cast<fiber_payload*>(core.payload);
    switch (what) {
      case fiber_core::act::run:
        self.run();
        break;
      case fiber_core::act::drop_body:
        self.body_.~F();
        break;
      case fiber_core::act::drop_result:
        self.result_.~kept();
        break;
    }
  }
  static constexpr bool has_result_to_drop = !std::is_reference_v<R> && !std::is_trivially_destructible_v<kept>;

 private:
  struct end_of_body {
    F& body;
    ~end_of_body() { body.~F(); }
  };

  R call() {
    const end_of_body guard{body_};
    return static_cast<body_call<F>&&>(body_)();
  }
  void run() {
    if constexpr (std::is_void_v<R>) {
      call();
    } else if constexpr (std::is_reference_v<R>) {
      kept found = std::addressof(call());
      ::new (static_cast<void*>(std::addressof(result_))) kept(found);
    } else {
      kept value = call();
      ::new (static_cast<void*>(std::addressof(result_))) kept(std::move(value));
    }
  }

  union {
    F body_;
    kept result_;
  };
};

template <class F> using payload_of = fiber_payload<std::decay_t<F>, result_of_body<F>>;

// The body moves in.
template <class F> void fill(fiber_core& core, F&& body) {
  using payload = payload_of<F>;
  if constexpr (std::is_nothrow_constructible_v<std::decay_t<F>, F>) {
    ::new (core.payload) payload(std::forward<F>(body));
  } else {
    try {
      ::new (core.payload) payload(std::forward<F>(body));
    } catch (...) {
      give_up(core);
      throw;
    }
  }
  core.perform = &payload::perform;
  if constexpr (payload::has_result_to_drop) core.is_plain = false;
}

// A fiber that will run `body`, still to be started.
template <class F>
fiber_core& launch(const parentage& whose, const spawn_options* with, F&& body, std::source_location where) {
  using payload = payload_of<F>;
  fiber_core& core = new_fiber(whose, with, sizeof(payload), alignof(payload), where);
  fill(core, std::forward<F>(body));
  return core;
}

}  // namespace weft::detail
