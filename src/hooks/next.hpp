// SPDX-License-Identifier: BSL-1.0
// The definitions behind ours: libc's, or those of whatever else stands between (a sanitizer, another interposer).
//
// Each is looked up at its first call and remembered. Until then its place holds a function that looks it up, and that
// is so before any code of the process runs: hooks work in static initialisers and in the constructors of libraries. A
// place is one word and never changes back, so relaxed is enough: whoever sees the old one looks up the same again.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace weft::detail {

// The next definition of a function of libc, or one that says ENOSYS where this libc has none. Keeps errno.
[[nodiscard]] void* find_next(const char* name) noexcept;

// A string as a template argument.
template <std::size_t Size> struct function_name {
  consteval function_name(const char (&name)[Size]) { std::copy_n(name, Size, text); }  // NOLINT: reads as a string
  char text[Size];
};

template <function_name Name, class Signature> class next_function;

template <function_name Name, class Result, class... Arguments> class next_function<Name, Result(Arguments...)> {
 public:
  // Not noexcept: a thread that is cancelled (pthread_cancel) while it waits in there is unwound through the hook. And only
  // so a hook can jump there, without a frame of its own.
  Result operator()(Arguments... given) const { return place.load(std::memory_order_relaxed)(given...); }

 private:
  using pointer = Result (*)(Arguments...);

  static Result find(Arguments... given) {
    const auto found = reinterpret_cast<pointer>(find_next(Name.text));
    place.store(found, std::memory_order_relaxed);
    return found(given...);
  }

  static constinit inline std::atomic<pointer> place{&find};
};

}  // namespace weft::detail
