#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
"""The proxy of ../asyncio_proxy on uvloop's event loop: main.py PORT UPSTREAM."""

import asyncio
import runpy
from pathlib import Path

import uvloop

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
runpy.run_path(str(Path(__file__).resolve().parent.parent / "asyncio_proxy" / "main.py"), run_name="__main__")
