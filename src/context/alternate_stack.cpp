// SPDX-License-Identifier: BSL-1.0
#include "context/alternate_stack.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <weft/base/error.hpp>

#include "context/size_class.hpp"

namespace weft::detail {

std::size_t alternate_stack::size() noexcept {
  const std::size_t wanted = least_stack_size() + (std::size_t{48} << 10);
  return (wanted + page_size() - 1) / page_size() * page_size();
}

alternate_stack::alternate_stack() {
  if (sigaltstack(nullptr, &previous_) != 0) throw_errno(errno, "weft: sigaltstack");
  if ((previous_.ss_flags & SS_DISABLE) == 0 && previous_.ss_size >= size()) return;
  const std::size_t whole = size() + page_size();
  mapping_ = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping_ == MAP_FAILED) throw_errno(ENOMEM, "weft: no memory for a worker's alternate signal stack");
  mprotect(mapping_, page_size(), PROT_NONE);  // its guard; without one it serves as well, until it overflows itself
  const stack_t own = {.ss_sp = static_cast<char*>(mapping_) + page_size(), .ss_flags = 0, .ss_size = size()};
  if (sigaltstack(&own, nullptr) != 0) {
    const int error = errno;
    munmap(mapping_, whole);
    throw_errno(error, "weft: sigaltstack");
  }
}

alternate_stack::~alternate_stack() {
  if (mapping_ == nullptr) return;
  stack_t current = {};
  sigaltstack(nullptr, &current);
  // Somebody who put theirs in place since then keeps it.
  if (current.ss_sp == static_cast<char*>(mapping_) + page_size()) sigaltstack(&previous_, nullptr);
  munmap(mapping_, size() + page_size());
}

}  // namespace weft::detail
