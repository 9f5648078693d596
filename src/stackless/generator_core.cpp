// SPDX-License-Identifier: BSL-1.0
#include <unistd.h>

#include <cstdlib>
#include <weft/base/error.hpp>
#include <weft/detail/stackless/generator_core.hpp>
#include <weft/stackless/async_generator.hpp>

#include "context/raw_line.hpp"

namespace weft::detail {
namespace {

[[noreturn]] void refuse_send() {
  throw_error(std::errc::invalid_argument,
              "weft::stackless: nothing can be sent to a generator that has not begun; call next() first");
}

}  // namespace

void generator_core::require_idle() const {
  if (delegator)
    throw_error(std::errc::resource_deadlock_would_occur,
                "weft::stackless: the generator is pulled by another one that delegates to it");
  if (now == state::running)
    throw_error(std::errc::resource_deadlock_would_occur, "weft::stackless: the generator is running already");
}

void generator_core::run() {
  now = state::running;
  yielded = nullptr;
  while (!yielded && now == state::running) innermost->frame.resume();
  sent = nullptr;
  if (yielded) {
    now = state::suspended;
    return;
  }
  if (error) std::rethrow_exception(std::exchange(error, nullptr));
}

void generator_core::pull() {
  require_idle();
  if (now != state::ended) run();
}

void generator_core::raise(std::exception_ptr what) {
  require_idle();
  if (what && now == state::created) end();
  if (!what || now == state::ended) raise_in_nothing(std::move(what));
  raised = std::move(what);
  run();
}

void generator_core::require_begun() const {
  require_idle();
  if (now == state::created) refuse_send();
}

void generator_core::close() {
  require_idle();
  if (now == state::created) end();
  if (now == state::ended) return;
  note_closing(true);
  try {
    raise(std::make_exception_ptr(stackless::generator_exit{}));
  } catch (const stackless::generator_exit&) {
  }
  note_closing(false);
  if (now != state::ended) throw_yielded_on_close();
}

// In all that delegate now.
void generator_core::note_closing(bool is_closing) noexcept {
  for (generator_core* each = innermost; each != this;) {
    each = each->delegator;
    each->closing = is_closing;
  }
}

bool generator_core::can_delegate_to(const generator_core& to) const {
  to.require_idle();
  return to.now != state::ended;
}

void generator_core::delegate_to(generator_core& to, bool keeps) noexcept {
  to.delegator = this;
  to.kept = keeps;
  generator_core* const yielding = to.innermost;
  for (generator_core* each = yielding; each != this; each = each->delegator) each->root = root;
  root->innermost = yielding;
  to.now = state::running;
  to.yielded = nullptr;  // it may end without giving anything to its owner any more
}

void generator_core::after_delegation(generator_core& to) {
  const bool closes = std::exchange(closing, false);
  if (to.error) std::rethrow_exception(std::exchange(to.error, nullptr));
  if (closes) throw stackless::generator_exit{};
}

void generator_core::leave_delegation(generator_core& to) noexcept {
  if (to.delegator != this) return;
  to.delegator = nullptr;
  to.now = state::suspended;
  to.innermost = root->innermost;
  for (generator_core* each = to.innermost; each; each = each->delegator) each->root = &to;
}

void generator_core::drop_chain() noexcept {
  generator_core* stays = nullptr;
  for (generator_core* each = innermost; each != this; each = each->delegator) {
    if (!each->kept) stays = each;
  }
  if (stays) {
    generator_core* const above = stays->delegator;
    above->leave_delegation(*stays);
    innermost = above;
  }
  while (innermost != this) {
    generator_core& last = *innermost;
    innermost = last.delegator;
    innermost->lost_kept = true;
    last.frame.destroy();
  }
}

void generator_core::end() noexcept {
  now = state::ended;
  if (delegator) {
    root->innermost = delegator;
    delegator = nullptr;
  }
}

void raise_in_nothing(std::exception_ptr what) {
  if (!what) throw_error(std::errc::invalid_argument, "weft::stackless: a null exception cannot be raised");
  std::rethrow_exception(std::move(what));
}

void throw_no_generator_result() {
  throw_error(std::errc::invalid_argument, "weft::stackless: the generator has no result: it has not returned");
}

void async_generator_core::require_idle() const {
  if (now == state::running)
    throw_error(std::errc::resource_deadlock_would_occur,
                "weft::stackless: the async generator is being pulled already");
}

void async_generator_core::require_begun() const {
  if (now == state::created) refuse_send();
}

void throw_yielded_on_close() {
  throw_error(std::errc::operation_not_permitted, "weft::stackless: the generator yielded although it was closed");
}

void die_of_pull() noexcept {
  raw_line line;
  line.text("weft::stackless: an async generator was destroyed or assigned to while a task pulled it");
  line.write_to(STDERR_FILENO);
  std::abort();
}

}  // namespace weft::detail
