"""A broker that refuses: a wrong password, an expired certificate, missing rights. Said, survived, over."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import subscribe

from support.certificates import Authority
from support.flaky_proxy import FlakyProxy
from support.mosquitto import Mosquitto
from support.processes import Programs, wait_for
from support.trouble import Troubled, now_s

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

MASTER_MAY = """user master
topic readwrite status/#
topic read images/#
topic write confirm/#
topic write control/#
topic write alerts/#
"""
CAMERA_MAY = """user pi1
topic readwrite status/#
topic write images/pi1
topic read confirm/pi1
topic read control/pi1
"""
CAMERA = {"POSTURE_BROKER__USER": "pi1", "POSTURE_BROKER__PASSWORD": "of-pi1"}
MASTER = {"POSTURE_BROKER__USERNAME": "master", "POSTURE_BROKER__PASSWORD": "of-master"}


class Guarded:
    """A broker with logins and rights that change while it runs."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.rights, self.passwords = folder / "rights", folder / "passwords"
        self.passwords.touch(0o600)
        self._write(self.rights, MASTER_MAY + CAMERA_MAY)
        self._set("pi1", "of-pi1")
        self._set("master", "of-master")
        extra = f"acl_file {self.rights}\npassword_file {self.passwords}"
        self.broker = Mosquitto(folder / "broker", extra=extra)
        self.broker.start()

    def may(self, text: str) -> None:
        self._write(self.rights, text)
        self.broker.program.signal(signal.SIGHUP)

    def password(self, user: str, password: str) -> None:
        """Change it; mosquitto throws the user out."""
        self._set(user, password)
        self.broker.program.signal(signal.SIGHUP)

    def _set(self, user: str, password: str) -> None:
        subprocess.run(["mosquitto_passwd", "-b", self.passwords, user, password], check=True, capture_output=True)

    @staticmethod
    def _write(file: Path, text: str) -> None:
        file.write_text(text)
        file.chmod(0o600)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    found = Guarded(tmp_path / "guarded")
    yield found
    found.broker.end()


def will(broker: Mosquitto) -> dict[str, str]:
    """What pi1 said last, while it is not at the broker."""
    auth = {"username": "master", "password": "of-master"}
    found = subscribe.simple("status/pi1", hostname=broker.host, port=broker.port, auth=auth)  # type: ignore[no-untyped-call]
    said: dict[str, str] = json.loads(found.payload)
    return said if said["state"] == "offline" else {}


def test_a_password_that_does_not_fit_any_more(programs: Programs, guarded: Guarded, tmp_path: Path) -> None:
    site = Troubled(programs, guarded.broker, tmp_path, settings=MASTER)
    camera = site.camera(env=CAMERA)
    site.more_rows()
    began = now_s()
    guarded.password("master", "another")
    site.alarmed("broker", "Not authorized", began)
    assert site.doctor()["broker login"]["advice"] == "check the broker's user and password"
    guarded.password("master", "of-master")
    site.no_alarm("broker")
    site.more_rows()
    site.nothing_lost(camera)


def test_a_camera_whose_password_does_not_fit_any_more(programs: Programs, guarded: Guarded, tmp_path: Path) -> None:
    site = Troubled(programs, guarded.broker, tmp_path, settings=MASTER)
    camera = site.camera(env=CAMERA)
    site.more_rows(40)  # by then it has said several times how it is
    began = now_s()
    guarded.password("pi1", "another")
    site.alarmed("camera_silent", "let in by the broker", began)
    found = site.publishers_doctor("--pi-id", "pi1", "--source", "synthetic", **CAMERA)
    assert found["broker login"]["advice"] == "check the broker's user and password"
    camera.wait_for_line("the broker refused us: Not authorized")
    guarded.password("pi1", "of-pi1")
    site.no_alarm("camera_silent")
    site.more_rows()
    site.nothing_lost(camera)


def test_a_camera_that_may_not_write_its_pictures(programs: Programs, guarded: Guarded, tmp_path: Path) -> None:
    site = Troubled(programs, guarded.broker, tmp_path, settings=MASTER)
    camera = site.camera(env=CAMERA)
    site.more_rows()
    began = now_s()
    guarded.may(MASTER_MAY + CAMERA_MAY.replace("topic write images/pi1\n", ""))
    site.alarmed("camera_source", "the broker refuses them", began)
    found = site.publishers_doctor("--pi-id", "pi1", "--source", "synthetic", **CAMERA)
    assert "images/pi1 may not be written" in found["broker pictures"]["text"]
    wait_for(lambda: will(guarded.broker).get("trouble"), 30, what="also its will says why")
    for _ in range(3):  # whether the camera is at the broker just then or not: mosquitto throws it out again and again
        assert "the broker refuses them" in site.doctor()["camera pi1"]["text"]
    guarded.may(MASTER_MAY + CAMERA_MAY)
    site.no_alarm("camera_source")
    site.more_rows()
    site.nothing_lost(camera)


def test_a_master_that_may_not_read_the_pictures(programs: Programs, guarded: Guarded, tmp_path: Path) -> None:
    site = Troubled(programs, guarded.broker, tmp_path, settings=MASTER)
    camera = site.camera(env=CAMERA)
    site.more_rows()
    began = now_s()
    guarded.may(MASTER_MAY.replace("topic read images/#\n", "") + CAMERA_MAY)
    site.alarmed("camera_way", "may the master read images/pi1", began)
    assert "nothing comes from images/#" in site.doctor()["broker pictures"]["text"]
    guarded.may(MASTER_MAY + CAMERA_MAY)
    site.no_alarm("camera_way")
    site.more_rows()
    site.nothing_lost(camera)


def test_a_master_that_may_not_hear_how_cameras_are(programs: Programs, guarded: Guarded, tmp_path: Path) -> None:
    """Mosquitto grants such a subscription and delivers nothing."""
    site = Troubled(programs, guarded.broker, tmp_path, settings=MASTER)
    camera = site.camera(env=CAMERA)
    site.more_rows(8)
    assert not site.alarm("camera_words")
    assert not site.alarm("broker_rights")
    began = now_s()
    guarded.may(MASTER_MAY.replace("status/#", "status/master") + CAMERA_MAY)
    site.alarmed("camera_words", "may the master read status/pi1", began)
    assert "status/pi1 does not come" in site.doctor()["broker status"]["text"]
    guarded.may(MASTER_MAY + CAMERA_MAY)
    site.no_alarm("camera_words")
    site.more_rows()
    began = now_s()
    guarded.may(
        MASTER_MAY.replace("readwrite status/#", "write status/#").replace("topic read images/#\n", "") + CAMERA_MAY
    )
    site.alarmed("broker_rights", "read status/+", began)
    assert "nothing comes back from status/master" in site.doctor()["broker topics"]["text"]
    guarded.may(MASTER_MAY + CAMERA_MAY)
    site.no_alarm("broker_rights")
    site.more_rows()
    site.nothing_lost(camera)


def test_a_master_that_may_not_confirm(programs: Programs, guarded: Guarded, tmp_path: Path) -> None:
    site = Troubled(programs, guarded.broker, tmp_path, settings=MASTER)
    camera = site.camera(env=CAMERA)
    site.more_rows()
    began = now_s()
    guarded.may(MASTER_MAY.replace("topic write confirm/#\n", "") + CAMERA_MAY)
    site.alarmed("broker_rights", "does not let the master write to confirm/#", began)
    assert "confirm/# may not be written" in site.doctor()["broker rights"]["text"]
    guarded.may(MASTER_MAY + CAMERA_MAY)
    site.no_alarm("broker_rights")
    site.more_rows()
    site.nothing_lost(camera)


class Certified:
    """A broker that speaks TLS with a certificate that may have expired. `trust`: what its clients are told."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder)
        self._good, self._expired = authority.certificate("good"), authority.certificate("expired", days=-1)
        self._used = folder / "used.crt"
        self.trust = {"POSTURE_BROKER__TLS_CA": str(authority.file)}
        self.broker = Mosquitto(folder / "broker", extra=f"certfile {self._used}\nkeyfile {authority.key}")
        shutil.copy(self._good, self._used)
        self.broker.start()

    def certificate(self, *, expired: bool, restart: bool) -> None:
        """Change it; without a restart those who are connected stay."""
        shutil.copy(self._expired if expired else self._good, self._used)
        if restart:
            self.broker.stop()
            self.broker.start()
        else:
            self.broker.program.signal(signal.SIGHUP)


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[Certified]:
    found = Certified(tmp_path / "certified")
    yield found
    found.broker.end()


def test_a_certificate_that_expired(programs: Programs, certified: Certified, tmp_path: Path) -> None:
    site = Troubled(programs, certified.broker, tmp_path, settings=certified.trust)
    camera = site.camera(env=certified.trust)
    site.more_rows()
    began = now_s()
    certified.certificate(expired=True, restart=True)
    site.alarmed("broker", "certificate has expired", began)
    assert "certificate has expired" in site.doctor()["broker"]["text"]
    found = site.publishers_doctor("--pi-id", "pi1", "--source", "synthetic", **certified.trust)
    assert "certificate has expired" in found["broker"]["text"]
    assert "dates" in found["broker"]["advice"]
    certified.certificate(expired=False, restart=True)
    site.no_alarm("broker")
    site.more_rows()
    wait_for(lambda: camera.alive, what="the camera is the same one")
    site.nothing_lost(camera)


def test_a_camera_to_which_the_certificate_expired(programs: Programs, certified: Certified, tmp_path: Path) -> None:
    """It lost its connection and comes back to a certificate that it may not trust; the master is connected still."""
    site = Troubled(programs, certified.broker, tmp_path, settings=certified.trust)
    with FlakyProxy(certified.broker.port) as way:
        camera = site.camera(broker=f"127.0.0.1:{way.port}", env=certified.trust)
        site.more_rows()
        certified.certificate(expired=True, restart=False)
        began = now_s()
        way.cut()
        site.alarmed("camera_silent", "let in by the broker", began)
        camera.wait_for_line("certificate has expired")
        found = site.publishers_doctor("--pi-id", "pi1", "--source", "synthetic", **certified.trust)
        assert "certificate has expired" in found["broker"]["text"]
        certified.certificate(expired=False, restart=False)
        site.no_alarm("camera_silent")
        site.more_rows()
        site.nothing_lost(camera)
