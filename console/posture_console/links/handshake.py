"""Who this console is to a master, and what ZeroMQ says when the master does not want it.

A CURVE refusal happens below the protocol: no message ever comes. The socket's monitor tells the three cases apart,
which an operator would otherwise see as a master that does not answer.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

from posture_shared.exits import Exit, Stop
from posture_shared.keys import KeyPair, fingerprint, import_key, read_key

WATCHED: Final = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
_UNCLEAR: Final = 3
"""Handshakes that end without a word until that counts as a refusal: a master that is killed does it once."""


def console_pair(file: Path | None) -> KeyPair | None:
    """The pair in a console's key file, None without one.

    Raises:
        Stop: it cannot be read, or is no console's key.
    """
    return None if file is None else _a_consoles(read_key(file))


def imported(file: Path, folder: Path) -> tuple[KeyPair, Path]:
    """Copy a console's key file to `folder`, for this user alone; the pair and its new place.

    Raises:
        Stop: it is no key or no console's, or cannot be written.
    """
    with TemporaryDirectory() as passing:  # what is refused must not touch a key of that name which is there already
        pair = _a_consoles(read_key(import_key(file, Path(passing))))
    return pair, import_key(file, folder)


def _a_consoles(pair: KeyPair) -> KeyPair:
    if pair.role not in {"viewer", "operator"}:
        raise Stop(
            f"'{pair.name}' is a {pair.role}'s key: a console needs one made with --role viewer or operator", Exit.USAGE
        )
    return pair


async def refusal(monitor: zmq.asyncio.Socket, pair: KeyPair | None) -> str:
    """Wait until the handshakes that `monitor` tells of mean a refusal; returns it in words."""
    unclear = 0
    while True:
        event = parse_monitor_message(await monitor.recv_multipart())
        if event["event"] == zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            unclear += 1
        if event["event"] != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL or unclear >= _UNCLEAR:
            return _words(event["event"], pair)


def _words(event: int, pair: KeyPair | None) -> str:
    if pair is None:
        return "it asks for a key; give one with --key FILE, made on the master by `posture-agent keys create`"
    named = f"the key '{pair.name}' ({fingerprint(pair.public)})"
    if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        return f"{named} was revoked, or never allowed there"
    if event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return f"it uses no keys, so {named} proves nothing there; leave --key away or give the master keys"
    # A master that hangs up without a word: either end may be the first to see that the other uses no keys.
    return f"{named} was made for another master, or it uses no keys"
