"""Kubernetes as one object for the master: nothing but stand-ins while it is not enabled."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from posture_agent.asking import Answer
from posture_agent.kube.settings import KubeSettings
from posture_shared.exits import Exit, Stop
from posture_shared.placement.events import KubeNode
from posture_shared.records import Link, WorkerState


class Kubernetes:
    """What the master knows of Kubernetes. Placement is bound after it was made, since each needs the other.

    Args:
        settings: of the way there. site: the master's node. keys_dir: None where keys are not in use.
    """

    def __init__(
        self,
        settings: KubeSettings,
        *,
        site: str,
        keys_dir: Path | None,
        workers: Callable[[], Sequence[WorkerState]],
        on_alarm: Callable[[str, str, str | None], None],
    ) -> None:
        self.queries: Mapping[str, Any] = {
            **dict.fromkeys(("jobs", "job_nodes"), _none),
            **dict.fromkeys(("job_log", "job_preview"), _absent),
        }
        self.commands: Mapping[str, Any] = dict.fromkeys(("job_launch", "job_stop"), _absent)
        self._desired: Callable[[], Collection[str]] = set
        self._failed: Callable[[str, str], None] = lambda _node, _why: None
        self._measured: Callable[[str], float | None] = lambda _node: None
        self._launcher = None
        if not settings.enabled:
            return
        if settings.master is None:
            raise Stop("setting 'kube.master': say where workers find this master, tcp://HOST:5570", Exit.USAGE)
        # Only here: the client is not a small one, and most sites have no Kubernetes.
        from posture_agent.kube.cluster import Cluster  # noqa: PLC0415
        from posture_agent.kube.launcher import Launcher  # noqa: PLC0415
        from posture_agent.kube.operating import Operating  # noqa: PLC0415
        from posture_agent.kube.worker_keys import KeysInFolder, NoKeys  # noqa: PLC0415

        cluster = Cluster(settings)
        self._launcher = Launcher(
            settings,
            cluster,
            site=site,
            keys=NoKeys() if keys_dir is None else KeysInFolder(keys_dir),
            desired=lambda: self._desired(),  # noqa: PLW0108 - bound later
            workers=workers,
            on_failed=lambda node, why: self._failed(node, why),  # noqa: PLW0108 - bound later
            measured=lambda node: self._measured(node),  # noqa: PLW0108 - bound later
            on_alarm=on_alarm,
        )
        operating = Operating(self._launcher, cluster)
        self.queries, self.commands = operating.queries(), operating.commands()

    def open(
        self,
        desired: Callable[[], Collection[str]],
        failed: Callable[[str, str], None],
        measured: Callable[[str], float | None],
    ) -> None:
        """Begin, for a placement that has begun.

        Args:
            desired: its Jobs' nodes.
            failed: is told the node and why no worker will come.
            measured: a node's CPU as its workers report it, per cent.
        """
        self._desired, self._failed, self._measured = desired, failed, measured
        if self._launcher is not None:
            self._launcher.open()

    async def close(self) -> None:
        """End; Jobs stay, and the next master adopts them."""
        if self._launcher is not None:
            await self._launcher.close()

    def links(self) -> list[Link]:
        """How the master stands with Kubernetes; none without it."""
        return [] if self._launcher is None else [self._launcher.link()]

    def jobs_by_state(self) -> dict[str, int]:
        """How many Jobs there are in each state. Any thread may ask."""
        return {} if self._launcher is None else Counter(job.state for job in self._launcher.found if not job.gone)

    # Placement's `Jobs`.

    def nodes(self) -> Mapping[str, KubeNode]:
        """The nodes on which a Job could start a worker."""
        return {} if self._launcher is None else self._launcher.nodes()

    def launch(self, node: str, generation: int) -> None:
        """Start a worker on `node`, soon."""
        if self._launcher is not None:
            self._launcher.launch(node, generation)

    def stop(self, node: str) -> None:
        """End the Job on `node`, soon."""
        if self._launcher is not None:
            self._launcher.stop(node)


async def _none(_args: dict[str, Any]) -> Answer:
    """The Jobs and their nodes where there is no Kubernetes; that there is none shows by its missing link."""
    return Answer([])


async def _absent(*_asked: Any) -> Any:
    """The answer to whoever wants something of a Job where there is no Kubernetes."""
    raise Stop("this master has no Kubernetes: set kube.enabled, see docs/kubernetes.md", Exit.NOT_WELL)
