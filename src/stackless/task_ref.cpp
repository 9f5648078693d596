// SPDX-License-Identifier: BSL-1.0
#include <weft/stackless/task_ref.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <weft/detail/stackless/promise.hpp>
#include <weft/detail/stackless/task_join.hpp>
#include <weft/stackless/error.hpp>

#include "stackless/cancellations.hpp"
#include "stackless/tasks.hpp"

namespace weft::stackless {

using detail::task_core;

// True: it lives, and is locked.
bool task_ref::lock() const noexcept {
  if (!core_ || !core_->end.lock()) return false;
  if (core_->id == id_) return true;
  core_->end.unlock();
  return false;
}

bool task_ref::done() const noexcept {
  if (!lock()) return true;
  core_->end.unlock();
  return false;
}

bool task_ref::cancel() const noexcept {
  if (!lock()) return false;
  const bool won = detail::request_cancel(*core_, detail::cancellations::next());
  core_->end.unlock();
  if (won) core_->unpark(*core_);
  return true;
}

bool task_ref::hand_on(std::uint64_t number) const noexcept {
  if (!lock()) return false;
  const bool knows = core_->told && !core_->word.pending() && core_->told_at.load(std::memory_order_relaxed) >= number;
  if (knows) ++core_->cancel_requests;  // no timeout may take what it was told for its own
  const bool won = !knows && detail::request_cancel(*core_, number);
  core_->end.unlock();
  if (won) core_->unpark(*core_);
  return true;
}

unsigned task_ref::cancelling() const noexcept {
  if (!lock()) return 0;
  const unsigned count = core_->cancel_requests;
  core_->end.unlock();
  return count;
}

unsigned task_ref::uncancel() const noexcept {
  if (!lock()) return 0;
  if (core_->cancel_requests) --core_->cancel_requests;
  const unsigned left = core_->cancel_requests;
  core_->told = false;  // that was another one's
  // One that has not struck does not strike any more, as in Python 3.13.
  const detail::task_desk* const desk = detail::task_desk_on_entry();
  if (left == 0 && desk && desk->running() == core_) core_->word.clear_pending();
  core_->end.unlock();
  return left;
}

std::string task_ref::name() const {
  if (!lock()) return {};
  std::string name;
  try {
    name = core_->name ? *core_->name : detail::default_name(*core_);
  } catch (...) {
    core_->end.unlock();
    throw;
  }
  core_->end.unlock();
  return name;
}

void task_ref::set_name(std::string_view name) const {
  auto kept = std::make_unique<std::string>(name);
  if (!lock()) return;
  kept.reset(std::exchange(core_->name, kept.release()));
  core_->end.unlock();
}

std::vector<std::source_location> task_ref::get_stack(std::size_t limit) const {
  std::vector<std::source_location> stack;
  if (!lock()) return stack;
  const detail::worker* const here = detail::this_thread.running;
  const bool may_look = here && core_->home_as_seen() == here;
  core_->end.unlock();
  if (!may_look) return stack;  // else it cannot end while we look
  for (const detail::promise_base* p = core_->promise; p; p = p->callee) stack.push_back(p->stands_at);
  if (stack.size() > limit) stack.erase(stack.begin(), stack.end() - std::ptrdiff_t(limit));
  return stack;
}

void task_ref::print_stack(std::FILE* to, std::size_t limit) const {
  const auto stack = get_stack(limit);
  if (stack.empty()) {
    std::fprintf(to, "No stack for %s\n", done() ? "a task that has ended" : name().c_str());
    return;
  }
  std::fprintf(to, "Stack for %s (most recent call last):\n", name().c_str());
  for (const auto& at : stack)
    std::fprintf(to, "  File \"%s\", line %u, in %s\n", at.file_name(), unsigned(at.line()), at.function_name());
}

task_ref current_task() noexcept {
  detail::task_desk* const desk = detail::task_desk_on_entry();
  task_core* const task = desk ? desk->running() : nullptr;
  return task ? task_ref(*task, task->id) : task_ref();
}

std::vector<task_ref> all_tasks() {
  detail::task_desk* const desk = detail::task_desk_on_entry();
  if (!desk) detail::throw_loop_error("weft::stackless: all_tasks(): no running event loop");
  std::vector<task_ref> all;
  all.reserve(64);  // pushing may allocate under the lock of a task, which does no harm
  desk->all.for_each_living([&all](task_core& task) {
    if (!task.hidden) all.emplace_back(task, task.id);
  });
  std::sort(all.begin(), all.end(), [](const task_ref& a, const task_ref& b) { return a.id() < b.id(); });
  return all;
}

}  // namespace weft::stackless
