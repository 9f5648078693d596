// SPDX-License-Identifier: BSL-1.0
#include "sched/unobserved.hpp"

#include <unistd.h>

#include "context/raw_line.hpp"

namespace weft::detail {

void tell_unobserved(raw_line& whose, const std::exception_ptr& error) noexcept {
  whose.text(" an exception that nobody can observe");
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    whose.text(": ").text(e.what());
  } catch (...) {  // no std::exception: there is nothing more to say of it
  }
  whose.write_to(STDERR_FILENO);
}

}  // namespace weft::detail
