// SPDX-License-Identifier: BSL-1.0
// Whether a T can be copied, so far as that can be known: std::vector<std::unique_ptr<T>> claims that it can.
#pragma once

#include <concepts>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace weft::detail {

// Containers claim it whatever their elements are, and do not compile when they are copied. So the elements are asked,
// too; not for ever, since a type may be its own element. What a class has for members cannot be asked. (A range is taken
// for a container; one that refers to elements which can only be moved is moved, then.)
template <class T, int Levels = 8> inline constexpr bool copies = std::copy_constructible<T>;
template <class T, int Levels>
requires(Levels > 0 && requires(T & t) {
  typename T::value_type;
  t.begin();
}) inline constexpr bool copies<T, Levels> = std::copy_constructible<T> && copies<typename T::value_type, Levels - 1>;
template <class T, int Levels>
requires(
    Levels > 0 && requires { typename T::container_type; } && !requires(T & t) { t.begin(); })  // std::queue
    inline constexpr bool copies<T, Levels> =
        std::copy_constructible<T> && copies<typename T::container_type, Levels - 1>;
template <class T, int Levels> inline constexpr bool copies<std::optional<T>, Levels> = copies<T, Levels>;
template <class T, class U, int Levels>
inline constexpr bool copies<std::pair<T, U>, Levels> = (copies<T, Levels> && copies<U, Levels>);
template <class... Ts, int Levels>
inline constexpr bool copies<std::tuple<Ts...>, Levels> = (copies<Ts, Levels> && ...);
template <class... Ts, int Levels>
inline constexpr bool copies<std::variant<Ts...>, Levels> = (copies<Ts, Levels> && ...);

}  // namespace weft::detail
