"""Recording what the console shows while it shows it: started and ended by a key, into a file beside it."""

import asyncio
from datetime import datetime
from pathlib import Path

from posture_console.links.master_link import MasterLink
from posture_console.record.follower import Follower
from posture_console.record.recorder import Recorder, TapedStore
from posture_shared.exits import Stop


class Taping:
    """One recording at a time; `file` is its name, empty while there is none."""

    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def file(self) -> str:
        """The name of the file that is being written."""
        running = self._task is not None and not self._task.done()
        return self._recorder.file.name if running and self._recorder is not None else ""

    async def toggle(self, link: MasterLink) -> str:
        """Begin or end; returns what to tell the operator."""
        if self.file:
            return await self.end()
        store = link.store
        if not isinstance(store, TapedStore) or not store.loaded:
            return "nothing to record yet: the master was not reached"
        try:
            self._recorder = Recorder(_new_file())
        except Stop as stop:
            return stop.sentence
        self._task = asyncio.create_task(Follower(link, store, self._recorder, pictures=False).run())
        return f"recording into {self._recorder.file}"

    async def end(self) -> str:
        """Write the rest and close the file; returns what to tell the operator."""
        if self._task is None or self._recorder is None:
            return ""
        self._task.cancel()
        (outcome,) = await asyncio.gather(self._task, return_exceptions=True)
        recorder, self._task, self._recorder = self._recorder, None, None
        if isinstance(outcome, Stop):
            return outcome.sentence
        return f"{recorder.events} events recorded in {recorder.file}; posture-console replay shows them"


def _new_file() -> Path:
    return Path(f"posture-{datetime.now().astimezone():%Y%m%d-%H%M%S}.rec").absolute()
