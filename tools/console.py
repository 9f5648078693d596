# SPDX-License-Identifier: BSL-1.0
"""Progress on the terminal: one line an event, each with the time since the start."""

import threading
import time

START = time.monotonic()
lock = threading.Lock()


def say(text):
    with lock:
        print(f"[{time.monotonic() - START:5.0f} s] {text}", flush=True)


def quote(text):
    """A part of somebody else's output."""
    with lock:
        for line in text.splitlines():
            print("        | " + line, flush=True)
