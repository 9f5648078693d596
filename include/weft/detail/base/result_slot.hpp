// SPDX-License-Identifier: BSL-1.0
// Room for what something comes to: a value, a reference, nothing, or an exception.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weft::detail {

// Filled once, then taken once or looked at. It guards nothing: whoever shares it sees to the order.
class result_error {
 public:
  void fail(std::exception_ptr why) noexcept { error_ = std::move(why); }

 protected:
  void throw_taken() {
    if (error_) [[unlikely]]
      std::rethrow_exception(std::exchange(error_, nullptr));
  }
  void throw_shared() const {
    if (error_) [[unlikely]]
      std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

template <class T> class result_slot : public result_error {
 public:
  result_slot() noexcept {}
  result_slot(const result_slot&) = delete;
  result_slot& operator=(const result_slot&) = delete;
  ~result_slot() {
    if (has_value_) std::destroy_at(std::addressof(value_));
  }

  template <class U> void fill(U&& with) {
    ::new (static_cast<void*>(std::addressof(value_))) T(std::forward<U>(with));
    has_value_ = true;
  }
  // With what `call()` returns or throws.
  template <class F> void fill_from(F&& call) noexcept {
    try {
      ::new (static_cast<void*>(std::addressof(value_))) T(std::invoke(std::forward<F>(call)));
      has_value_ = true;
    } catch (...) {
      fail(std::current_exception());
    }
  }
  [[nodiscard]] T take() {
    throw_taken();
    return std::move(value_);
  }
  [[nodiscard]] const T& look() const {
    throw_shared();
    return value_;
  }

 private:
  union {
    T value_;
  };
  bool has_value_ = false;
};

template <class T> class result_slot<T&> : public result_error {
 public:
  void fill(T& with) noexcept { value_ = std::addressof(with); }
  template <class F> void fill_from(F&& call) noexcept {
    try {
      fill(std::invoke(std::forward<F>(call)));
    } catch (...) {
      fail(std::current_exception());
    }
  }
  [[nodiscard]] T& take() {
    throw_taken();
    return *value_;
  }
  [[nodiscard]] T& look() const {
    throw_shared();
    return *value_;
  }

 private:
  T* value_ = nullptr;
};

template <class T> class result_slot<T&&> : public result_error {
 public:
  template <class F> void fill_from(F&& call) noexcept {
    try {
      T&& found = std::invoke(std::forward<F>(call));
      value_ = std::addressof(found);
    } catch (...) {
      fail(std::current_exception());
    }
  }
  [[nodiscard]] T&& take() {
    throw_taken();
    return static_cast<T&&>(*value_);
  }

 private:
  std::remove_reference_t<T>* value_ = nullptr;
};

template <> class result_slot<void> : public result_error {
 public:
  template <class F> void fill_from(F&& call) noexcept {
    try {
      std::invoke(std::forward<F>(call));
    } catch (...) {
      fail(std::current_exception());
    }
  }
  void take() { throw_taken(); }
  void look() const { throw_shared(); }
};

}  // namespace weft::detail
