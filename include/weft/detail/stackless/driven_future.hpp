// SPDX-License-Identifier: BSL-1.0
// A future that drives a coroutine: what create_task() of a loop makes. asyncio's Task.
#pragma once

#include <mutex>
#include <source_location>
#include <string_view>
#include <utility>
#include <weft/detail/stackless/loop_future.hpp>
#include <weft/stackless/future.hpp>
#include <weft/stackless/task.hpp>
#include <weft/stackless/task_handle.hpp>
#include <weft/stackless/task_ref.hpp>

namespace weft::detail {

// What the driver and its future have to do with one another, without the type.
class future_driver : public task_follower {
 public:
  // Who is asked to end.
  [[nodiscard]] stackless::task_ref task() const noexcept { return task_; }

 protected:
  ~future_driver() = default;
  // False: it has ended.
  [[nodiscard]] bool tell(std::uint64_t number) const noexcept { return task_.hand_on(number); }
  // Starts it; `frame` belongs to the task from here on. It is weft's own, and only waits, if the future stands for another
  // one. Throws loop_error when the loop is closed, bad_alloc.
  void start(loop_core& on, std::coroutine_handle<> frame, promise_base* promise, std::string_view name,
             std::source_location where, stackless::task_ref stands_for, bool all_the_same);
  [[noreturn]] static void refuse_settling();

 private:
  stackless::task_ref task_;
};

// The task's, which is not reported any more.
[[nodiscard]] std::exception_ptr take_error(task_core& task) noexcept;

template <class T> class driven_future final : public loop_future_of<T>, public future_driver {
 public:
  using loop_future_of<T>::loop_future_of;

  // Only asks: it is done when the task is.
  bool cancel() noexcept override { return !this->is_done() && task().cancel(); }
  bool hand_on(std::uint64_t number) noexcept override { return !this->is_done() && tell(number); }
  void require_settling() override { refuse_settling(); }
  [[nodiscard]] bool is_driven_by(const task_core& who) const noexcept override { return task().id() == who.id; }

  void begin(stackless::task<T>& what, std::string_view name, std::source_location where,
             stackless::task_ref stands_for, bool all_the_same) {
    const auto frame = task_access::frame_of(what);
    this->share();  // for the task, which may have ended, elsewhere, when `start` returns
    try {
      start(this->loop(), frame, frame ? &frame.promise() : nullptr, name, where, stands_for, all_the_same);
    } catch (...) {
      this->let_go();
      throw;
    }
    task_access::release(what);
  }

 private:
  void ended(task_core& task) noexcept override {
    (void)this->begin_settling();
    if (task.how == task_core::fate::cancelled)
      this->finish(loop_future::state::cancelled);
    else if (task.how == task_core::fate::failed)
      this->finish_failed(take_error(task));
    else
      take_result(static_cast<typename stackless::task<T>::promise_type&>(*task.promise));
    this->let_go();
  }
  template <class Promise> void take_result(Promise& from) noexcept {
    try {
      if constexpr (std::is_void_v<T>)
        this->place();
      else
        this->place(from.take());
    } catch (...) {
      (void)this->begin_settling();
      this->finish_failed(std::current_exception());
    }
  }
};

// `all_the_same`: it begins also when it is cancelled before, and is struck at its first wait.
template <class T>
counted_pointer<loop_future> drive(loop_core& on, stackless::task<T>&& what, std::source_location where,
                                   std::string_view name = {}, stackless::task_ref stands_for = {},
                                   bool all_the_same = false) {
  auto* const made = new driven_future<T>(on);
  counted_pointer<loop_future> kept(made);
  made->begin(what, name, where, stands_for, all_the_same);
  return kept;
}

}  // namespace weft::detail

namespace weft::stackless {

// asyncio's Task: a future that drives a coroutine. Dropping it changes nothing for the task.
template <class T = void> class task_future : public future<T> {
 public:
  explicit task_future(detail::counted_pointer<detail::loop_future> core) noexcept : future<T>(std::move(core)) {}

  // Refers to the task itself: its id.
  [[nodiscard]] task_ref ref() const { return static_cast<detail::driven_future<T>&>(this->core()).task(); }

  // As those of task_ref.
  [[nodiscard]] std::string name() const { return ref().name(); }
  void set_name(std::string_view name) const { ref().set_name(name); }
  [[nodiscard]] unsigned cancelling() const { return ref().cancelling(); }
  unsigned uncancel() const { return ref().uncancel(); }
  [[nodiscard]] std::vector<std::source_location> get_stack(std::size_t limit = std::size_t(-1)) const {
    return ref().get_stack(limit);
  }
  void print_stack(std::FILE* to = stderr, std::size_t limit = std::size_t(-1)) const { ref().print_stack(to, limit); }
};

}  // namespace weft::stackless
