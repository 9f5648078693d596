// SPDX-License-Identifier: BSL-1.0
// The handles of several fibers and futures, and what waits for them: what the templates of when_all() stand on.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>
#include <weft/detail/sync/contender.hpp>
#include <weft/fiber/fiber.hpp>
#include <weft/sync/future.hpp>

namespace weft::detail {

struct future_access {
  template <class T> static future_core& end_of(const future_handle<T>& handle) { return handle.verified(); }
};

struct fiber_access {
  template <class T> static completion& end_of(const fiber<T>& handle) {
    (void)handle.done();  // throws without a fiber
    return handle.handle_.core()->end;
  }
};

template <class H> struct access_to;
template <class T> struct access_to<future<T>> : future_access {};
template <class T> struct access_to<shared_future<T>> : future_access {};
template <class T> struct access_to<fiber<T>> : fiber_access {};

template <class H>
concept handle_of_end = requires(const std::remove_cvref_t<H>& handle) {
  access_to<std::remove_cvref_t<H>>::end_of(handle);
};

template <class V> inline constexpr bool is_vector_of_handles = false;
template <handle_of_end H> inline constexpr bool is_vector_of_handles<std::vector<H>> = true;

template <class H> void stand(contender& one, const H& handle) { one.stands_for(access_to<H>::end_of(handle)); }

// `Handles` is a tuple or a vector of handles, or of references to them, or a reference to a vector of them. It stays
// where it is, since waiters may know the contenders.
template <class Handles> class several {
 public:
  explicit several(Handles&& these) : these_(std::forward<Handles>(these)), contenders_(these_.size()) {}

  // Throws what empty handles throw.
  [[nodiscard]] std::span<contender> prepare() {
    std::size_t i = 0;
    for (const auto& handle : these_) stand(contenders_[i++], handle);
    return contenders_;
  }
  [[nodiscard]] Handles give() { return std::forward<Handles>(these_); }

 private:
  Handles these_;
  std::vector<contender> contenders_;
};

template <class... H> class several<std::tuple<H...>> {
 public:
  explicit several(std::tuple<H...>&& these) : these_(std::move(these)) {}

  [[nodiscard]] std::span<contender> prepare() {
    std::size_t i = 0;
    std::apply([&](const auto&... handle) { (stand(contenders_[i++], handle), ...); }, these_);
    return contenders_;
  }
  [[nodiscard]] std::tuple<H...> give() { return std::move(these_); }

 private:
  std::tuple<H...> these_;
  std::array<contender, sizeof...(H)> contenders_;
};

}  // namespace weft::detail
