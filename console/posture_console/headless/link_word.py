"""What a verb that runs on says of its link, on stderr: once that it went, once that it is back.

A link that went is tried again for ever. A master that refuses this console, as after its key was revoked, ends the
verb.
"""

import time
from collections.abc import Callable

import click

from posture_console.core.connection import Phase, describe
from posture_console.core.sanitise import one_line
from posture_console.links.master_link import MasterLink
from posture_shared.exits import Exit, Stop


class LinkWord:
    """Says how `link` does, each time it is asked to look. `on_refused` is called when the master refuses it."""

    def __init__(self, link: MasterLink, on_refused: Callable[[], object] | None = None) -> None:
        self._link, self._on_refused = link, on_refused
        self._is_lost = False
        self._refusal = ""

    def look(self) -> None:
        """Say what is new."""
        connection = self._link.connection
        said = one_line(describe(connection, time.monotonic()))
        if connection.phase is Phase.REFUSED:
            if not self._refusal and self._on_refused is not None:
                self._on_refused()
            self._refusal = said
        elif connection.phase is Phase.LOST and not self._is_lost:
            self._is_lost = True
            click.echo(f"posture-console: {said}", err=True)
        elif connection.is_live and self._is_lost:
            self._is_lost = False
            click.echo(f"posture-console: {said} again", err=True)

    def end_if_refused(self) -> None:
        """End the verb where the master refused.

        Raises:
            Stop: exit code 4, with the master's reason.
        """
        if self._refusal:
            raise Stop(self._refusal, Exit.REFUSED)
