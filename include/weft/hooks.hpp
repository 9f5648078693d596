// SPDX-License-Identifier: BSL-1.0
// All of weft::hooks: what a program can say to the library weft-hooks. docs/hooks.md lists the functions of libc.
#pragma once

#include <weft/hooks/enabled.hpp>
#include <weft/hooks/open_stream.hpp>
