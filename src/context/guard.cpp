// SPDX-License-Identifier: BSL-1.0
#include "context/guard.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <weft/base/error.hpp>

#include "context/advise.hpp"
#include "context/size_class.hpp"

namespace weft::detail {
namespace {

enum class proof : unsigned char { unknown, works, fails };

// Relaxed: whoever misses another thread's result proves it once more, with the same outcome.
std::atomic<proof> proved{proof::unknown};
// Relaxed: a counter that publishes nothing.
std::atomic<std::size_t> mappings{0};

// The kernel reads the byte for us, so a guard that holds costs an errno and not a signal.
proof prove() noexcept {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return proof::unknown;  // no descriptor to try it with
  const std::size_t size = page_size();
  void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  proof result = proof::unknown;
  if (page != MAP_FAILED) {
    munlock(page, size);
    const bool readable = write(ends[1], page, 1) == 1;  // before the guard, so that EFAULT is the guard's work
    const bool installed = madvise(page, size, advice_guard_install) == 0;
    const bool refused = write(ends[1], page, 1) == -1 && errno == EFAULT;
    result = readable && installed && refused ? proof::works : proof::fails;
    munmap(page, size);
  }
  close(ends[0]);
  close(ends[1]);
  return result;
}

}  // namespace

bool guard_install_works() noexcept {
  proof known = proved.load(std::memory_order_relaxed);
  if (known == proof::unknown) {
    known = prove();
    proved.store(known, std::memory_order_relaxed);
  }
  return known == proof::works;
}

guard_method choose_guard(guard_method wanted) {
  if (wanted == guard_method::automatic) {
    return guard_install_works() ? guard_method::guard_install : guard_method::protect;
  }
  if (wanted == guard_method::guard_install && !guard_install_works()) {
    throw_error(std::errc::not_supported, "weft: this kernel has no MADV_GUARD_INSTALL (Linux 6.13 and later have it)");
  }
  return wanted;
}

bool install_guards(std::span<iovec> guards) noexcept { return advise(guards, advice_guard_install); }

std::size_t most_mappings() noexcept {
  constexpr std::size_t kernel_default = 65530;
  const int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return kernel_default;
  char text[32] = {};
  const ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  const auto limit = got > 0 ? std::strtoull(text, nullptr, 10) : 0;
  return limit > 0 ? static_cast<std::size_t>(limit) : kernel_default;
}

void refund_mappings(std::size_t guards) noexcept {
  mappings.fetch_sub(guards * mappings_per_guard, std::memory_order_relaxed);
}

bool charge_mappings(std::size_t limit) noexcept {
  if (mappings.fetch_add(mappings_per_guard, std::memory_order_relaxed) + mappings_per_guard <= limit) return true;
  refund_mappings(1);
  return false;
}

}  // namespace weft::detail
