// SPDX-License-Identifier: BSL-1.0
// All of weft but what has a top header of its own (hooks, stackless).
#pragma once

#include <weft/base/deadline.hpp>
#include <weft/base/error.hpp>
#include <weft/fiber/deadline_scope.hpp>
#include <weft/fiber/fiber.hpp>
#include <weft/fiber/fiber_id.hpp>
#include <weft/fiber/fiber_ref.hpp>
#include <weft/fiber/run.hpp>
#include <weft/fiber/runtime_spawn.hpp>
#include <weft/fiber/scope.hpp>
#include <weft/fiber/signal_wait.hpp>
#include <weft/fiber/spawn_options.hpp>
#include <weft/fiber/this_fiber.hpp>
#include <weft/net/address.hpp>
#include <weft/net/buffered.hpp>
#include <weft/net/error.hpp>
#include <weft/net/serve.hpp>
#include <weft/net/stream.hpp>
#include <weft/net/tcp_listener.hpp>
#include <weft/net/tcp_stream.hpp>
#include <weft/net/unix_listener.hpp>
#include <weft/net/unix_stream.hpp>
#include <weft/net/wait.hpp>
#include <weft/sched/options.hpp>
#include <weft/sched/runtime.hpp>
#include <weft/sched/stats.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/wait_group.hpp>
