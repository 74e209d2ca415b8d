"""What the verbs print: whatever other machines call themselves, no control character but newline leaves."""

import asyncio
import json
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from posture_console.cli import cli
from posture_console.core.connection import Connection, Phase, Pulse
from posture_console.core.store import SiteStore
from posture_console.headless.link_word import LinkWord
from posture_console.links.session import Answer
from posture_shared.exits import Exit, Stop, run
from posture_shared.messages import console as wire
from support.fake_master import FakeMaster
from support.hostile import NAMES, everywhere, hostile, scene_with_everything

VERBS: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("nodes",),
    ("cameras",),
    ("results",),
    ("decisions",),
    ("overrides",),
    ("alarms",),
    ("alarms", "--all"),
    ("alarms", "silence", "a1", "--reason", "x"),
    ("frame", "FRAME"),
    ("watch", "--seconds", "0.2"),
    ("doctor",),
    ("history", "--camera", "pi1"),
    ("baselines",),
    ("latency",),
    ("episodes",),
    ("calibrate", "--camera", "pi1"),
    ("camera", "pause", "pi1", "--reason", "x"),
    ("camera", "resume", "pi1"),
    ("snooze", "--reason", "x"),
    ("override", "set", "--all", "--node", "nowhere", "--reason", "x"),
    ("override", "set", "--all", "--node", "nowhere", "--dry-run"),
    ("override", "clear", "--all"),
    ("links", "--seconds", "0"),
    ("told",),
    ("contexts",),
    ("cameras", "--filter", "!x", "--sort", "override-"),
    ("jobs",),
    ("job", "nodes"),
    ("job", "launch", "--auto"),
    ("job", "launch", "--auto", "--dry-run"),
    ("job", "stop", "JOB"),
    ("job", "logs", "JOB"),
    ("record", "FILE", "--seconds", "0"),
    ("replay", "FILE", "--at", "100%"),
    ("replay", "FILE"),
    ("config", "show"),
)
ELSEWHERE = {"demo", "serve", "served-page", "keys"}
"""Verbs that start programs of our own or copy a file of the operator's: they name nothing of a stranger's."""


class HostileLink:
    """A live link to a master whose every word is `names` in turn."""

    read_only = ""

    def __init__(self, store: SiteStore, *names: str) -> None:
        self.scene = scene_with_everything()
        self.store = store
        self.store.load(everywhere(*names), 0.0)
        name = names[0]
        self.connection = Connection(
            address=f"tcp://{name}:5571", phase=Phase.LIVE, role="operator", author=name, node=name, build=name
        )
        self.pulse = Pulse(heard_s=0.0, events_per_s=1.0)
        self.on_change: Callable[[], object] = lambda: None
        self._names = names
        self._master = FakeMaster(self.scene)
        self._master.acts.obey("job_launch", {"node": "x"})
        asyncio.get_running_loop().call_later(0.05, self._go_on)

    def _go_on(self) -> None:
        """Something new for `watch`."""
        changed = msgspec.structs.replace(hostile(self.scene.results[-1], *self._names), frame_id="new")
        self.store.results["new"] = changed
        self.on_change()

    async def query(self, what: str, *, timeout_s: float = 5.0, **args: Any) -> Answer:
        if what == "frame":
            args["id"] = self.scene.results[-1].frame_id
        if what == "job_preview":
            args["node"] = None
        body, picture, error = self._master._found(what, args)
        return self._answer(wire.Reply(id="q", ok=not error, error=error, code=1 if error else 0, body=body), picture)

    async def command(self, verb: str, args: dict[str, Any], *, timeout_s: float = 5.0) -> Answer:
        if verb == "job_stop":
            args = {"name": self._master.acts.jobs[0]["name"]}
        return self._answer(self._master._obeyed(wire.Command(id="c", verb=verb, args=args)))

    def _answer(self, reply: wire.Reply, picture: bytes | None = None) -> Answer:
        built = msgspec.msgpack.decode(msgspec.msgpack.encode(reply.body))
        body = _said(built, reply.body, *self._names)
        return Answer(msgspec.structs.replace(reply, body=body, error=hostile(reply.error, *self._names)), picture)


def _said(built: Any, body: Any, *names: str) -> Any:
    """The body as it comes over the wire, the texts of it a stranger's; the names of its fields are ours."""
    kept = hostile(body, *names)
    if isinstance(body, list):
        return [_said(one, part, *names) for one, part in zip(built, body, strict=True)]
    if isinstance(body, dict):
        return {key: _said(built[key], value, *names) for key, value in body.items()}
    return msgspec.msgpack.decode(msgspec.msgpack.encode(kept))


def is_obeyed(character: str) -> bool:
    """Whether a terminal, or a reader of lines, does something at it."""
    return unicodedata.category(character) in {"Cc", "Zl", "Zp"} or character in "\u202a\u202b\u202d\u202e\u2066"


def is_harmless(text: str) -> bool:
    return all(character == "\n" or character.isprintable() for character in text)


def is_harmless_json(text: str) -> bool:
    return all(character == "\n" or not is_obeyed(character) for character in text)


OBEYED = tuple(name for name in NAMES if any(is_obeyed(character) for character in name))


@pytest.fixture(params=[*OBEYED, NAMES], ids=lambda name: ascii(name)[:20])
def names(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Each name that a terminal would obey in every field; all of them in turn."""
    return request.param if isinstance(request.param, tuple) else (request.param,)


@pytest.fixture
def said(names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a verb against a master of that name."""

    def visit(_target: object, work: Any, *, store: SiteStore | None = None, **_given: Any) -> Any:
        async def visited() -> Any:
            return await work(HostileLink(store or SiteStore(), *names))

        return asyncio.run(visited())

    for module in ("visit", "doctor"):
        monkeypatch.setattr(f"posture_console.headless.{module}.visit", visit)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def spoken(*words: str) -> Result:
        file = {"FILE": str(tmp_path / "site.rec"), "FRAME": "x", "JOB": "x"}
        return CliRunner().invoke(cli, [file.get(word, word) for word in words])

    return spoken


def test_no_verb_prints_what_a_terminal_would_obey(said: Callable[..., Result]) -> None:
    for words in VERBS:
        done = said(*words)
        assert not done.exception, (words, done.exc_info)
        assert done.output, words
        assert is_harmless(done.output), words


def test_no_verb_prints_json_that_a_terminal_would_obey(said: Callable[..., Result]) -> None:
    for words in VERBS:
        done = said(*words, "--json")
        assert not done.exception or isinstance(done.exception, Stop), (words, done.exc_info)
        assert is_harmless_json(done.output), words
        assert not done.output or json.loads(done.output.splitlines()[0]) is not None


def leaves(command: click.Command, *before: str) -> Iterator[tuple[str, ...]]:
    """Every verb that can be run, as words."""
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from leaves(one, *before, name)
    if before and getattr(command, "invoke_without_command", True):
        yield before


def test_every_verb_is_asked() -> None:
    asked = {words[:depth] for words in VERBS for depth in (1, 2)}
    assert {words for words in leaves(cli) if words[0] not in ELSEWHERE} <= asked


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_a_masters_refusal_is_told_in_a_line_that_moves_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    def refused() -> None:
        raise Stop(name or "x", Exit.REFUSED)

    with pytest.raises(SystemExit):
        run(refused)
    told = capsys.readouterr().err
    assert is_harmless(told)
    assert told.count("\n") == 1


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
def test_why_a_link_was_lost_is_told_in_a_line_that_moves_nothing(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link: Any = type("Link", (), {"connection": Connection(address=name, phase=Phase.LOST, reason=name)})
    LinkWord(link).look()
    told = capsys.readouterr().err
    assert is_harmless(told)
    assert told.count("\n") == 1
