"""A TCP proxy in a thread that delays, resets and swallows what passes, as a bad network does.

A blackhole holds everything back, connections stay; when it ends what was held arrives late, as TCP would deliver it.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
import time
from typing import Self

_CHUNK_BYTES = 65536
_HELD_CHUNKS = 64
_LOOK_S = 0.02
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: close sends RST."""


class FlakyProxy:
    """Listens on `port` of `host`, a free one if none is given, and passes on to 127.0.0.1:`target`.

    Attributes:
        delay_s: one way, each way. reset_chance: of each chunk that passes, to end its connection with RST.
        blackhole: nothing passes, nothing ends. resets: connections ended so far.
    """

    def __init__(self, target: int, *, seed: int = 1, host: str = "127.0.0.1", port: int = 0) -> None:
        self._target, self._host = target, host
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="flaky-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self.port = port
        self.delay_s = 0.0
        self.reset_chance = 0.0
        self.blackhole = False
        self.resets = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def cut(self) -> None:
        """End what is connected with RST, as soon as something passes."""
        wanted = self.resets + 1
        self.reset_chance = 1.0
        while self.resets < wanted:  # the test's own time limit ends it
            time.sleep(_LOOK_S)
        self.reset_chance = 0.0

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        ways = [asyncio.create_task(self._carry(reader, back)), asyncio.create_task(self._carry(there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, back):
                end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, until it ends; a chunk leaves `delay_s` after it came."""
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_HELD_CHUNKS)
        leaving = asyncio.create_task(self._leave(held, writer))
        try:
            while chunk := await reader.read(_CHUNK_BYTES):
                await held.put((time.monotonic() + self.delay_s, chunk))
                if leaving.done():
                    return
            await held.put((time.monotonic() + self.delay_s, b""))
            await leaving
        except ConnectionError:
            pass
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)

    async def _leave(self, held: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                due_s, chunk = await held.get()
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                await self._open()
                if not chunk:  # the end, after all that came before it
                    return
                if self._random.random() < self.reset_chance:
                    self._reset(writer)
                    return
                writer.write(chunk)
                await writer.drain()

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        self.resets += 1
        end: socket.socket | None = writer.get_extra_info("socket")
        if end is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        writer.transport.abort()

    async def _open(self) -> None:
        while self.blackhole:  # noqa: ASYNC110 - a switch that another thread turns
            await asyncio.sleep(_LOOK_S)
