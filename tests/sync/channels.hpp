// SPDX-License-Identifier: BSL-1.0
// What the tests of channels and of select share.
#pragma once

#include <weft/sync/channel.hpp>

#include <array>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <weft/sync/select.hpp>

namespace weft::test {

inline constexpr auto ignore = [](auto&&...) {};

bool throws_closed(auto&& action) {
  try {
    action();
  } catch (const weft::channel_closed& e) {
    return e.code() == std::errc::broken_pipe && std::string_view(e.what()).find("closed channel") != std::string::npos;
  }
  return false;
}

template <class... Channels> bool nobody_waits(Channels&... all) {
  return (!detail::channel_access::core(all).is_waited_for() && ...);
}

// A select over all channels of an array, with one case more if given.
template <std::size_t N, class F, class... More>
std::size_t select_all(std::array<channel<int>, N>& all, F&& f, More&&... more) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return select(on_receive(all[I], [&](std::optional<int> v) { f(I, v); })..., std::forward<More>(more)...);
  }
  (std::make_index_sequence<N>());
}

}  // namespace weft::test
