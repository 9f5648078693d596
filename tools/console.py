# SPDX-License-Identifier: BSL-1.0
"""Progress on the terminal: one line an event, each with the time since the start."""

import threading
import time

START = time.monotonic()
lock = threading.Lock()


def say(text, quoted=""):
    """One event; `quoted`: what somebody else said of it."""
    with lock:
        print(f"[{time.monotonic() - START:5.0f} s] {text}", flush=True)
        for line in quoted.splitlines():
            print("        | " + line, flush=True)
