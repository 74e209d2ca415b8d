"""The side channel to systemd: ready, still at work, ending. Without systemd every call does nothing.

Follows sd_notify(3): datagrams to the socket that `NOTIFY_SOCKET` names. The watchdog is fed by whoever can say that
work progresses; a program that merely lives feeds nothing. The variables are taken out of the environment, so that a
process that this one starts cannot speak for it.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable, MutableMapping
from typing import Final, Self

_PARTS: Final = 4
"""The watchdog is fed so many times within its patience."""


class Service:
    """What systemd knows of this process.

    Args:
        address: the socket's path, or '@' and a name in the abstract namespace; None where nobody listens.
        watchdog_s: seconds of silence after which systemd ends the process; None where it does not watch.
    """

    def __init__(
        self,
        address: str | None = None,
        watchdog_s: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self.watchdog_s, self._clock = address, watchdog_s, clock
        self._fed_s = float("-inf")
        self._ready = False
        self._status = ""

    @classmethod
    def of_this_process(cls, environment: MutableMapping[str, str] | None = None) -> Self:
        """As systemd set it up for this process."""
        given = os.environ if environment is None else environment
        address = given.pop("NOTIFY_SOCKET", None)
        watchdog, pid = given.pop("WATCHDOG_USEC", ""), given.pop("WATCHDOG_PID", "")
        meant = watchdog.isdecimal() and (not pid or pid == str(os.getpid()))
        return cls(address or None, int(watchdog) / 1e6 if meant else None)

    def ready(self) -> None:
        """Start-up is over; said once."""
        if not self._ready:
            self._ready = True
            self._tell("READY=1")

    def working(self) -> None:
        """Work progresses: feed the watchdog, as often as it needs and no more."""
        if self.watchdog_s is None:
            return
        now = self._clock()
        if now - self._fed_s >= self.watchdog_s / _PARTS:
            self._fed_s = now
            self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """A line for `systemctl status`; the same one is not said twice."""
        if text != self._status:
            self._status = text
            self._tell(f"STATUS={' '.join(text.split())}")

    def stopping(self) -> None:
        """The process ends by its own will."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        """One datagram; systemd being away or busy must never stop the work."""
        if self._address is None:
            return
        place = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.setblocking(False)
            link.sendto(message.encode(), place)
