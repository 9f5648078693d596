// SPDX-License-Identifier: BSL-1.0
// A hooked call that is made by a thread of the blocking pool, for want of a way to wait for it.
#pragma once

#include <cerrno>
#include <new>
#include <system_error>
#include <utility>
#include <weft/base/error.hpp>
#include <weft/fiber/blocking.hpp>

namespace weft::detail {

// What a call on another thread came to, there.
template <class Result> struct made_elsewhere {
  Result result{};
  int error = 0;  // errno
  bool was_made = false;
};

// An errno; what it was that kept a call from being made at all.
[[nodiscard]] inline int error_of_exception() noexcept {
  try {
    throw;
  } catch (const cancelled&) {
    return ECANCELED;
  } catch (const std::system_error& e) {
    return e.code().value();
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

// The fiber. May park. A cancellation point, until the call begins; then it is waited for. What the call came to, or
// Result(-1) with what kept it from being made.
template <class Result, class Call> [[nodiscard]] made_elsewhere<Result> make_elsewhere(Call&& call) noexcept {
  try {
    return blocking([&] {
      errno = 0;
      const Result result = call();
      return made_elsewhere<Result>{result, errno, true};
    });
  } catch (...) {
    return {Result(-1), error_of_exception(), false};
  }
}

}  // namespace weft::detail
