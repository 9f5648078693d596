// SPDX-License-Identifier: BSL-1.0
#include "hooks/table.hpp"

#include <threads.h>
#include <time.h>
#include <unistd.h>

// The linker is told to want this name (`-u`), so that it keeps a library that no program refers to.
extern "C" {
extern const int weft_hooks_anchor;
const int weft_hooks_anchor = 1;
}

namespace weft::detail {
namespace {

template <auto Function> const auto at = reinterpret_cast<void (*)()>(Function);

const hook rows[] = {
    {"sleep", behaviour::sleeps, at<&::sleep>},
    {"usleep", behaviour::sleeps, at<&::usleep>},
    {"nanosleep", behaviour::sleeps, at<&::nanosleep>},
    {"clock_nanosleep", behaviour::sleeps, at<&::clock_nanosleep>},
    {"thrd_sleep", behaviour::sleeps, at<&::thrd_sleep>},
};

}  // namespace

std::span<const hook> hooks_table() noexcept { return rows; }

}  // namespace weft::detail
