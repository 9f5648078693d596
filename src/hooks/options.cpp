// SPDX-License-Identifier: BSL-1.0
// setsockopt(2): what is remembered of a socket changes with some of its options.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "hooks/file_settings.hpp"
#include "hooks/next.hpp"
#include "hooks/table.hpp"
#include "poll/descriptor.hpp"

namespace weft::detail {

namespace next {
constexpr next_function<"setsockopt", int(int, int, int, const void*, socklen_t)> setsockopt;
}

const hooks_file options_hooks{};

extern "C" int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  const int result = next::setsockopt(fd, level, name, value, size);
  if (result == 0 && level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO)) file_settings::change();
  if (result == 0 && level == SOL_SOCKET && name == SO_RCVLOWAT) file_settings::set_low_mark();
  if (result == 0 && level == IPPROTO_TCP && name == TCP_ULP) {
    if (descriptor* const d = descriptor::find(fd)) d->distrust();
  }
  return result;
}

}  // namespace weft::detail
