"""The allow-list as the running master sees it: read again when the file changes, never by restarting."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from posture_shared.exits import Stop
from posture_shared.keys import Allowed, read_allowed
from posture_shared.records import Role

log = logging.getLogger("posture.keys")

LOOK_S: Final = 0.05
"""The file is looked at this often at most, however many messages come."""

UNKNOWN: Final = "unknown key"

_Stamp = tuple[int, int, int]


class AllowList:
    """Who may talk to this master, by public key and by fingerprint (the user id of each message).

    Args:
        file: the allow-list.
        on_revoked: told the keys that were allowed and are not any more.
        clock_s: monotonic seconds.
    """

    def __init__(
        self,
        file: Path,
        *,
        on_revoked: Callable[[list[Allowed]], None] = lambda _keys: None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file, self._clock_s = file, clock_s
        self.on_revoked = on_revoked
        self._looked_s = float("-inf")
        self._stamp: _Stamp | None = None
        self._by_public: dict[str, Allowed] = {}
        self._by_fingerprint: dict[str, Allowed] = {}
        self._take(read_allowed(file))
        self._stamp = self._stamped()

    def known(self, public: str) -> Allowed | None:
        """The key with this public half, revoked ones included; always as the file is now.

        A client that was refused does not try again by itself, so a key that was made a moment ago must count.
        """
        self._looked_s = float("-inf")
        self.look()
        return self._by_public.get(public)

    def allowed(self, fingerprint: str | None, *roles: Role) -> Allowed | None:
        """The key of a message's user id, where it is allowed now and has one of `roles`."""
        self.look()
        key = self._by_fingerprint.get(fingerprint or "")
        return None if objection(key, *roles) else key

    def objection(self, fingerprint: str | None, *roles: Role) -> str:
        """Why `allowed` found no key, for the log."""
        return objection(self._by_fingerprint.get(fingerprint or ""), *roles)

    def look(self) -> None:
        """Read the file again if it changed."""
        now_s = self._clock_s()
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            found = read_allowed(self._file)
        except Stop as stop:  # half-way through somebody's editor: what held goes on holding
            log.error("event=allow_list_unreadable reason=%r", stop.sentence)  # noqa: TRY400 - a sentence, no trace
            return
        before = [key for key in self._by_public.values() if key.revoked is None]
        self._take(found)
        revoked = [key for key in before if not self._holds(key)]
        log.info("event=allow_list_read keys=%d revoked=%d", len(self._by_public), len(revoked))
        if revoked:
            self.on_revoked(revoked)

    def _holds(self, key: Allowed) -> bool:
        """Whether `key` may still do what it might do before."""
        now = self._by_public.get(key.public)
        return now is not None and now.revoked is None and (now.role, now.node) == (key.role, key.node)

    def _take(self, keys: list[Allowed]) -> None:
        self._by_public = {key.public: key for key in keys}
        self._by_fingerprint = {key.fingerprint: key for key in keys}

    def _stamped(self) -> _Stamp | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def objection(key: Allowed | None, *roles: Role) -> str:
    """Why `key` may not do what these roles may; empty where it may."""
    if key is None:
        return UNKNOWN
    if key.revoked is not None:
        return f"the key of {key.name} was revoked"
    return "" if key.role in roles else f"the key of {key.name} has the role {key.role}"
