"""All that placement remembers. It travels as JSON, so a restarted master goes on where it was.

Values in the dictionaries are frozen; a step works on a copy of the dictionaries (`State.copy`), so a state that
was handed out never changes.
"""

from copy import copy
from typing import Final, Literal

import msgspec

from posture_shared.placement.actions import Pick
from posture_shared.placement.events import KubeNode
from posture_shared.placement.rules import PolicyName, Rules
from posture_shared.records import Decision, Override

Side = tuple[str, ...]
"""The nodes that analyse a camera; one, except under policies that mix."""

ANY: Final = "*"
"""Stands for every camera that is not known yet (`*` is no valid camera name)."""
ALL: Final = "all"
"""The scope of an override or a decision that means every camera."""
FORGET_S: Final = 600.0
"""A camera that was not reported for this long is forgotten."""
SAMPLES: Final = 3
"""CPU is the mean of this many one-second samples."""

Phase = Literal["standby", "starting", "ready", "draining"]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """The last samples of a node, newest last, per cent of the whole node."""

    cpu: tuple[float, ...]
    cores: int
    seen_s: float


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A connected worker. `generation` is that of the last ACTIVATE or DRAIN it was sent."""

    node: str
    local: bool = False
    job: bool = False
    phase: Phase = "standby"
    generation: int = 0
    since_s: float = 0.0
    """When it entered its phase."""


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """Where a camera's frames are analysed (`at`) and, during a handover, where they are to be (`to`)."""

    at: Side
    to: Side | None = None
    seen_s: float = 0.0
    came_from: Side = ()
    """The side it left last; while that drains on the way home the camera is RETURNING."""
    fps: float = 0.0
    in_flight: int = 0
    pinned: bool = False
    trouble: str = ""
    """Why it is not where it should be; empty while all is well."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy decided: one side for all its cameras, or a node for each (`shares`)."""

    side: Side
    shares: dict[str, str] = {}
    changed_s: float | None = None
    trouble: str = ""

    def of(self, camera: str) -> Side:
        """The side of one camera."""
        return (self.shares[camera],) if camera in self.shares else self.side

    def nodes(self) -> Side:
        """Every node that the choice uses."""
        return tuple(sorted({*self.side, *self.shares.values()})) if self.shares else self.side


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """A decision whose cameras are still on their way."""

    decision: Decision
    cameras: tuple[str, ...]
    since_s: float
    in_flight: int = 0


class Route(msgspec.Struct, frozen=True):
    """The route as last given out."""

    workers: tuple[str, ...] = ()
    pick: Pick = "cheapest"


class State(msgspec.Struct, kw_only=True):
    """Everything that a step knows besides its event."""

    at_s: float = 0.0
    site: str = ""
    node: str = ""
    cores: int = 1
    rules: Rules = Rules()
    started_s: float = 0.0
    decided_s: float = 0.0
    generation: int = 0
    decisions: int = 0
    local_lost_s: float | None = None
    """Since when no worker runs on the master's own node."""
    nodes: dict[str, Node] = {}
    workers: dict[str, Worker] = {}
    cameras: dict[str, Camera] = {}
    kube: dict[str, KubeNode] = {}
    jobs: dict[str, float] = {}
    """The nodes that have a Job, and since when a worker of theirs is waited for (or would be)."""
    costs: dict[str, float] = {}
    choices: dict[PolicyName, Choice] = {}
    overrides: dict[str, Override] = {}
    shunned: dict[str, float] = {}
    """Nodes that are not tried again before this time."""
    handovers: dict[str, Handover] = {}
    routes: dict[str, Route] = {}

    def copy(self) -> "State":
        """A state that may be changed without changing this one."""
        copied = copy(self)
        for name in self.__struct_fields__:
            if isinstance(value := getattr(copied, name), dict):
                setattr(copied, name, dict(value))
        return copied

    @property
    def home(self) -> Side:
        """The master's own node as a side."""
        return (self.node,)

    def real_cameras(self) -> list[str]:
        """The known cameras, in name order."""
        return sorted(name for name in self.cameras if name != ANY)

    def workers_on(self, node: str) -> list[str]:
        """The connected workers of a node, in name order."""
        return sorted(key for key, worker in self.workers.items() if worker.node == node)

    def ready_on(self, node: str) -> list[str]:
        """The workers of a node that can take frames now."""
        return [key for key in self.workers_on(node) if self.workers[key].phase == "ready"]

    def ready(self) -> dict[str, list[str]]:
        """The workers that can take frames now, by node, in name order."""
        return self.workers_by_node("ready")

    def workers_by_node(self, phase: Phase) -> dict[str, list[str]]:
        """The workers in `phase`, by node, in name order."""
        found: dict[str, list[str]] = {}
        for key in sorted(self.workers):
            if self.workers[key].phase == phase:
                found.setdefault(self.workers[key].node, []).append(key)
        return found

    def launchable(self, node: str) -> bool:
        """Whether a Job could bring a worker to `node` now."""
        return node in self.kube and node not in self.shunned

    def present(self, node: str) -> bool:
        """Whether work may be sent to `node`: a worker is there, or a Job can start one, or it is expected back."""
        if node == self.node:
            return self.local_lost_s is None or self.at_s - self.local_lost_s < self.rules.grace_s
        if node in self.shunned:
            return False
        return bool(self.workers_on(node)) or self.launchable(node) or self.expecting()

    def expecting(self) -> bool:
        """Whether the master began so lately that its workers may still be on their way to it."""
        return self.at_s - self.started_s < self.rules.grace_s


def encode(state: State) -> bytes:
    """`state` as JSON."""
    return msgspec.json.encode(state)


def decode(data: bytes | str) -> State:
    """A state from its JSON. Raises msgspec.DecodeError where it makes no sense."""
    return msgspec.json.decode(data, type=State)
