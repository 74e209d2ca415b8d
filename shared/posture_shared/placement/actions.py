"""What placement asks for. The master carries it out; nothing here is done by placement itself."""

from typing import Literal

import msgspec

from posture_shared.records import Decision

Pick = Literal["cheapest", "turns"]
"""Which worker of a route takes a frame: the one that would be done with it first, or each in turn."""


class Action(msgspec.Struct, frozen=True, kw_only=True, tag_field="a", omit_defaults=True):
    """Base of every action."""


class SetRoute(Action, frozen=True, tag="route"):
    """New frames of `camera` go to these workers (`node/instance`); `*` is every camera without a route of its own.

    Empty: no worker may have them now, they wait.
    """

    camera: str
    workers: tuple[str, ...]
    pick: Pick = "cheapest"


class DropRoute(Action, frozen=True, tag="drop-route"):
    """`camera` is not known any more."""

    camera: str


class Activate(Action, frozen=True, tag="activate"):
    """`worker` is to load the model and say READY for `generation`; revokes a drain of a lower one."""

    worker: str
    generation: int


class DrainWorker(Action, frozen=True, tag="drain"):
    """`worker` is to finish what it holds and take no more; `stop`: and then to end."""

    worker: str
    generation: int
    stop: bool = False


class LaunchJob(Action, frozen=True, tag="launch-job"):
    """A Job is to start a worker on `node`."""

    node: str
    generation: int


class StopJob(Action, frozen=True, tag="stop-job"):
    """The Job on `node` has no reason any more."""

    node: str


class Decide(Action, frozen=True, tag="decide"):
    """A decision to record and publish. With `final` False the same decision comes again when its handover is over."""

    decision: Decision
    final: bool = True


class OverrideEnded(Action, frozen=True, tag="override-ended"):
    """The override of `scope` is no longer in force: its time was over."""

    scope: str


AnyAction = SetRoute | DropRoute | Activate | DrainWorker | LaunchJob | StopJob | Decide | OverrideEnded
