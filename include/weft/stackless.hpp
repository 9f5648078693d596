// SPDX-License-Identifier: BSL-1.0
// All of weft::stackless: generators, tasks beside fibers, on the same workers; the sockets whose async_ functions they
// await; asyncio's streams, locks and queues; the bridges to fibers.
#pragma once

#include <weft/net/tcp_listener.hpp>
#include <weft/net/udp_socket.hpp>
#include <weft/net/unix_listener.hpp>
#include <weft/stackless/async_generator.hpp>
#include <weft/stackless/async_with.hpp>
#include <weft/stackless/awaitable.hpp>
#include <weft/stackless/ensure_future.hpp>
#include <weft/stackless/event_loop.hpp>
#include <weft/stackless/future.hpp>
#include <weft/stackless/gather.hpp>
#include <weft/stackless/generator.hpp>
#include <weft/stackless/run.hpp>
#include <weft/stackless/sleep.hpp>
#include <weft/stackless/start_eagerly.hpp>
#include <weft/stackless/task.hpp>
#include <weft/stackless/task_group.hpp>
#include <weft/stackless/task_handle.hpp>
#include <weft/stackless/task_ref.hpp>
#include <weft/stackless/wait.hpp>
#include <weft/stackless_io/bridges.hpp>
#include <weft/stackless_io/condition.hpp>
#include <weft/stackless_io/lock.hpp>
#include <weft/stackless_io/queue.hpp>
#include <weft/stackless_io/streams.hpp>
#include <weft/stackless_io/transport.hpp>
