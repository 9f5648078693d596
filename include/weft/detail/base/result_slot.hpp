// SPDX-License-Identifier: BSL-1.0
// Room for what a call comes to: a value, a reference, nothing, or an exception.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weft::detail {

// Filled once, then taken once. It guards nothing: whoever shares it sees to the order.
template <class T> class result_slot {
  static constexpr bool is_reference = std::is_reference_v<T>;
  using kept = std::conditional_t<is_reference, std::remove_reference_t<T>*, std::remove_cv_t<T>>;

 public:
  result_slot() noexcept {}
  result_slot(const result_slot&) = delete;
  result_slot& operator=(const result_slot&) = delete;
  ~result_slot() {
    if (has_value_) std::destroy_at(&value_);
  }

  // Fills it with what `call()` returns or throws.
  template <class F> void fill_from(F&& call) noexcept {
    try {
      if constexpr (is_reference) {
        auto&& found = std::invoke(std::forward<F>(call));
        ::new (static_cast<void*>(std::addressof(value_))) kept(std::addressof(found));
      } else {
        ::new (static_cast<void*>(std::addressof(value_))) kept(std::invoke(std::forward<F>(call)));
      }
      has_value_ = true;
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  [[nodiscard]] T take() {
    if (error_) [[unlikely]]
      std::rethrow_exception(std::exchange(error_, nullptr));
    if constexpr (is_reference)
      return static_cast<T>(*value_);
    else
      return std::move(value_);
  }

 private:
  std::exception_ptr error_;
  union {
    kept value_;
  };
  bool has_value_ = false;
};

template <class T>
requires std::is_void_v<T>
class result_slot<T> {
 public:
  template <class F> void fill_from(F&& call) noexcept {
    try {
      std::invoke(std::forward<F>(call));
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  void take() {
    if (error_) [[unlikely]]
      std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  std::exception_ptr error_;
};

}  // namespace weft::detail
