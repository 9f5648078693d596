// SPDX-License-Identifier: BSL-1.0
#include "context/advise.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace weft::detail {
namespace {

// Below this the descriptor for ourselves (1.6 us to open and close) costs more than the calls that it saves.
constexpr std::size_t few = 16;
constexpr std::size_t most_at_once = 1024;  // UIO_MAXIOV

// How many ranges were advised in full by one call after the other on a descriptor of this process.
std::size_t advise_together(std::span<iovec> ranges, int advice) noexcept {
  const int self = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  if (self < 0) return 0;
  std::size_t done = 0;
  while (done < ranges.size()) {
    const auto batch = ranges.subspan(done, std::min(ranges.size() - done, most_at_once));
    const long result = syscall(SYS_process_madvise, self, batch.data(), batch.size(), advice, 0);
    if (result <= 0) break;
    std::size_t bytes = static_cast<std::size_t>(result);
    // A range that was advised in part is advised again: all advice used here may be repeated.
    while (bytes > 0 && bytes >= ranges[done].iov_len) bytes -= ranges[done++].iov_len;
    if (bytes > 0) break;
  }
  close(self);
  return done;
}

}  // namespace

bool advise(std::span<iovec> ranges, int advice) noexcept {
  const std::size_t done = ranges.size() > few ? advise_together(ranges, advice) : 0;
  return std::ranges::all_of(ranges.subspan(done),
                             [advice](const iovec& r) { return madvise(r.iov_base, r.iov_len, advice) == 0; });
}

}  // namespace weft::detail
