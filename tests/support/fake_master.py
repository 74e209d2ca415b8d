"""A master for the console's tests: real sockets and real messages, the site behind them invented.

Run as a program it serves a living scene: `python tests/support/fake_master.py --port 5571 --fps 2 --cameras 4`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import zmq
import zmq.asyncio

from posture_shared.messages import console as wire
from posture_shared.records import Override
from support.fake_acts import FakeActs
from support.scene import Scene

if TYPE_CHECKING:
    from posture_shared.records import Role


class FakeMaster:
    """Speaks the control and events sockets. Faults are asked for: `stall`, `restart`, `skip`, `refuse`."""

    def __init__(self, scene: Scene | None = None, *, port: int = 0, heartbeat_s: float = 0.2) -> None:
        self.scene = scene or Scene()
        self.acts = FakeActs(self.scene)
        self.heartbeat_s = heartbeat_s
        self.control_port, self.events_port = port, 0
        self.epoch, self.seq = _epoch(), 0
        self.role: Role = "operator"
        self.refuse: str | None = None
        self.silent_events = False
        self.awake = asyncio.Event()
        self.awake.set()
        self.received: list[wire.FromConsole] = []
        self.commands: list[wire.Command] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._publishing = asyncio.Lock()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.control_port}"

    async def start(self) -> None:
        self._context = zmq.asyncio.Context()
        self._control = self._context.socket(zmq.ROUTER)
        self._control.setsockopt(zmq.LINGER, 0)
        self._events = self._context.socket(zmq.XPUB)
        self._events.setsockopt(zmq.LINGER, 0)
        if self.control_port:
            await _bind(self._control, self.control_port)
        else:
            self.control_port = self._control.bind_to_random_port("tcp://127.0.0.1")
        if self.events_port:
            await _bind(self._events, self.events_port)
        else:
            self.events_port = self._events.bind_to_random_port("tcp://127.0.0.1")
        self._tasks = [asyncio.create_task(self._serve()), asyncio.create_task(self._beat())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._control.close(linger=0)
        self._events.close(linger=0)
        self._context.term()

    async def restart(self) -> None:
        """As after a kill: same ports, new epoch, nobody known."""
        await self.stop()
        self.epoch, self.seq = _epoch(), 0
        await self.start()

    def stall(self) -> None:
        """As after SIGSTOP: neither answers nor publishes."""
        self.awake.clear()

    def resume(self) -> None:
        self.awake.set()

    def skip(self, events: int = 1) -> None:
        """Lose events on the way."""
        self.seq += events

    async def publish(self, **changes: Any) -> None:
        async with self._publishing:
            self.seq += 1
            if not self.silent_events and self.awake.is_set():
                message = wire.encode(wire.Event(epoch=self.epoch, seq=self.seq, **changes))
                await self._events.send_multipart([wire.EVENT_TOPIC, message])

    async def advance(self, seconds: float) -> None:
        await self.publish(**self.scene.advance(seconds))

    async def live(self, step_s: float = 0.1) -> None:
        """Live on in real time."""
        while True:
            await asyncio.sleep(step_s)
            await self.advance(step_s)

    async def _beat(self) -> None:
        while True:
            await self.publish()
            await asyncio.sleep(self.heartbeat_s)

    async def _serve(self) -> None:
        while True:
            peer, data = await self._control.recv_multipart()
            await self.awake.wait()
            message = wire.decode_from_console(data)
            self.received.append(message)
            for part in self._answers(message):
                await self._control.send_multipart([peer, *part])
            if isinstance(message, wire.Command) and message.verb.startswith("override_"):
                await self.publish(overrides=self.scene.overrides)
            elif isinstance(message, wire.Command) and (changed := self.acts.changed(message)):
                await self.publish(**changed)

    def _answers(self, message: wire.FromConsole) -> list[list[bytes]]:
        if self.refuse is not None:
            return [[wire.encode(wire.Refused(reason=self.refuse))]]
        match message:
            case wire.Join():
                return [[wire.encode(self._welcome())]]
            case wire.SnapshotRequest(results=results):
                return [[wire.encode(wire.Snapshot(site=self.scene.site(self.epoch, self.seq, results)))]]
            case wire.Ping(at_ms=at_ms):
                return [[wire.encode(wire.Pong(at_ms=at_ms, seq=self.seq, epoch=self.epoch))]]
            case wire.Query():
                return [self._reply(message)]
            case wire.Command():
                self.commands.append(message)
                return [[wire.encode(self._obeyed(message))]]

    def _welcome(self) -> wire.Welcome:
        return wire.Welcome(
            version=wire.VERSION,
            epoch=self.epoch,
            events_port=self.events_port,
            role=self.role,
            author="local:ada",
            node=self.scene.nodes[0],
            build="fake",
        )

    def _obeyed(self, command: wire.Command) -> wire.Reply:
        if self.role != "operator":
            error = f"local:ada has the role {self.role}; '{command.verb}' needs the role operator"
            return wire.Reply(id=command.id, ok=False, error=error, code=4)
        if not command.verb.startswith("override_"):
            body, error = self.acts.obey(command.verb, command.args)
            return wire.Reply(id=command.id, ok=not error, error=error, code=1 if error else 0, body=body)
        scene, scope = self.scene, command.args["scope"]
        held = next((found for found in scene.overrides if found.scope == scope), None)
        scene.overrides = [found for found in scene.overrides if found.scope != scope]
        if command.verb == "override_clear":
            error = "" if held else f"there is no override of {scope}; in force: none"
            return wire.Reply(id=command.id, ok=held is not None, error=error, code=0 if held else 1, body=held)
        for_s = command.args["for_s"]
        until = None if for_s is None else scene.at + timedelta(seconds=for_s)
        said = {name: command.args[name] for name in ("scope", "target", "reason")}
        made = Override(**said, author="local:ada", since=scene.at, until=until)
        scene.overrides.append(made)
        return wire.Reply(id=command.id, ok=True, body=made)

    def _reply(self, query: wire.Query) -> list[bytes]:
        """The reply, and where a picture was asked for its JPEG."""
        body, picture, error = self._found(query.what, query.args)
        reply = wire.Reply(id=query.id, ok=not error, error=error, code=1 if error else 0, body=body)
        return [wire.encode(reply), *([picture] if picture is not None else [])]

    def _found(self, what: str, args: dict[str, Any]) -> tuple[Any, bytes | None, str]:
        newest = slice(None, args.get("limit", 50))
        if what == "results":
            found = [r for r in reversed(self.scene.results) if args.get("camera") in (None, r.pi_id)]
            return found[newest], None, ""
        if what == "decisions":
            return list(reversed(self.scene.decisions))[newest], None, ""
        if what == "frame":
            story = self.scene.story(str(args["id"]))
            return (story, None, "") if story.result is not None else (None, None, "no such frame")
        if what == "picture":
            picture = self.scene.picture(str(args["frame_id"]))
            return None, picture, "" if picture is not None else "no picture is kept of this frame"
        body, error = self.acts.found(what, args)
        return body, None, error


def _epoch() -> str:
    return str(uuid.uuid4())


async def _bind(socket: zmq.asyncio.Socket, port: int) -> None:
    """Bind a port that was in use a moment ago."""
    for _ in range(100):
        with contextlib.suppress(zmq.ZMQError):
            socket.bind(f"tcp://127.0.0.1:{port}")
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"port {port} stays in use")


async def _main(args: argparse.Namespace) -> None:
    scene = Scene(cameras=args.cameras, nodes=args.nodes, fps=args.fps)
    scene.warm()
    master = FakeMaster(scene, port=args.port, heartbeat_s=1.0)
    await master.start()
    print(master.address, flush=True)  # noqa: T201 - the caller reads the address
    await (asyncio.Event().wait() if args.quiet else master.live(args.step))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--fps", type=float, default=2.0, help="frames/s of each camera")
    parser.add_argument("--step", type=float, default=0.1, help="seconds between events")
    parser.add_argument("--quiet", action="store_true", help="heartbeats only")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(parser.parse_args()))
