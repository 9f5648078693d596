// SPDX-License-Identifier: BSL-1.0
// The two ways across: a quick one for pulls and yields on both sides of which nobody handles an exception, which touches
// little more than the two contexts; and the slow one for all else.
#include <weft/fiber/generator.hpp>

#include <unistd.h>

#include <cstdlib>
#include <new>
#include <string_view>
#include <utility>
#include <weft/base/error.hpp>

#include "context/process_stacks.hpp"
#include "context/raw_line.hpp"
#include "fiber/fibers.hpp"
#include "fiber/generator_frame.hpp"
#include "sched/environment.hpp"

namespace weft::detail {
namespace {

using state = stackful_generator::state;
using duty = stackful_generator::duty;

constexpr std::uint32_t most_swallowed = 1000;

[[nodiscard]] state plain(state s) noexcept { return state(unsigned(s) & ~unsigned(state::special)); }
[[nodiscard]] state special_if(bool it_is, state s) noexcept {
  return it_is ? state(unsigned(s) | unsigned(state::special)) : s;
}

[[gnu::cold]] void say_of(const stackful_generator& core, std::string_view what) noexcept {
  raw_line line;
  line.text("weft: the generator created at ").text(core.where.file_name()).text(":").number(core.where.line());
  line.text(" ").text(what).write_to(STDERR_FILENO);
}

[[noreturn, gnu::cold]] void refuse_running() {
  throw_error(
      std::errc::resource_deadlock_would_occur,
      "weft: a generator is pulled while its body runs: from inside itself, or the fiber that pulls it is parked");
}

// WEFT_STACK_SIZE counts here as for fibers.
unsigned usual_class() {
  static const unsigned size_class = stack_class_of(read_environment({}).settings.stack_size);
  return size_class;
}

stack* take_stack(unsigned size_class) {
  fiber_desk* const desk = desk_here();
  if (!desk) return take_shared_stack(size_class);
  if (!desk->generator_stacks) desk->generator_stacks.emplace(process_stacks());
  return desk->generator_stacks->take(size_class);
}

void give_stack(stack* s) noexcept {
  fiber_desk* const desk = desk_here();
  if (desk && desk->generator_stacks)
    desk->generator_stacks->give(s);
  else
    give_shared_stack(s);
}

exception_state& thread_exceptions() noexcept {
  thread_state& thread = this_thread;
  if (!thread.exceptions) thread.exceptions = &exception_state::of_this_thread();
  return *thread.exceptions;
}

[[nodiscard]] state running_state(const stackful_generator& core) noexcept {
  return special_if(!core.frame->pullers_exceptions.is_zero() || core.what == duty::exit || core.open_scopes != 0,
                    state::running);
}

// The thread's exception state becomes the body's. On the puller's stack.
void begin_pull(stackful_generator& core) noexcept {
  generator_frame& f = *core.frame;
  exchange(thread_exceptions(), f.pullers_exceptions, f.exceptions);
  if (f.pullers_exceptions.uncaught) {
    if (control_block* const fiber = running_fiber()) fiber->in_flight_beneath += int(f.pullers_exceptions.uncaught);
  }
  core.now = running_state(core);
}

// And the puller's again. On the body's stack; the same fiber as `begin_pull`, but maybe another thread.
void end_pull(stackful_generator& core, state next) noexcept {
  generator_frame& f = *core.frame;
  if (f.pullers_exceptions.uncaught) {
    if (control_block* const fiber = running_fiber()) fiber->in_flight_beneath -= int(f.pullers_exceptions.uncaught);
  }
  exchange(thread_exceptions(), f.exceptions, f.pullers_exceptions);
  core.now = special_if(!f.exceptions.is_zero(), next);
}

// Not inlined: it runs on another thread than its caller began on, if its fiber has moved.
[[gnu::noinline]] void end_body(stackful_generator& core) noexcept {
  core.item = nullptr;
  end_pull(core, state::ended);
}

// The first frame on a generator's stack.
[[noreturn]] void generator_main(void* argument) noexcept {
  generator_frame& f = *static_cast<generator_frame*>(argument);
  stackful_generator& core = *f.core;
  try {
    core.run(core);
  } catch (const generator_exit&) {
    if (core.what != duty::exit) core.error = std::current_exception();
  } catch (...) {
    core.error = std::current_exception();
  }
  end_body(core);
  switch_from_finished(f.self, f.puller);
}

// A stack for a fresh one, with its frame.
void settle(stackful_generator& core) {
  stack* const ground = take_stack(core.size_class == stackful_generator::usual ? usual_class() : core.size_class);
  core.frame = ::new (static_cast<void*>(generator_frame::of(*ground))) generator_frame;
  auto* const top = reinterpret_cast<std::byte*>(core.frame);
  core.frame->room = std::uintptr_t(top - ground->low);
  core.frame->core = &core;
  core.frame->ground = ground;
  core.frame->self.prepare(ground->low, top, &generator_main, core.frame);
}

[[gnu::noinline]] crossing enter_slowly(stackful_generator& core) {
  if (plain(core.now) == state::running) refuse_running();
  if (plain(core.now) == state::ended) return {nullptr, nullptr};
  if (core.now == state::fresh) settle(core);
  begin_pull(core);
  return cross_over(core.frame->puller, core.frame->self);
}

void drop_fresh(stackful_generator& core) noexcept {
  core.now = state::ended;
  core.drop_body(core);
}

// The yield in which the body stands, and every later one, throws. What the body had to say is thrown.
void exit_body(stackful_generator& core) {
  if (core.now == state::ended) return;
  if (core.now == state::fresh) return drop_fresh(core);
  core.what = duty::exit;
  core.now = special_if(true, core.now);
  (void)pull(core);
}

void refuse_yield(stackful_generator& core) {
  if (plain(core.now) != state::running || !core.frame->holds(__builtin_frame_address(0)))
    throw_error(std::errc::operation_not_permitted, "weft: a generator's yield outside of its own body");
  if (core.what == duty::exit) {
    if (++core.swallowed == most_swallowed) {
      say_of(core, "has swallowed its generator_exit 1000 times");
      std::abort();
    }
    throw generator_exit{};
  }
  if (core.open_scopes != 0)
    throw_error(std::errc::operation_not_permitted,
                "weft: a generator yields inside a with_scope(), with_deadline() or shield() of its body");
}

[[gnu::noinline]] crossing leave_slowly(stackful_generator& core, void* item) {
  refuse_yield(core);
  core.item = item;
  end_pull(core, state::suspended);
  return cross_over(core.frame->self, core.frame->puller);
}

}  // namespace

stackful_generator* body_here() noexcept {
  stack* const ground = find_process_stack(__builtin_frame_address(0));
  return ground ? generator_frame::of(*ground)->core : nullptr;
}

void count_scope(stackful_generator& core, int change) noexcept {
  core.open_scopes += std::uint16_t(change);
  core.now = running_state(core);
}

void set_stack_size(stackful_generator& core, std::size_t stack_size) {
  if (stack_size) core.size_class = std::uint8_t(stack_class_of(stack_size));
}

// Not inlined: it reads thread-locals, and its callers may have switched before.
[[gnu::noinline]] crossing enter_body(stackful_generator& core) {
  const exception_state* const live = this_thread.exceptions;
  if (core.now != state::suspended || !live || !live->is_zero()) [[unlikely]]
    return enter_slowly(core);
  core.now = state::running;
  return cross_over(core.frame->puller, core.frame->self);
}

void leave_ended(stackful_generator& core) {
  if (!core.frame) return;  // before
  stack* const ground = core.frame->ground;
  core.frame->core = nullptr;
  core.frame = nullptr;
  give_stack(ground);
  if (core.error) std::rethrow_exception(std::exchange(core.error, nullptr));
}

void* pull_with(stackful_generator& core, void* sent) {
  if (core.now == state::fresh)
    throw_error(std::errc::invalid_argument,
                "weft: generator::send() before the first next(): no yield waits for the value");
  if (plain(core.now) == state::suspended) core.sent = sent;
  return pull(core);
}

void* pull_raising(stackful_generator* core, std::exception_ptr error) {
  if (!error) throw_error(std::errc::invalid_argument, "weft: generator::raise() of a null exception_ptr");
  if (core && plain(core->now) == state::running) refuse_running();
  if (core && core->now == state::fresh) drop_fresh(*core);
  if (!core || core->now == state::ended) std::rethrow_exception(std::move(error));
  core->error = std::move(error);
  core->what = duty::raise;
  return pull(*core);
}

void close(stackful_generator& core) {
  if (plain(core.now) == state::running) refuse_running();
  exit_body(core);
}

void destroy(stackful_generator& core) noexcept {
  if (plain(core.now) == state::running) {
    say_of(core, "is destroyed while its body runs");
    std::abort();
  }
  try {
    exit_body(core);
  } catch (const cancelled&) {
  } catch (...) {
    say_of(core, "was left by an exception while it was destroyed; close() would have thrown it");
    std::terminate();  // inside the handler, so that its handler can tell which
  }
  core.drop_all(core);
}

void heed(stackful_generator& core) {
  if (core.what == duty::exit) throw generator_exit{};
  core.what = duty::go_on;
  std::rethrow_exception(std::exchange(core.error, nullptr));
}

[[gnu::noinline]] crossing leave_body(stackful_generator& core, void* item) {
  generator_frame* const f = core.frame;
  const exception_state* const live = this_thread.exceptions;
  if (core.now != state::running || !f->holds(__builtin_frame_address(0)) || !live->is_zero()) [[unlikely]]
    return leave_slowly(core, item);
  core.item = item;
  core.now = state::suspended;
  return cross_over(f->self, f->puller);
}

void delegate(stackful_generator& core, stackful_generator& inner) {
  void* item = pull(inner);
  while (item) {
    std::exception_ptr raised;
    bool is_out = false;
    try {
      cross(leave_body(core, item));
      is_out = true;
      if (core.what != duty::go_on) heed(core);
    } catch (const generator_exit&) {
      close(inner);
      throw;
    } catch (...) {
      if (!is_out) throw;  // a yield that is refused; nobody has raised that
      raised = std::current_exception();
    }
    if (raised)
      item = pull_raising(&inner, std::move(raised));
    else if (void* const sent = std::exchange(core.sent, nullptr))
      item = pull_with(inner, sent);
    else
      item = pull(inner);
  }
}

void throw_no_result() {
  throw_error(std::errc::invalid_argument, "weft: generator::result() of one whose body has not returned");
}

}  // namespace weft::detail
