// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/sched/context_place.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <weft/base/error.hpp>

#include "base/at_thread_end.hpp"
#include "sched/this_thread.hpp"

namespace weft::detail {
namespace {

std::uint64_t next_number() noexcept {
  static std::atomic<std::uint64_t> numbers{1};
  return numbers.fetch_add(1, std::memory_order_relaxed);  // only has to be unique
}

// Of a plain thread. Without a destructor, since a thread_local object ends only once: the destructor of a variable of
// the thread that ends later may set variables, too.
struct thread_place : context_place {
  bool will_be_cleared = false;

  void note_change() noexcept {
    if (std::exchange(will_be_cleared, true)) return;
    at_thread_end(&clear_at_end, this);
  }
  static void clear_at_end(void* place) {
    auto& self = *static_cast<thread_place*>(place);
    self.clear();
    self.will_be_cleared = false;
  }
};

// `variable` is bound to `now` from here on, or to nothing if that is null. What it was bound to.
binding_pointer rebind(context_place& mine, std::uint64_t variable, binding_pointer now) {
  context_values* const old = mine.values;
  binding_pointer* const at = old ? old->find(variable) : nullptr;
  if (!at && !now) return {};
  if (at && now && !old->is_shared()) return std::exchange(*at, std::move(now));
  const std::size_t count = (old ? old->count() : 0) + (now ? 1 : 0) - (at ? 1 : 0);
  context_values* const made = count == 0 ? nullptr : context_values::make(count);
  binding_pointer before;
  binding_pointer* to = made ? made->begin() : nullptr;
  if (old) {
    if (at) before = *at;
    for (const binding_pointer& b : *old) {
      if (now && variable <= b.get()->variable) *to++ = std::move(now);
      if (b.get()->variable != variable) *to++ = b;
    }
  }
  if (now) *to = std::move(now);
  mine.values = made;
  if (old) old->let_go();
  return before;
}

}  // namespace

context_values* context_values::make(std::size_t count) {
  static_assert(sizeof(context_values) % alignof(binding_pointer) == 0);
  void* const memory = ::operator new(sizeof(context_values) + count * sizeof(binding_pointer));
  auto* const made = ::new (memory) context_values(count);
  std::uninitialized_value_construct(made->begin(), made->end());
  return made;
}

void context_values::let_go() noexcept {
  // acq_rel: what others read of it is read before it ends.
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  std::destroy(begin(), end());
  ::operator delete(this);
}

binding_pointer* context_values::find(std::uint64_t variable) noexcept {
  binding_pointer* const at =
      std::lower_bound(begin(), end(), variable,
                       [](const binding_pointer& b, std::uint64_t wanted) { return b.get()->variable < wanted; });
  return at != end() && at->get()->variable == variable ? at : nullptr;
}

[[gnu::noinline]] context_place& context_place_here(bool to_change) noexcept {
  asm volatile("" ::: "memory");  // and not merged with another call by the compiler's purity analysis
  for (population::resident* const r : this_thread.residents) {
    if (context_place* const found = r ? r->place_of_running(to_change) : nullptr) return *found;
  }
  constinit thread_local thread_place of_thread;
  if (to_change) of_thread.note_change();
  return of_thread;
}

void borrowed_context::swap() noexcept { std::swap(of_, context_place_here(true)); }

std::uint64_t new_context_variable() noexcept { return next_number(); }

const binding* find_binding(std::uint64_t variable) noexcept {
  context_values* const values = context_place_here(false).values;
  const binding_pointer* const found = values ? values->find(variable) : nullptr;
  return found ? found->get() : nullptr;
}

context_token bind(binding_pointer what) {
  context_place& mine = context_place_here(true);
  if (mine.number == 0) mine.number = next_number();
  binding_pointer before = rebind(mine, what.get()->variable, what);
  return {std::move(what), std::move(before), mine.number};
}

void unbind(std::uint64_t variable, const context_token& token) {
  const binding_pointer& set = token.now();
  if (!set) throw_error(std::errc::invalid_argument, "weft: context_var::reset: the token is of no set()");
  if (set.get()->variable != variable)
    throw_error(std::errc::invalid_argument, "weft: context_var::reset: the token belongs to another variable");
  context_place& mine = context_place_here(true);
  if (mine.number != token.place())
    throw_error(std::errc::operation_not_permitted,
                "weft: context_var::reset: the token was made elsewhere (by another fiber, task or thread)");
  // Relaxed: only this place gets so far.
  if (set.get()->undone.load(std::memory_order_relaxed))
    throw_error(std::errc::invalid_argument, "weft: context_var::reset: the token was used before");
  const binding_pointer ended = rebind(mine, variable, token.before());
  set.get()->undone.store(true, std::memory_order_relaxed);
}

void unbind_here(const context_token& token) noexcept {
  if (context_place_here(true).number == token.place()) unbind(token.now().get()->variable, token);
}

}  // namespace weft::detail
