#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
"""The hello server of ../asyncio_http on uvloop's event loop: main.py [PORT]."""

import asyncio
import runpy
from pathlib import Path

import uvloop

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
runpy.run_path(str(Path(__file__).resolve().parent.parent / "asyncio_http" / "main.py"), run_name="__main__")
