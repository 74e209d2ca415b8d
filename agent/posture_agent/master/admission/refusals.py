"""The log's lines about keys that were refused, with the fingerprint: no key's flood hides the refusal of another."""

import logging
from collections import OrderedDict
from typing import Final

from posture_shared.log import RateLimit
from posture_shared.text import one_line

log = logging.getLogger("posture.keys")

_KEYS: Final = 1000
"""Keys with a limit of their own; a stranger may make up any number."""
_STRANGERS: Final = 40
"""Lines in ten seconds about keys that are on no list."""


class Refusals:
    """Writes the lines."""

    def __init__(self) -> None:
        self._limits: OrderedDict[str, RateLimit] = OrderedDict()
        self._strangers = RateLimit(burst=_STRANGERS)

    def tell(self, socket: str, mark: str, why: str, *, known: bool, address: str = "-") -> None:
        """The key with the fingerprint `mark` was refused on `socket`; `known`: it is or was on the allow-list."""
        allowed, kept_back = self._limit(mark).allow()
        if allowed and not known:
            allowed = self._strangers.allow()[0]
        if allowed:
            log.warning(
                "event=key_refused socket=%s fingerprint=%s address=%s reason=%r kept_back=%d",
                one_line(socket, 40),
                mark,
                one_line(address, 80),
                one_line(why, 200),
                kept_back,
                extra={"about": mark},
            )

    def _limit(self, mark: str) -> RateLimit:
        limit = self._limits.get(mark)
        if limit is None:
            limit = self._limits[mark] = RateLimit()
            while len(self._limits) > _KEYS:
                self._limits.popitem(last=False)
        self._limits.move_to_end(mark)
        return limit
