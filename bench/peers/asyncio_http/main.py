#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
"""The hello server on aiohttp, on Python's asyncio: main.py [PORT]."""

import asyncio
import sys

from aiohttp import web


async def hello(_):
    return web.Response(text="Hello, world!\n")


async def serve(port):
    application = web.Application()
    application.router.add_get("/", hello)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()  # sets TCP_NODELAY itself
    print(f"listening on 127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
