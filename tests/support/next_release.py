"""What a later release may send that this one does not know: further fields, further messages, a higher version.

As a program it is this release's worker, with a fake analysis, that speaks as such a release would:
`python next_release.py OLDEST VERSION ENDPOINT NODE INSTANCE THREADS`.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from posture_agent.worker import link, run
from posture_shared import exits
from posture_shared.messages import worker as wire
from support import fake_worker


def encode_later(header: Any) -> bytes:
    """`header` with fields of a later release, in it and in what it holds; `UNKNOWN` as it is."""
    if header is UNKNOWN:
        return UNKNOWN
    plain = msgspec.msgpack.decode(wire.encode(header))
    for part in (plain, *(value for value in plain.values() if isinstance(value, dict))):
        part["of_a_later_release"] = {"nested": [1, 2.5, None]}
    return msgspec.msgpack.encode(plain)


UNKNOWN = msgspec.msgpack.encode({"t": "TIDINGS", "joy": True})
"""A message that only a later release knows."""


def tells_more(send: Callable[..., Any]) -> Callable[..., Any]:
    """`Link.send` that says something unknown after each tenth message."""
    numbers: Iterator[int] = iter(range(1, sys.maxsize))

    def also(self: link.Link, message: Any, body: bytes | None = None) -> None:
        send(self, message, body)
        if next(numbers) % 10 == 0 and self._socket is not None:
            self._socket.send((UNKNOWN,))

    return also


def main() -> None:
    oldest, version, *rest = sys.argv[1:]
    run.OLDEST_VERSION, run.VERSION = int(oldest), int(version)  # type: ignore[misc]
    link.encode = encode_later  # type: ignore[attr-defined]
    link.Link.send = tells_more(link.Link.send)  # type: ignore[method-assign]
    sys.argv[1:] = rest
    fake_worker.main()


if __name__ == "__main__":
    exits.run(main)
