// SPDX-License-Identifier: BSL-1.0
// What a channel of T moves under its lock: the T itself or, where moving a T may throw, a pointer to one.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <weft/detail/base/copies.hpp>
#include <weft/detail/sync/channel_core.hpp>

namespace weft::detail {

template <class T> inline constexpr bool is_boxed = !std::is_nothrow_move_constructible_v<T>;
template <class T> using item_of = std::conditional_t<is_boxed<T>, std::unique_ptr<T>, T>;

template <class Item>
inline constexpr item_moves moves_of{
    sizeof(Item),
    alignof(Item),
    [](void* slot, void* item) noexcept {
      std::construct_at(static_cast<Item*>(slot), std::move(*static_cast<Item*>(item)));
    },
    [](void* into, void* slot) noexcept {
      static_cast<std::optional<Item>*>(into)->emplace(std::move(*static_cast<Item*>(slot)));
      std::destroy_at(static_cast<Item*>(slot));
    },
    [](void* into, void* item) noexcept {
      static_cast<std::optional<Item>*>(into)->emplace(std::move(*static_cast<Item*>(item)));
    },
    [](void* slot) noexcept { std::destroy_at(static_cast<Item*>(slot)); }};

// A sender's value as the item that is offered. Boxed it is a copy, so that a value that is not sent is untouched; only
// what cannot be copied is moved into the box, and back. `pack` and `put_back` throw what T throws.
template <class T> class sent_item {
 public:
  explicit sent_item(T& value) noexcept : value_(value) {}
  sent_item(const sent_item&) = delete;
  sent_item& operator=(const sent_item&) = delete;

  // Before the item is offered.
  void pack() {
    if constexpr (is_boxed<T> && copies<T>)
      box_ = std::make_unique<T>(std::as_const(value_));
    else if constexpr (is_boxed<T>)
      box_ = std::make_unique<T>(std::move(value_));
  }
  [[nodiscard]] item_of<T>& item() noexcept {
    if constexpr (is_boxed<T>)
      return box_;
    else
      return value_;
  }
  [[nodiscard]] const void* source() const noexcept { return std::addressof(value_); }
  // Nobody has it and nobody will. Nothing happens if it was sent.
  void put_back() {
    if constexpr (is_boxed<T> && !copies<T>) {
      if (box_) value_ = std::move(*box_);
      box_.reset();
    }
  }

 private:
  struct none {};
  T& value_;
  [[no_unique_address]] std::conditional_t<is_boxed<T>, std::unique_ptr<T>, none> box_;
};

// What was received, out of its box.
template <class T> std::optional<T> opened(std::optional<std::unique_ptr<T>>&& boxed) {
  if (!boxed) return std::nullopt;
  return std::optional<T>(std::move(**boxed));
}

}  // namespace weft::detail
