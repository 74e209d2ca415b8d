"""systemd's end of the notification socket, for tests."""

import contextlib
import socket
import time
from pathlib import Path

from support.processes import wait_for


class Listener:
    """A datagram socket that keeps what services say; `environment` is what systemd gives a service."""

    def __init__(self, path: Path, *, watchdog_s: float | None = None) -> None:
        self.path = path
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._link.bind(str(path))
        self._link.setblocking(False)
        self._said: list[str] = []
        self.fed_s: float | None = None
        """When the watchdog was last fed, as far as `heard` knows."""
        self.environment = {"NOTIFY_SOCKET": str(path)}
        if watchdog_s is not None:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))

    def heard(self) -> list[str]:
        """Everything said so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                word = self._link.recv(4096).decode()
                self._said.append(word)
                if word == "WATCHDOG=1":
                    self.fed_s = time.monotonic()
        return self._said

    def count(self, word: str) -> int:
        """How often `word` was said."""
        return self.heard().count(word)

    def wait_for(self, word: str, timeout: float = 30) -> None:
        """Wait until `word` has been said."""
        wait_for(lambda: word in self.heard(), timeout, what=f"{word}; heard {self._said}")

    def wait_fed(self, times: int = 1, timeout: float = 30) -> None:
        """Wait until the watchdog was fed so many times more."""
        wanted = self.count("WATCHDOG=1") + times
        wait_for(lambda: self.count("WATCHDOG=1") >= wanted, timeout, what="the watchdog is fed")

    def silent_for(self, seconds: float, timeout: float = 60) -> None:
        """Wait until nothing was fed for so long, which is when systemd would act."""
        self.heard()
        self.fed_s = self.fed_s or time.monotonic()

        def silent() -> bool:
            self.heard()
            assert self.fed_s is not None
            return time.monotonic() - self.fed_s > seconds

        wait_for(silent, timeout, what=f"the watchdog is not fed for {seconds:g} s")

    def close(self) -> None:
        self._link.close()
