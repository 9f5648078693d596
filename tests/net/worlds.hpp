// SPDX-License-Identifier: BSL-1.0
// Net works on fibers and on plain threads: most of its tests run in both worlds.
#pragma once

#include <dirent.h>
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <exception>
#include <fstream>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <weft/weft.hpp>

#include "support/function_ref.hpp"
#include "support/move_only_function.hpp"
#include "support/scale.hpp"
#include "support/session.hpp"

namespace weft::test {

// Something that runs beside the test's body: a thread, or a fiber.
class actor {
 public:
  actor(bool on_fiber, move_only_function<void()> body) {
    if (on_fiber) {
      fiber_ = weft::spawn(std::move(body));
      return;
    }
    error_ = std::make_unique<std::exception_ptr>();
    thread_ = std::thread([error = error_.get(), body = std::move(body)] {
      try {
        body();
      } catch (...) {
        *error = std::current_exception();
      }
    });
  }
  actor(actor&&) = default;
  ~actor() {
    if (thread_.joinable()) thread_.join();
  }

  // Waits for its end; throws what it threw.
  void join() {
    if (fiber_.joinable()) return fiber_.join();
    thread_.join();
    if (*error_) std::rethrow_exception(*error_);
  }
  weft::fiber<void>& fiber() { return fiber_; }

 private:
  std::thread thread_;
  std::unique_ptr<std::exception_ptr> error_;
  weft::fiber<void> fiber_;
};

class world {
 public:
  explicit world(bool has_fibers) : has_fibers_(has_fibers) {}
  [[nodiscard]] bool has_fibers() const { return has_fibers_; }

  template <class F> actor start(F&& body) const { return actor(has_fibers_, std::forward<F>(body)); }

  // Returns when that many actors wait for a socket or a file.
  void until_waiting(std::size_t count) const {
    while ((has_fibers_ ? waiting_fibers() : waiting_threads()) < count) weft::this_fiber::yield();
  }

 private:
  static std::size_t waiting_fibers() {
    const int file = memfd_create("dump", MFD_CLOEXEC);
    weft::dump(file);
    std::string text(static_cast<std::size_t>(lseek(file, 0, SEEK_END)), '\0');
    const auto got = pread(file, text.data(), text.size(), 0);
    close(file);
    REQUIRE(got == static_cast<ssize_t>(text.size()));
    std::size_t count = 0;
    for (const char* what : {" waits for input", " waits for room for output"})
      for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
    return count;
  }

  static std::size_t waiting_threads() {
    std::size_t count = 0;
    DIR* tasks = opendir("/proc/self/task");
    while (const dirent* task = readdir(tasks)) {
      std::ifstream file("/proc/self/task/" + std::string(task->d_name) + "/syscall");
      long number = -1;
      if (file >> number && number == SYS_ppoll) ++count;
    }
    closedir(tasks);
    return count;
  }

  const bool has_fibers_;
};

inline void on_fibers(function_ref<void(const world&)> body) {
  options with;
  with.workers = workers();
  weft::run([&] { body(world(true)); }, with);
}

// Runs the body on plain threads, then on a fiber.
inline void in_both_worlds(function_ref<void(const world&)> body) {
  {
    INFO("on plain threads");
    const world threads(false);
    body(threads);
  }
  options with;
  with.workers = workers();
  weft::run(
      [&] {
        INFO("on fibers");
        const world fibers(true);
        body(fibers);
      },
      with);
}

// What the expression throws, for a look at more than its type.
template <class Error = std::system_error, class F> Error error_of(F&& action) {
  try {
    action();
  } catch (const Error& e) {
    return e;
  }
  FAIL("nothing was thrown");
  throw std::logic_error("not reached");
}

inline bool contains(const char* text, const std::string& part) {
  return std::string(text).find(part) != std::string::npos;
}

}  // namespace weft::test
