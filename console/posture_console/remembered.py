"""What the console remembers from one run to the next: how pictures were last drawn in this kind of terminal.

Kept in the user's state folder. Nothing depends on it: where it cannot be read or written, the console only forgets.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import platformdirs

_MOST_BYTES: Final = 64 * 1024
_MOST_TERMINALS: Final = 50


class PictureMemory:
    """The choice of each kind of terminal; one is known by what it calls itself.

    Args:
        file: where it is kept; None: the user's state folder.
        environment: what the terminal says of itself; None: this process's.
    """

    def __init__(self, file: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        self._file = file or Path(platformdirs.user_state_dir("posture")) / "console.json"
        self._terminal = _name_of(os.environ if environment is None else environment)

    def recall(self) -> str | None:
        """The mode chosen last in such a terminal, None where none was."""
        return self._all().get(self._terminal)

    def keep(self, mode: str) -> None:
        """Remember `mode`. The file is replaced as a whole: a console that ends meanwhile leaves the former one."""
        others = {name: kept for name, kept in self._all().items() if name != self._terminal}
        newest = [*others.items(), (self._terminal, mode)][-_MOST_TERMINALS:]
        fresh = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(msgspec.json.encode({"pictures": dict(newest)}))
            fresh.replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)

    def _all(self) -> dict[str, str]:
        try:
            with self._file.open("rb") as source:
                return msgspec.json.decode(source.read(_MOST_BYTES), type=dict[str, dict[str, str]])["pictures"]
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, KeyError):
            return {}


def _name_of(environment: Mapping[str, str]) -> str:
    """A terminal within a multiplexer is another one than without."""
    name = environment.get("TERM_PROGRAM") or environment.get("TERM") or "unknown"
    return f"{name[:64]} in a multiplexer" if environment.get("TMUX") or environment.get("STY") else name[:64]
