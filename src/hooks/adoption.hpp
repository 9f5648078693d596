// SPDX-License-Identifier: BSL-1.0
// What weft knows of a file of the program's: found out when a hooked call first meets its number, remembered in the
// descriptor's kept life.
//
// Only sockets, pipes and their kin are remembered: those are still tried correctly when the number turns out to name
// another file, and that is found out. For terminals and devices the descriptor's life is borrowed, call by call.
#pragma once

#include <cstdint>
#include <utility>

#include "poll/descriptor.hpp"

namespace weft::detail {

enum class file_kind : std::uint8_t {
  unknown,
  stream,       // a socket that knows no messages
  messages,     // any other socket
  pipe,         // takes RWF_NOWAIT
  special,      // eventfds, timerfds and their kin: may take RWF_NOWAIT, or is asked first
  asked_first,  // terminals, devices
  elsewhere,    // never waited for: regular files, directories; no file at all
};

// The life of any number, also of one that is never waited for: borrowed while a call asks again and again.
class borrowed_life {
 public:
  explicit borrowed_life(int fd) noexcept;
  borrowed_life(const borrowed_life&) = delete;
  borrowed_life& operator=(const borrowed_life&) = delete;
  ~borrowed_life();

  // Whether the number was closed since.
  [[nodiscard]] bool is_over() const noexcept { return state_ && state_->generation() != life_; }

 private:
  descriptor* const state_;  // null if it cannot be had
  std::uint32_t life_ = 0;
};

// A number in a hooked call, as long as it lives.
class adopted_file {
 public:
  // No number.
  adopted_file() noexcept : fd_(-1), state_(nullptr) {}
  // Up to five system calls when nothing is known of the number, else none. `function` is what was called, for people.
  adopted_file(int fd, const char* function) noexcept : fd_(fd), state_(descriptor::find(fd)) {
    if (state_) known_ = state_->kept_as();
    if (!known_) [[unlikely]]
      learn(function);
  }
  adopted_file(adopted_file&& other) noexcept
      : fd_(other.fd_), known_(other.known_), state_(other.state_), borrowed_(std::exchange(other.borrowed_, false)) {}
  adopted_file& operator=(adopted_file&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(known_, other.known_);
    std::swap(state_, other.state_);
    std::swap(borrowed_, other.borrowed_);
    return *this;
  }
  ~adopted_file() {
    if (borrowed_) give_back();
  }

  [[nodiscard]] int number() const noexcept { return fd_; }
  [[nodiscard]] file_kind kind() const noexcept { return file_kind(known_ & kind_bits); }
  // Sockets only: whether each write ends a record, as write(2) has it on SOCK_SEQPACKET.
  [[nodiscard]] bool ends_records() const noexcept { return (known_ & records_bit) != 0; }
  // Null for file_kind::elsewhere.
  [[nodiscard]] descriptor* state() const noexcept { return state_; }

  // The life that the number is in now: another one than before means that it was closed meanwhile.
  [[nodiscard]] std::uint32_t life() const noexcept { return state_ ? state_->generation() : 0; }

  // What is remembered cannot be true: the number names another file. Finds out which.
  void look_again(const char* function) noexcept;

  // What the descriptor remembers: the kind in bits 0-2, the rest above; bits 4 and up are of `file_call`.
  static constexpr std::uint32_t kind_bits = 7, records_bit = 8;

 private:
  void learn(const char* function) noexcept;
  void give_back() noexcept;

  int fd_;
  std::uint32_t known_ = 0;
  descriptor* state_;
  bool borrowed_ = false;
};

}  // namespace weft::detail
