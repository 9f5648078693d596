// SPDX-License-Identifier: BSL-1.0
#include "fiber/cancel_scope.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <mutex>
#include <string_view>
#include <weft/base/error.hpp>

#include "context/raw_line.hpp"
#include "fiber/dump.hpp"
#include "fiber/fibers.hpp"
#include "fiber/generator_frame.hpp"
#include "fiber/scope_core.hpp"
#include "fiber/switching.hpp"

namespace weft::detail {
namespace {

constexpr std::uint32_t deliveries_before_complaint = 1000;

void expire(timer_node& node, wake_list& woken) noexcept {
  auto& scope = static_cast<cancel_scope&>(node);
  scope.expired = true;
  request(scope, woken);
}

enum class which : bool { all, daemons };

// Children of `of` that nobody has cancelled yet, locked, onto the list. [cancel-2] Under the scope's lock.
void list_children(scope_core& of, which of_them, control_block*& list) noexcept {
  for (control_block* child = of.youngest; child; child = child->older) {
    if (of_them == which::daemons && !child->kind.daemon) continue;
    if (!child->end.lock()) continue;
    if (child->base.requested.exchange(true, std::memory_order_acq_rel)) {
      child->end.unlock();
      continue;
    }
    child->next_cancelled = list;
    list = child;
  }
}

// The fiber is locked, the scope is marked. [cancel-1]
void spread(cancel_scope& scope, control_block*& list, wake_list& woken) noexcept {
  control_block& of = *scope.owner;
  cancel_scope* visible = of.innermost;
  for (cancel_scope* s = of.innermost; s != &scope; s = s->outer) {
    if (s->barrier) visible = s->outer;
  }
  if (visible == of.innermost && of.cancel()) woken.push(of);
  for (cancel_scope* s = visible;; s = s->outer) {
    if (s->children) {
      const std::lock_guard guard(s->children->lock);
      list_children(*s->children, which::all, list);
    }
    if (s == &scope) break;
  }
}

// Names fiber, scope and call site; the last as addresses for addr2line, since a cancellation point costs nothing else.
void complain_of_swallowing(const control_block& self, const cancel_scope& scope) noexcept {
  const char* const whose = !scope.outer     ? "that of the whole fiber"
                            : scope.children ? "that of a with_scope"
                                             : "that of a with_deadline";
  raw_line line;
  line.text("weft: ");
  add_description(line, self);
  line.text(", has swallowed its cancellation ").number(deliveries_before_complaint).text(" times: ").text(whose);
  std::array<void*, 10> frames;
  const int count = backtrace(frames.data(), int(frames.size()));
  line.text("; called from");
  for (int i = 1; i < count; ++i) {
    Dl_info module{};
    const auto at = reinterpret_cast<std::uintptr_t>(frames[std::size_t(i)]);
    if (!dladdr(frames[std::size_t(i)], &module) || !module.dli_fname) continue;
    const std::string_view path(module.dli_fname);
    line.text(" ").text(path.substr(path.rfind('/') + 1)).text("+");
    line.hex(at - reinterpret_cast<std::uintptr_t>(module.dli_fbase));
  }
  line.write_to(STDERR_FILENO);
}

void arm(control_block& self, cancel_scope& scope, std::int64_t until) noexcept {
  if (deadline::from_nanoseconds(until).passed()) {  // seen by the first cancellation point, not by the next timer turn
    scope.expired = true;
    request(scope);
    return;
  }
  scope.at = until;
  scope.armed_on = &self.desk->at.timers;
  scope.armed_on->insert(scope);
}

}  // namespace

cancel_scope* requested_from(cancel_scope& innermost) noexcept {
  for (cancel_scope* s = &innermost; s; s = s->outer) {
    if (s->requested.load(std::memory_order_acquire)) return s;  // pairs with the canceller: `expired` is seen
    if (s->barrier) break;
  }
  return nullptr;
}

cancel_scope::cancel_scope() noexcept : timer_node(&expire) {}

void cancel_scope::become_base_of(control_block& fiber) noexcept {
  fire = &expire;
  index = nowhere;
  owner = &fiber;
}

void request_all(control_block* list, wake_list& woken) noexcept {
  while (control_block* const f = list) {
    list = f->next_cancelled;
    spread(f->base, list, woken);
    f->end.unlock();
  }
}

void request(cancel_scope& scope, wake_list& woken) noexcept {
  control_block& of = *scope.owner;
  if (!of.end.lock()) return;
  control_block* list = nullptr;
  // release: `expired` is read by who sees the request.
  if (!scope.requested.exchange(true, std::memory_order_acq_rel)) spread(scope, list, woken);
  of.end.unlock();
  request_all(list, woken);
}

void request_daemons(scope_core& of, wake_list& woken) noexcept {
  control_block* list = nullptr;
  {
    const std::lock_guard guard(of.lock);
    of.daemons_cancelled = true;
    list_children(of, which::daemons, list);
  }
  request_all(list, woken);
}

void request(cancel_scope& scope) noexcept {
  wake_list woken;
  request(scope, woken);
  woken.unpark_all();
}

void arm_base(control_block& self) noexcept { arm(self, self.base, self.base.effective); }

void enter(control_block& self, cancel_scope& scope, std::int64_t until, bool shielded) noexcept {
  cancel_scope& outer = *self.innermost;
  scope.owner = &self;
  scope.outer = &outer;
  if (!self.ground->contains(__builtin_frame_address(0))) [[unlikely]] {
    scope.in_body = body_here();
    if (scope.in_body) count_scope(*scope.in_body, +1);
  }
  scope.in_flight = exceptions_in_flight(self);
  scope.barrier = shielded || scope.in_flight > outer.in_flight;
  const std::int64_t around = scope.barrier ? deadline::limit : outer.effective;
  scope.effective = std::min(until, around);
  if (!self.end.lock()) std::terminate();  // a fiber that runs has not ended
  self.innermost = &scope;
  if (scope.barrier) self.word.clear_pending();
  self.end.unlock();
  if (until < around) arm(self, scope, until);
}

void leave(control_block& self, cancel_scope& scope) noexcept {
  if (scope.armed_on) scope.armed_on->cancel(scope);
  if (scope.in_body) [[unlikely]]
    count_scope(*scope.in_body, -1);
  if (!self.end.lock()) std::terminate();
  self.innermost = scope.outer;
  if (scope.barrier || scope.requested.load(std::memory_order_relaxed)) {  // written under this lock
    if (requested_from(*self.innermost))
      (void)self.word.cancel();  // it runs, so there is no wait to be claimed
    else
      self.word.clear_pending();
  }
  self.end.unlock();
}

bool is_deliverable(const control_block& self) noexcept { return self.word.pending() && is_open_to_cancellation(self); }

void deliver(control_block& self) {
  if (cancel_scope* const scope = requested_from(*self.innermost)) {
    if (++scope->deliveries > 1) yield(*self.desk, self);
    if (scope->deliveries == deliveries_before_complaint) complain_of_swallowing(self, *scope);
  }
  throw cancelled{};
}

bool is_cut_short(const cancel_scope& scope) noexcept {
  if (!scope.requested.load(std::memory_order_acquire)) return false;  // pairs with the canceller
  return scope.barrier || !scope.outer || !requested_from(*scope.outer);
}

}  // namespace weft::detail
