"""A camera whose card is full or turned read-only: said, survived in memory, over without a restart."""

from pathlib import Path

import pytest

from support.disks import fill, read_only, small
from support.mosquitto import Mosquitto
from support.processes import Program, Programs, free_port, wait_for
from support.scrape import Scrape
from support.trouble import Troubled, now_s

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]


def kept(port: int) -> int:
    """How many frames the camera keeps."""
    return int(Scrape(port).value("posture_publisher_frames_spooled", camera="pi1"))


def filled(card: Path, camera: Program) -> bool:
    """Fill it, again and again: a frame that is confirmed leaves room for the next."""
    fill(card / "filler")
    return bool(camera.lines("spool cannot be written"))


def without_broker(site: Troubled, port: int) -> None:
    """The broker is away for as long as it takes the camera to keep some frames."""
    site.broker.stop()
    wanted = kept(port) + 12
    wait_for(lambda: kept(port) >= wanted, 30, what="frames wait at the camera")


def every_number(site: Troubled) -> None:
    """Not one frame was given up: ledgers have only what was sent."""
    for run in {row["run"] for row in site.master.rows()}:
        numbers = sorted(row["seq"] for row in site.master.rows() if row["run"] == run)
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_full_card_costs_no_picture(programs: Programs, broker: Mosquitto, tmp_path: Path) -> None:
    with small(tmp_path / "card", "8m") as card:
        port, site = free_port(), Troubled(programs, broker, tmp_path)
        camera = site.camera(spool=card / "spool", env={"POSTURE_METRICS_PORT": str(port)})
        site.more_rows()
        wait_for(lambda: filled(card, camera), 30, what="a frame finds no room")
        began = now_s()
        site.alarmed("camera_spool", "No space left on device", began)
        found = site.publishers_doctor("--pi-id", "pi1", "--source", "synthetic", "--spool", str(card / "spool"))
        assert "No space left on device" in found["spool in use"]["text"]
        assert found["spool"]["advice"] == "make room on this disk"
        assert "No space left on device" in site.doctor()["spool of pi1"]["text"]
        without_broker(site, port)
        broker.start()
        site.more_rows(8)
        (card / "filler").unlink()
        site.no_alarm("camera_spool")
        site.nothing_lost(camera)
        every_number(site)


def test_a_card_that_turns_read_only_costs_no_picture(programs: Programs, broker: Mosquitto, tmp_path: Path) -> None:
    spool, port, site = tmp_path / "card", free_port(), Troubled(programs, broker, tmp_path)

    def camera() -> Program:
        return site.camera(spool=spool, env={"POSTURE_METRICS_PORT": str(port)})

    first = camera()
    site.more_rows()
    began = now_s()
    with read_only(spool):
        site.alarmed("camera_spool", "Read-only file system", began)
        site.more_rows()
    site.no_alarm("camera_spool")
    without_broker(site, port)
    with read_only(spool):
        broker.start()  # what lies there is sent, confirmed, and cannot be removed
        site.more_rows(16)
        assert first.terminate() == 0, first.tail()
        second = camera()
        site.more_rows(8)
        wait_for(lambda: site.alarm("camera_spool", "Read-only file system"), what="the alarm of the second start")
        assert site.publishers_doctor("--spool", str(spool))["spool"]["state"] == "failed"
    site.no_alarm("camera_spool")
    site.nothing_lost(second)
    every_number(site)
    wait_for(lambda: not list(spool.rglob("*.jpg")), what="nothing is left on the card")
