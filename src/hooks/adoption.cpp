// SPDX-License-Identifier: BSL-1.0
#include "hooks/adoption.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <string_view>
#include <system_error>

#include "base/own_process.hpp"
#include "context/raw_line.hpp"
#include "fiber/dump.hpp"
#include "fiber/fibers.hpp"
#include "hooks/debug_words.hpp"

namespace weft::detail {
namespace {

[[nodiscard]] std::uint32_t kind_of_socket(int fd) noexcept {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) type = SOCK_STREAM;
  if (type == SOCK_STREAM) return std::uint32_t(file_kind::stream);
  return std::uint32_t(file_kind::messages) | (type == SOCK_SEQPACKET ? adopted_file::records_bit : 0);
}

[[nodiscard]] std::uint32_t find_out(int fd) noexcept {
  struct stat what;
  if (fstat(fd, &what) != 0) return std::uint32_t(file_kind::elsewhere);
  switch (what.st_mode & S_IFMT) {
    case S_IFSOCK:
      return kind_of_socket(fd);
    case S_IFIFO:
      return std::uint32_t(file_kind::pipe);
    case 0:
      return std::uint32_t(file_kind::special);
    case S_IFCHR:
      return std::uint32_t(file_kind::asked_first);
    default:
      return std::uint32_t(file_kind::elsewhere);
  }
}

// Null if it cannot be had: no memory, or a number beyond the table. Then the file is used as without us.
[[nodiscard]] descriptor* state_of(int fd) noexcept {
  try {
    return &descriptor::of(fd);
  } catch (const std::bad_alloc&) {
  } catch (const std::system_error&) {
  }
  return nullptr;
}

[[nodiscard]] std::string_view words_for(file_kind kind) noexcept {
  switch (kind) {
    case file_kind::stream:
      return "a stream socket";
    case file_kind::messages:
      return "a socket of messages";
    case file_kind::pipe:
      return "a pipe";
    case file_kind::special:
      return "an eventfd, timerfd or the like";
    default:
      return "a terminal or device";
  }
}

// WEFT_DEBUG=hooks. A file once, a device at each call.
[[gnu::noinline]] void report(int fd, file_kind kind, const char* function) noexcept {
  static const bool is_wanted = has_debug_word("hooks");
  const control_block* const self = is_wanted ? current_fiber() : nullptr;
  if (!self) return;
  raw_line line;
  line.text("weft: hooks: fd ")
      .number(unsigned(fd))
      .text(", ")
      .text(words_for(kind))
      .text(", in ")
      .text(function)
      .text(" of ");
  add_description(line, *self);
  line.write_to(STDERR_FILENO);
}

}  // namespace

borrowed_life::borrowed_life(int fd) noexcept : state_(state_of(fd)) {
  if (!state_) return;
  wake_list woken;
  static_cast<void>(state_->borrow(woken));
  life_ = state_->generation();
  woken.unpark_all();
}

// Keeps errno, as it has no registration to end.
borrowed_life::~borrowed_life() {
  if (!state_) return;
  wake_list woken;
  state_->give_back(woken);
  woken.unpark_all();
}

void adopted_file::learn(const char* function) noexcept {
  known_ = find_out(fd_);
  state_ = kind() == file_kind::elsewhere ? nullptr : state_of(fd_);
  if (!state_) known_ = std::uint32_t(file_kind::elsewhere);
  if (!state_ || !is_own_process()) return;
  wake_list woken;
  if (kind() == file_kind::asked_first) {
    static_cast<void>(state_->borrow(woken));  // who waits for long asks whose the registration is
    borrowed_ = true;
  } else {
    state_->keep(known_, kind() == file_kind::stream ? descriptor::ask_kernel(fd_) : short_reads::mean_nothing, woken);
  }
  woken.unpark_all();
  report(fd_, kind(), function);
}

// Keeps errno: what the call says is there already, and nobody is registered where the number was closed behind our back.
void adopted_file::give_back() noexcept {
  const int error = errno;
  wake_list woken;
  state_->give_back(woken);
  woken.unpark_all();
  errno = error;
}

void adopted_file::look_again(const char* function) noexcept {
  if (is_own_process()) {
    wake_list woken;
    state_->confirm(woken);
    woken.unpark_all();
    state_->remember(state_->memory(), 0);
  }
  learn(function);
}

}  // namespace weft::detail
