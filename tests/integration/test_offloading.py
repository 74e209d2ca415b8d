"""Placement with real processes and real MediaPipe: scripted load moves the work away and back, an operator wins."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing

import cv2
import pytest
import zmq
import zmq.asyncio

from posture_shared.messages import console as wire
from support.images import photographs
from support.processes import Programs, wait_for
from support.site import Camera, Master, exactly_one_row_each

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]
FPS = 4.0


def picture(height=360):
    """A person from the side, small enough to be quick."""
    image = cv2.imread(str(photographs("side_left")[0].path))
    scale = height / image.shape[0]
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small)[1])


class Stream:
    """A camera that publishes in a thread until it is told to stop."""

    def __init__(self, broker, pi_id):
        self.camera, self.ids, self._jpeg = Camera(broker, pi_id), [], picture()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(1 / FPS):
            self.ids += self.camera.publish([self._jpeg])

    def end(self):
        self._stop.set()
        self._thread.join(30)
        self.camera.close()
        return self.ids


def decisions(master):
    """What `placement_log` holds."""
    with closing(sqlite3.connect(f"file:{master.folder / 'posture.db'}?mode=ro", uri=True, timeout=10)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM placement_log ORDER BY id")]


def until_decided(master, trigger, within_s=40.0):
    return wait_for(
        lambda: next((d for d in decisions(master) if d["trigger"] == trigger), None), within_s, what=f"'{trigger}'"
    )


def scripted(folder, name, *lines):
    file = folder / f"{name}.load"
    file.write_text("\n".join(lines))
    return f"script:{file}"


def command(master, verb, **args):
    """One command over the control socket, as the console sends it."""

    async def ask():
        with zmq.asyncio.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.linger = 0
            socket.connect(master.connect)
            await socket.send(wire.encode(wire.Command(id=f"{verb}-{args}", verb=verb, args=args)))
            return wire.decode_to_console((await asyncio.wait_for(socket.recv_multipart(), 10))[0])

    return asyncio.run(ask())


def start_site(programs: Programs, broker, folder, *, load, agx_load):
    master = Master(
        programs, broker, folder / "data", "--load", load, env={"POSTURE_PLACEMENT__MIN_DWELL_S": "5"}
    ).start()
    worker = programs.start(
        *("posture-agent", "worker", "--master", f"tcp://127.0.0.1:{master.worker_port}", "--node-name", "agx"),
        *("--threads", "2", "--load", agx_load),
        name="agx",
    )
    return master, worker


def test_scripted_load_offloads_and_returns_and_no_frame_is_lost(programs: Programs, broker, tmp_path):
    load = scripted(tmp_path, "orin", "0 20", "8 75", "24 15")
    master, worker = start_site(programs, broker, tmp_path, load=load, agx_load=scripted(tmp_path, "agx", "0 10"))
    streams = [Stream(broker, "pi1"), Stream(broker, "pi2")]
    away, back = until_decided(master, "high"), until_decided(master, "low")
    ids = [one for stream in streams for one in stream.end()]
    rows = master.wait_rows(len(ids))
    exactly_one_row_each(rows, ids)
    assert {row["processed_by"] for row in rows} == {"orin", "agx"}
    assert (away["source"], away["target"], away["state"]) == ("orin", "agx", "OFFLOADED")
    assert (back["source"], back["target"], back["state"]) == ("agx", "orin", "LOCAL")
    assert "≥ 60 %: pi1, pi2 move to agx (projected" in away["reason"]
    assert away["handover_ms"] > 0
    assert json.loads(away["inputs"])["samples"] == [75.0, 75.0, 75.0]
    assert [c["node"] for c in json.loads(away["candidates"])] == ["agx"]
    assert worker.alive


def test_an_operators_override_wins_and_outlives_the_master(programs: Programs, broker, tmp_path):
    quiet = scripted(tmp_path, "quiet", "0 10")
    master, _ = start_site(programs, broker, tmp_path, load=quiet, agx_load=quiet)
    stream = Stream(broker, "pi1")
    wait_for(lambda: len(master.rows()) > 5, 60)
    done = command(master, "override_set", scope="all", target="node:agx", reason="fan is loud", for_s=None)
    assert done.ok, done.error
    wait_for(lambda: any(row["processed_by"] == "agx" for row in master.rows()), 60)
    before = len(master.rows())
    master.kill()
    master.start()
    wait_for(lambda: [row["processed_by"] for row in master.rows()[before:]][-5:] == ["agx"] * 5, 60)
    ids = stream.end()
    exactly_one_row_each(master.wait_rows(len(ids)), ids)
    (override,) = master.console("overrides")
    assert (override["target"], override["reason"], override["until"]) == ("node:agx", "fan is loud", None)
    cleared = command(master, "override_clear", scope="all")
    assert cleared.ok, cleared.error
    assert [d["trigger"] for d in decisions(master)][-1] in ("override", "override-cleared")
