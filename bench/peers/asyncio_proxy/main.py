#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
"""The proxy of bench/proxy_fiber.cpp on Python's asyncio streams: main.py PORT UPSTREAM."""

import asyncio
import socket
import sys


def no_delay(writer):
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def pass_on(client, to_client, upstream):
    no_delay(to_client)
    server, to_server = await asyncio.open_connection("127.0.0.1", upstream)
    no_delay(to_server)
    try:
        while message := await client.read(16384):
            to_server.write(message)
            await to_server.drain()
            to_client.write(await server.readexactly(len(message)))
            await to_client.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        to_server.close()
        to_client.close()


async def serve(port, upstream):
    server = await asyncio.start_server(lambda reader, writer: pass_on(reader, writer, upstream), "127.0.0.1", port,
                                        backlog=4096)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: main.py PORT UPSTREAM")
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
