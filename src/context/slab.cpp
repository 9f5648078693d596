// SPDX-License-Identifier: BSL-1.0
#include "context/slab.hpp"

#include <sys/mman.h>
#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <new>
#include <string>
#include <system_error>

#include WEFT_VALGRIND_HEADER

namespace weft::detail {
namespace {

[[noreturn]] void no_address_space(int error, unsigned size_class) {
  rlimit address_space = {};
  getrlimit(RLIMIT_AS, &address_space);
  const std::string limit =
      address_space.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(address_space.rlim_cur) + " bytes";
  const int code = error == EAGAIN ? ENOMEM : error;  // mlockall(MCL_FUTURE) past RLIMIT_MEMLOCK
  throw std::system_error(code, std::generic_category(),
                          "weft: no address space for a stack of " + std::to_string(stack_class_size(size_class)) +
                              " bytes (RLIMIT_AS is " + limit + ", vm.max_map_count " +
                              std::to_string(most_mappings()) + "; vm.overcommit_memory=2 limits it too)");
}

[[noreturn]] void no_more_guards(const slab_policy& policy) {
  throw std::system_error(std::make_error_code(std::errc::not_enough_memory),
                          "weft: no more guarded stacks: each needs " + std::to_string(mappings_per_guard) +
                              " mappings, and guards may use " + std::to_string(policy.mapping_limit) +
                              ", half of vm.max_map_count; raise it, or set options::unguarded_stacks");
}

}  // namespace

slab::slab(unsigned size_class, std::size_t wanted, const slab_policy& policy)
    : layout_(stack_class_layout(size_class)), size_class_(size_class), guards_(policy.guards) {
  map(wanted);
  if (guards_ == guard_method::guard_install) guard_all();
}

slab::~slab() {
  for (std::uint32_t i = 0; valgrind_listens() && i < fresh_; ++i) unregister_stack(header(i)->known_as);
  munmap(base_, bytes());
  refund_mappings(protected_);
}

void slab::map(std::size_t wanted) {
  for (std::size_t count = wanted; count > 0; count /= 2) {
    const std::size_t size = count * layout_.stride;
    void* base = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) continue;
    munlock(base, size);
    if (mprotect(base, size, PROT_READ | PROT_WRITE) != 0) {  // vm.overcommit_memory=2 counts it only now
      munmap(base, size);
      continue;
    }
    madvise(base, size, MADV_NOHUGEPAGE);
    base_ = static_cast<std::byte*>(base);
    count_ = static_cast<std::uint32_t>(count);
    return;
  }
  no_address_space(errno, size_class_);
}

// Where the kernel refuses some (a slab that is locked in memory all the same: EINVAL), the guards of this slab are
// made one by one as its stacks are handed out.
void slab::guard_all() noexcept {
  std::array<iovec, 1024> guards;
  for (std::uint32_t first = 0; first < count_;) {
    std::size_t filled = 0;
    for (; filled < guards.size() && first + filled < count_; ++filled) {
      guards[filled] = {at(first + static_cast<std::uint32_t>(filled)), layout_.guard};
    }
    if (!install_guards({guards.data(), filled})) {
      guards_ = guard_method::protect;
      return;
    }
    first += static_cast<std::uint32_t>(filled);
  }
}

stack* slab::take_used() noexcept {
  stack* s = used_;
  if (s == nullptr) return nullptr;
  used_ = s->next;
  ++out_;
  return s;
}

void slab::give(stack* s) noexcept {
  s->next = used_;
  used_ = s;
  --out_;
}

slab::fresh_stack slab::reserve(const slab_policy& policy) {
  // protected_ == fresh_: once one was refused and allowed, the rest of this slab stays unguarded, so that one number
  // tells which are guarded.
  if (guards_ == guard_method::protect && protected_ == fresh_) {
    const bool charged = charge_mappings(policy.mapping_limit);
    if (charged && mprotect(at(fresh_), layout_.guard, PROT_NONE) == 0) {
      ++protected_;
    } else {
      if (charged) refund_mappings(1);
      if (!policy.unguarded_allowed) no_more_guards(policy);
    }
  }
  const std::uint32_t index = fresh_++;
  ++out_;
  const bool guarded = guards_ == guard_method::guard_install || index < protected_;
  return {index, guarded ? static_cast<std::uint32_t>(layout_.guard) : 0};
}

stack* slab::header(std::uint32_t index) const noexcept {
  const std::size_t colour = index % stack_colours;
  return reinterpret_cast<stack*>(at(index) + layout_.stride - (colour + 1) * sizeof(stack));
}

stack* slab::make(fresh_stack reserved) noexcept {
  std::byte* const low = at(reserved.index) + layout_.guard;
  stack* const room = header(reserved.index);
  return new (room) stack{.next = nullptr,
                          .low = low,
                          .home = this,
                          .guard = reserved.guard,
                          .size_class = size_class_,
                          .known_as = register_stack(low, reinterpret_cast<std::byte*>(room))};
}

stack* slab::find(const void* address) const noexcept {
  const auto offset = reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(base_);
  const std::size_t index = offset / layout_.stride;
  return index < fresh_ ? header(static_cast<std::uint32_t>(index)) : nullptr;
}

}  // namespace weft::detail
