// SPDX-License-Identifier: BSL-1.0
// What weft throws: `cancelled`, `timed_out` and `exception_group`. All else is std::system_error, but for bad_alloc, and
// std::future_error for the misuse of a promise or future.
#pragma once

#include <exception>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace weft {

// Thrown at the cancellation points of a fiber or task that is cancelled, to unwind it. Means "you are cancelled",
// never that somebody else was. Not a std::exception, so that `catch (const std::exception&)` lets it pass.
//
// It is swallowed by a `catch (...)` that does not throw it on, by iostreams, which set badbit, and by callbacks of C
// code, through whose frames nothing may be thrown. A fiber's next cancellation point throws it again, a task's does not.
//
// It ends in std::terminate, as any exception does, where it would leave a noexcept function, a destructor, or the body of
// a std::thread. A destructor that runs while an exception unwinds its fiber is not struck from outside.
struct cancelled {};

// A deadline passed before the operation happened. code() == std::errc::timed_out.
class timed_out : public std::system_error {
 public:
  explicit timed_out(const char* what) : std::system_error(std::make_error_code(std::errc::timed_out), what) {}
};

// Two or more errors of the children of one scope or task group, in the order in which they happened.
class exception_group : public std::exception {
 public:
  explicit exception_group(std::vector<std::exception_ptr> exceptions) : exceptions_(std::move(exceptions)) {}
  [[nodiscard]] std::span<const std::exception_ptr> exceptions() const noexcept { return exceptions_; }
  [[nodiscard]] const char* what() const noexcept override { return "weft: several children of one scope failed"; }

 private:
  std::vector<std::exception_ptr> exceptions_;
};

}  // namespace weft

namespace weft::detail {

// Out of line and cold, so that callers stay small.
[[noreturn, gnu::cold]] void throw_error(std::errc code, const char* what);
[[noreturn, gnu::cold]] void throw_errno(int error, const char* what);

}  // namespace weft::detail
