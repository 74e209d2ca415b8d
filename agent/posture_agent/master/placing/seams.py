"""What placement needs of others: the worker plane, the store, and what starts Jobs."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Protocol

from posture_agent.master.leasing.routes import Route
from posture_agent.store.placement_log import Kept
from posture_shared.placement import events
from posture_shared.records import Decision, NodeLoad, WorkerState


class Plane(Protocol):
    """The worker plane, as far as placement needs it."""

    def workers(self) -> list[WorkerState]:
        """Every worker that is joined, then those that were lost."""

    def nodes(self) -> list[NodeLoad]:
        """The last load of each node."""

    def set_routes(self, routes: Mapping[str | None, Route | None], *, generation: int | None = None) -> None:
        """Say which workers may analyse which camera (None: all others), at once; a camera's None clears its own.

        Wakes the workers that are named, drains those that no route names.
        """

    def dismiss(self, key: str) -> None:
        """Let a worker finish and end."""

    def in_flight(self, camera: str | None = None) -> int:
        """Frames being analysed or waiting, of one camera or of all."""

    @property
    def generation(self) -> int:
        """The newest generation given to a worker."""


class PlacementStore(Protocol):
    """Where placement is kept."""

    def load(self) -> Kept:
        """What an earlier master left."""

    def save(self, state: bytes, generation: int, decisions: Iterable[Decision] = ()) -> Future[None]:
        """Keep the state and decisions that are final; done when durable."""

    def decisions(self, limit: int) -> list[Decision]:
        """The newest final decisions, oldest first."""


class Jobs(Protocol):
    """What can start workers on nodes that have none. Calls return at once; failures come by `Placing.job_failed`."""

    def nodes(self) -> Mapping[str, events.KubeNode]:
        """The nodes on which a Job could start a worker."""

    def launch(self, node: str, generation: int) -> None:
        """Start a worker on `node`."""

    def stop(self, node: str) -> None:
        """End the Job on `node`."""


class NoJobs:
    """Without Kubernetes."""

    def nodes(self) -> Mapping[str, events.KubeNode]:
        """None."""
        return {}

    def launch(self, node: str, generation: int) -> None:
        """Never asked for."""

    def stop(self, node: str) -> None:
        """Never asked for."""
