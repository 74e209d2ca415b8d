"""The event loop on which ZeroMQ works: on Windows that is not the default one."""

import asyncio
import sys


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop that can watch sockets, which Windows' proactor loop cannot."""
    return asyncio.SelectorEventLoop() if sys.platform == "win32" else asyncio.new_event_loop()
