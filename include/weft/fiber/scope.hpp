// SPDX-License-Identifier: BSL-1.0
// with_scope(): a block that is not left before all fibers that were spawned into it have ended.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <weft/detail/fiber/launch.hpp>
#include <weft/fiber/fiber_ref.hpp>
#include <weft/fiber/spawn_options.hpp>

namespace weft {

// Who joins the fibers of a with_scope. Valid as long as that runs, on all of its fibers.
class scope {
 public:
  explicit scope(detail::scope_core& core) noexcept : core_(&core) {}
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;

  // Starts a child. The first error of a child cancels all others and the body. Any fiber or task of the runtime; never
  // parks. invalid_argument once the scope has been left; else throws like weft::spawn().
  template <class F> fiber_ref spawn(F&& body, std::source_location where = std::source_location::current()) {
    return add(nullptr, false, std::forward<F>(body), where);
  }
  template <class F>
  fiber_ref spawn(const spawn_options& with, F&& body, std::source_location where = std::source_location::current()) {
    return add(&with, false, std::forward<F>(body), where);
  }
  // A child that nobody waits for: it is cancelled when the others have ended.
  template <class F> fiber_ref spawn_daemon(F&& body, std::source_location where = std::source_location::current()) {
    return add(nullptr, true, std::forward<F>(body), where);
  }
  template <class F>
  fiber_ref spawn_daemon(const spawn_options& with, F&& body,
                         std::source_location where = std::source_location::current()) {
    return add(&with, true, std::forward<F>(body), where);
  }

  // Cancels the children and the body. Any thread, as long as the scope is not left; does not wait.
  void cancel() noexcept;
  // Whether that was done, here or around it.
  [[nodiscard]] bool cancelled() const noexcept;

 private:
  template <class F> fiber_ref add(const spawn_options* with, bool daemon, F&& body, std::source_location where) {
    const detail::parentage whose{.of = detail::runtime_of(*core_), .scope = core_, .daemon = daemon, .detached = true};
    detail::fiber_core& child = detail::launch(whose, with, std::forward<F>(body), where);
    const fiber_ref reference(&child, fiber_id(child.id.load(std::memory_order_relaxed)));
    detail::start(child);
    return reference;
  }

  detail::scope_core* core_;
};

namespace detail {

class scope_frame {
 public:
  scope_frame();  // fiber only: operation_not_permitted elsewhere
  scope_frame(const scope_frame&) = delete;
  scope_frame& operator=(const scope_frame&) = delete;
  ~scope_frame();

  [[nodiscard]] scope_core& core() noexcept;
  void body_failed(std::exception_ptr error) noexcept;
  // Waits for the children; throws what they or the body threw. True: there is a result.
  [[nodiscard]] bool close();
  [[noreturn]] static void throw_no_result();

 private:
  std::exception_ptr body_error_;
  alignas(16) std::byte room_[256];  // a scope_core
};

}  // namespace detail

// Runs `body(scope&)`, then waits for the scope's children (also while cancelled: then they are, too). The body's own
// variables are gone by then: what children refer to stands outside, or is theirs. One error comes
// out unchanged, whether of a child or of the body; two or more as an exception_group; `cancelled` only without an error,
// and also when the body has returned but a child was cut short by a deadline or a cancellation from outside.
// A body that scope::cancel() cut short: with_scope returns, or throws operation_canceled if it has something to return.
// Fiber only (else operation_not_permitted). Parks.
template <class F> auto with_scope(F&& body) -> std::invoke_result_t<F, scope&> {
  using result = std::invoke_result_t<F, scope&>;
  detail::scope_frame frame;
  scope face(frame.core());
  if constexpr (std::is_void_v<result>) {
    try {
      std::forward<F>(body)(face);
    } catch (...) {
      frame.body_failed(std::current_exception());
    }
    (void)frame.close();
  } else if constexpr (std::is_reference_v<result>) {
    std::remove_reference_t<result>* value = nullptr;
    try {
      value = std::addressof(std::forward<F>(body)(face));
    } catch (...) {
      frame.body_failed(std::current_exception());
    }
    if (!frame.close()) frame.throw_no_result();
    return static_cast<result>(*value);
  } else {
    std::optional<std::remove_const_t<result>> value;
    try {
      value.emplace(std::forward<F>(body)(face));
    } catch (...) {
      frame.body_failed(std::current_exception());
    }
    if (!frame.close()) frame.throw_no_result();
    return std::move(*value);
  }
}

}  // namespace weft
