"""A camera and an operator for tests with a cluster."""

import json
import subprocess
import threading

import cv2

from support.images import photographs
from support.processes import our_program, wait_for
from support.site import Camera

FPS = 3.0


def picture(height=360):
    image = cv2.imread(str(photographs("side_left")[0].path))
    scale = height / image.shape[0]
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small)[1])


class Stream:
    """A camera that publishes until it is told to stop."""

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


def console(master, *words):
    """A headless verb with the operator's key; its JSON."""
    command = [*our_program("posture-console"), *words, "--connect", master.connect, "--key", str(master.key), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 or words[0] in ("alarms", "status"), done.stderr
    return json.loads(done.stdout)


def until_decided(master, trigger, within_s):
    def found():
        return next((one for one in console(master, "decisions") if one["trigger"] == trigger), None)

    return wait_for(found, within_s, what=f"a decision '{trigger}'")


def until_analysed_on(master, node, within_s=90, after=0):
    return wait_for(
        lambda: next((row for row in master.rows()[after:] if row["processed_by"] == node), None),
        within_s,
        what=f"a row from {node}; jobs: {console(master, 'jobs')}",
    )
