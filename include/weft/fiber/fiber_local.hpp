// SPDX-License-Identifier: BSL-1.0
// fiber_local<T>: a T of its own for each fiber, and for each plain thread.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <weft/detail/fiber/local_slot.hpp>

namespace weft {

namespace detail {

template <class Make, class T>
concept maker_of =
    std::is_invocable_r_v<T, const Make&> && std::copy_constructible<Make> && !std::convertible_to<Make, T>;

}  // namespace detail

// Like a thread_local variable, but each fiber has its own T, wherever it runs. It is made when the fiber first asks for
// it, and ends with the fiber (on it, shielded; in the reverse order of their making) or the thread. A stackless task
// uses that of its worker's thread, so it may share it with others. Usually an object of static storage; if it ends
// sooner, the values stay until their fibers end. Any fiber or thread may call what is here; it parks only if T does.
template <class T> class fiber_local {
  static_assert(std::is_object_v<T> && std::is_same_v<T, std::remove_cv_t<T>>);

 public:
  // Each T begins as T().
  fiber_local() requires std::default_initializable<T> {}
  // Each T begins as a copy of this one.
  explicit fiber_local(T initial) requires std::copy_constructible<T>
      : make_([initial = std::move(initial)] { return T(initial); }) {}
  // Each T begins as what `make()` returns; that is called on many threads, at once, too.
  template <detail::maker_of<T> Make> explicit fiber_local(Make make) : make_(std::move(make)) {}
  fiber_local(const fiber_local&) = delete;
  fiber_local& operator=(const fiber_local&) = delete;

  // The caller's own, made now if it has none. Throws what making it throws, and bad_alloc.
  [[nodiscard]] T& get() const {
    if (detail::local_value* const found = slot_.find()) [[likely]]
      return static_cast<held&>(*found).value;
    return make_one();
  }
  [[nodiscard]] T& operator*() const { return get(); }
  [[nodiscard]] T* operator->() const { return std::addressof(get()); }

  // The caller's own, or null if it has none yet.
  [[nodiscard]] T* find() const noexcept {
    detail::local_value* const found = slot_.find();
    return found ? std::addressof(static_cast<held&>(*found).value) : nullptr;
  }
  // Instead of what the caller had, which ends. Throws what moving it throws, and bad_alloc.
  void set(T value) const { keep(std::make_unique<held>(std::in_place, std::move(value))); }
  // Ends the caller's own; the next get() makes a new one.
  void reset() const noexcept { slot_.drop(); }

 private:
  struct held : detail::local_value {
    template <class... Arguments>
    explicit held(std::in_place_t, Arguments&&... arguments)
        : local_value(&end), value(std::forward<Arguments>(arguments)...) {}
    // The T is what the call returns.
    template <class Make> explicit held(const Make& make) : local_value(&end), value(make()) {}
    static void end(detail::local_value& self) noexcept { delete static_cast<held*>(&self); }
    T value;
  };

  T& keep(std::unique_ptr<held> fresh) const {
    slot_.keep(*fresh);
    return fresh.release()->value;
  }
  T& make_one() const {
    std::unique_ptr<held> fresh;
    if constexpr (std::default_initializable<T>)
      fresh = make_ ? std::make_unique<held>(make_) : std::make_unique<held>(std::in_place);
    else
      fresh = std::make_unique<held>(make_);
    if (T* const meanwhile = find()) return *meanwhile;  // making it made it
    return keep(std::move(fresh));
  }

  const detail::local_slot slot_;
  const std::function<T()> make_;
};

}  // namespace weft
