"""Whether pictures may be taken: the master's last order, kept in a file so that a restart does not forget it.

Without a file a camera that starts while it is paused takes pictures until the broker has told it, some tenths of a
second.
"""

import logging
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from posture_publisher.wire import Order, parse_order

log = logging.getLogger(__name__)

FILE: Final = "control.json"


class Obedience:
    """The order that holds."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._order = _kept(file) or Order(capture="on")

    def heard(self, order: Order) -> None:
        """The master said something; what says nothing of pictures changes nothing here."""
        if order.capture is None or order == self._order:
            return
        self._order = order
        log.info("order capture=%s until=%s reason=%r", order.capture, order.until, order.reason[:200])
        if self._file is None:
            return
        part = self._file.with_suffix(".part")
        try:
            part.write_bytes(msgspec.json.encode(order))
            part.replace(self._file)
        except OSError as error:
            log.warning("order not kept over a restart error=%s", error.strerror)

    def paused(self, now: datetime) -> bool:
        """Whether no pictures may be taken at `now`."""
        order = self._order
        return order.capture == "off" and (order.until is None or now < order.until)


def _kept(file: Path | None) -> Order | None:
    if file is None:
        return None
    try:
        content = file.read_bytes()
    except OSError:
        return None
    return parse_order(content) if content else None
