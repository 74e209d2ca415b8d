"""A key pair for each Job's worker: made for its node, handed over in the Job's Secret, revoked when that is over."""

from collections.abc import Collection
from pathlib import Path
from typing import Final, Protocol

import msgspec

from posture_shared import keys

PREFIX: Final = "posture-worker-"
"""A key whose name begins so is a Job's, named as the Job."""


class WorkerKeys(Protocol):
    """Makes and revokes them; called in a thread."""

    @property
    def in_use(self) -> bool:
        """Whether workers need keys."""

    def make(self, name: str, node: str) -> str | None:
        """The content of the worker's key file; None where no keys are in use."""

    def revoke_others(self, keep: Collection[str]) -> list[str]:
        """Revoke the keys of all Jobs but these; returns their names."""


class NoKeys:
    """Where keys are not in use."""

    in_use = False

    def make(self, name: str, node: str) -> str | None:
        """None."""

    def revoke_others(self, keep: Collection[str]) -> list[str]:  # noqa: ARG002 - as the protocol has it
        """None."""
        return []


class KeysInFolder:
    """The master's folder of keys. The secret half stays here only until it is in the cluster."""

    in_use = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str, node: str) -> str | None:
        """Make the pair, allow it, and keep no copy of its secret. Raises Stop where that cannot be written."""
        if any(key.name == name and key.revoked is None for key in keys.listed(self._folder)):
            keys.revoke(self._folder, name)  # of a Job that was never created
        pair = keys.create(self._folder, name, "worker", node=node)
        keys.key_file(self._folder, name).unlink(missing_ok=True)
        return msgspec.json.encode(pair).decode()

    def revoke_others(self, keep: Collection[str]) -> list[str]:
        """Revoke what belongs to no Job any more."""
        left = [
            key.name
            for key in keys.listed(self._folder)
            if key.revoked is None and key.name.startswith(PREFIX) and key.name not in keep
        ]
        for name in left:
            keys.revoke(self._folder, name)
        return left
