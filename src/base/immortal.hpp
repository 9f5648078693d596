// SPDX-License-Identifier: BSL-1.0
// A static object that is never destroyed, for what others may still use while the process ends.
//
// It lies in static storage, so its first use needs no memory: that may come in a function that must not fail.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>

namespace weft::detail {

template <class T> class immortal {
 public:
  immortal() noexcept {
    static_assert(std::is_nothrow_default_constructible_v<T>);
    ::new (static_cast<void*>(room_)) T;
  }
  immortal(const immortal&) = delete;
  immortal& operator=(const immortal&) = delete;

  [[nodiscard]] T& operator*() noexcept { return *std::launder(reinterpret_cast<T*>(room_)); }

 private:
  alignas(T) std::byte room_[sizeof(T)];
};

}  // namespace weft::detail
