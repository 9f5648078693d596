// SPDX-License-Identifier: BSL-1.0
// A pointer to something that counts those who have it.
#pragma once

#include <utility>

namespace weft::detail {

// `T::share()` counts one more, by somebody who has it already; `T::let_go()` one fewer, and the last one ends it.
template <class T> class counted_pointer {
 public:
  counted_pointer() noexcept = default;
  // Takes over a reference that is counted already.
  explicit counted_pointer(T* own) noexcept : what_(own) {}
  counted_pointer(const counted_pointer& other) noexcept : what_(other.what_) {
    if (what_) what_->share();
  }
  counted_pointer(counted_pointer&& other) noexcept : what_(std::exchange(other.what_, nullptr)) {}
  counted_pointer& operator=(counted_pointer other) noexcept {
    std::swap(what_, other.what_);
    return *this;
  }
  ~counted_pointer() {
    if (what_) what_->let_go();
  }

  [[nodiscard]] T* get() const noexcept { return what_; }
  [[nodiscard]] T& operator*() const noexcept { return *what_; }
  [[nodiscard]] T* operator->() const noexcept { return what_; }
  [[nodiscard]] explicit operator bool() const noexcept { return what_ != nullptr; }

 private:
  T* what_ = nullptr;
};

}  // namespace weft::detail
