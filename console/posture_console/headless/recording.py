"""The verbs `record` and `replay` without a screen: a site into a file, and its decisions under other rules."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from posture_console.core.playback import Playback, parse_goto, time_of
from posture_console.core.quantities import duration, moment, size
from posture_console.core.whole import site_of
from posture_console.headless.link_word import LinkWord
from posture_console.headless.output import say_facts, say_json
from posture_console.links.master_link import MasterLink
from posture_console.record.file import read
from posture_console.record.follower import Follower
from posture_console.record.recorder import Recorder, TapedStore
from posture_console.record.recording import Recording
from posture_console.record.reel import Reel
from posture_console.record.what_if import Verdict, tried
from posture_shared.exits import Exit, Stop

_MARKS: Final = {"same": "=", "gone": "−", "new": "+"}


async def record(
    link: MasterLink, *, as_json: bool, timeout_s: float, file: Path, seconds: float | None, pictures: bool
) -> None:
    """Write what is known of the site and the past of placement, then follow for `seconds`, or until Ctrl-C.

    Raises:
        Stop: exit code 4 when the master refuses this console from now on; what came until then is written and told.
    """
    store = link.store
    if not isinstance(store, TapedStore):
        raise TypeError("a recording needs a taped store")
    recorder = Recorder(file)
    follower = Follower(link, store, recorder, pictures=pictures, timeout_s=timeout_s)
    with _ended_by_sigterm(), contextlib.suppress(asyncio.CancelledError):  # Ctrl-C is how a recording usually ends
        recording = asyncio.create_task(follower.run(seconds))
        word = LinkWord(link, on_refused=recording.cancel)
        link.on_change = word.look
        await recording
    _say_recorded(recorder, follower, as_json=as_json)
    word.end_if_refused()


def _say_recorded(recorder: Recorder, follower: Follower, *, as_json: bool) -> None:
    file = recorder.file
    if as_json:
        say_json(
            {
                "file": str(file),
                "events": recorder.events,
                "results": recorder.results,
                "pictures": recorder.pictures,
                "placement": follower.placed,
            }
        )
        return
    seen = f"{recorder.events} events with {recorder.results} results, {size(file.stat().st_size)} in {file}"
    say_facts([("recorded", seen), ("watch", f"posture-console replay {file}")])
    if follower.no_placement:
        say_facts([("no what-if", follower.no_placement)])
    else:
        say_facts([("what if", f"posture-console replay {file} --set high=70")])


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends as Ctrl-C does: with everything written."""
    before = signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def replay(file: Path, changes: tuple[str, ...], *, as_json: bool) -> None:
    """Print the decisions of a recording and, with changes, which of them would be others."""
    verdict = tried(read(file), changes)
    if as_json:
        say_json(msgspec.to_builtins(verdict))
        return
    say_facts(verdict_facts(verdict))


def show_about(file: Path) -> None:
    """Print what is in a recording of a site."""
    with Recording(file) as recording:
        lasted = duration((recording.until_ms - recording.since_ms) / 1000)
        pictures = "recorded too" if recording.has_pictures else "not recorded"
        say_facts(
            [
                (
                    "recording",
                    f"{moment(time_of(recording.since_ms))} to {moment(time_of(recording.until_ms))}, {lasted}",
                ),
                ("of", f"{recording.about.get('node', '–')}, by version {recording.about.get('version', '–')}"),
                ("pictures", pictures),
                ("size", size(file.stat().st_size)),
                ("watch", f"posture-console replay {file}, in a terminal"),
                ("moment", f"posture-console replay {file} --at 50% --json"),
                ("decisions", f"posture-console replay {file} --what-if"),
            ]
        )


def show_at(file: Path, at: str, *, as_json: bool) -> None:
    """Print the site as it was at a moment of a recording."""
    with Recording(file) as recording:
        start = Playback(since_ms=recording.since_ms, until_ms=recording.until_ms, at_ms=recording.since_ms)
        try:
            at_ms = parse_goto(at, start)
        except ValueError as error:
            raise Stop(str(error), Exit.USAGE) from None
        reel = Reel(recording, at_ms)
    site = site_of(reel.store, time_of(at_ms))
    if site is None:
        raise Stop(f"{file} does not have the site at that moment", Exit.USAGE)
    if as_json:
        say_json(site)
        return
    counters, master = site.counters, site.master
    say_facts(
        [
            ("at", moment(site.at)),
            ("link", reel.lost or "up"),
            ("placement", f"{master.placement}, policy {master.policy}, {master.low:g}–{master.high:g} %"),
            ("cameras", ", ".join(f"{one.pi_id} {one.last_status or '–'}" for one in site.cameras) or "none"),
            ("nodes", ", ".join(f"{one.node} {one.cpu:.0f}%" for one in site.nodes) or "none"),
            ("frames", f"{counters.received} received, {counters.rows} rows, {counters.rejected} rejected"),
            ("alarms", "; ".join(one.text for one in site.alarms if one.ended is None) or "none"),
        ]
    )


def verdict_facts(verdict: Verdict) -> list[tuple[str, str]]:
    """A verdict in lines: the sums, then every decision."""
    facts = _summary(verdict)
    for line in verdict.lines():
        found = line.decision
        mark = f"{_MARKS[line.change]} " if verdict.changes else ""
        facts.append((f"{mark}{moment(found.at)}", f"{found.source} → {found.target}  {found.reason}"))
    return facts


def _summary(verdict: Verdict) -> list[tuple[str, str]]:
    lasted = duration((verdict.until - verdict.since).total_seconds())
    facts = [("recording", f"{moment(verdict.since)} to {moment(verdict.until)}, {lasted}")]
    if not verdict.changes:
        return [*facts, ("moves", f"{len(verdict.recorded)} decisions moved cameras")]
    given = ", ".join(f"{name}={value}" for name, value in verdict.changes.items())
    was, would = (duration(seconds) for seconds in verdict.over_high_s)
    fewer, more = len(verdict.gone), len(verdict.new)
    moves = f"{len(verdict.recorded)} in fact, {len(verdict.supposed)} so: {fewer} fall away (−), {more} are new (+)"
    return [
        *facts,
        ("what if", given),
        ("moves", moves),
        ("at high", f"the master {was} in fact, {would} so, at or above the recorded high"),
        ("mind", verdict.caveat),
    ]
