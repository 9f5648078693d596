// SPDX-License-Identifier: BSL-1.0
#include "context/exception_state.hpp"

#include <weft/base/error.hpp>

namespace weft::detail {
namespace {

// What the thread's state says while one exception is in flight, and while it is being handled.
struct observation {
  unsigned in_flight = 0;
  bool handled = false;
};

observation observe() {
  struct on_the_way {
    ~on_the_way() { seen.in_flight = exception_state::of_this_thread().uncaught; }
    observation& seen;
  };
  observation seen;
  const exception_state before = exception_state::of_this_thread();
  try {
    const on_the_way witness{seen};
    throw 0;
  } catch (int) {
    seen.in_flight -= before.uncaught;
    seen.handled = exception_state::of_this_thread().caught != before.caught;
  }
  return seen;
}

}  // namespace

void verify_exception_state(const void* callers_globals) {
  if (callers_globals != &exception_state::of_this_thread()) {
    throw_error(std::errc::not_supported,
                "weft: the program and weft use two copies of the C++ runtime library; link one, as a shared library");
  }
  const observation seen = observe();
  if (seen.in_flight != 1 || !seen.handled) {
    throw_error(std::errc::not_supported, "weft: the C++ runtime library does not keep exceptions as its ABI says");
  }
}

}  // namespace weft::detail
