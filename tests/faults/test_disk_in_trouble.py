"""A disk that is full, and a folder of pictures that cannot be written: said, survived, over without a restart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.disks import fill, read_only, small
from support.mosquitto import Mosquitto
from support.processes import Programs
from support.trouble import Troubled, now_s

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small(tmp_path / "disk", "48m") as folder:
        yield folder


def test_a_full_disk_stops_acknowledging_and_nothing_is_lost(
    programs: Programs, broker: Mosquitto, tmp_path: Path, small_disk: Path
) -> None:
    site = Troubled(programs, broker, tmp_path, data=small_disk / "data")
    camera = site.camera()
    site.more_rows()
    began = now_s()
    fill(small_disk / "filler")
    site.alarmed("store", "posture.db cannot be written", began)
    assert site.master.get("/readyz")[0] == 503
    found = site.doctor()
    assert found["data folder"]["state"] == "failed"
    assert found["data folder"]["advice"] == "make room on this disk"
    (small_disk / "filler").unlink()
    site.no_alarm("store")
    site.more_rows()
    site.nothing_lost(camera)


def test_below_the_floor_pictures_stop_and_rows_go_on(
    programs: Programs, broker: Mosquitto, tmp_path: Path, small_disk: Path
) -> None:
    site = Troubled(
        programs, broker, tmp_path, data=small_disk / "data", settings={"POSTURE_STORE__FREE_BYTES": str(16 * 2**20)}
    )
    camera = site.camera()
    site.more_rows()
    began = now_s()
    (small_disk / "filler").write_bytes(bytes(36 * 2**20))
    site.alarmed("pictures", "pictures cannot be written", began)
    site.more_rows()
    assert site.master.rows()[-1]["image_path"] is None
    assert "are to stay free" in site.doctor()["data folder"]["text"]
    (small_disk / "filler").unlink()
    site.no_alarm("pictures")
    site.more_rows()
    assert site.master.rows()[-1]["image_path"] is not None
    site.nothing_lost(camera)


def test_pictures_that_may_not_be_written_are_an_alarm_and_rows_go_on(
    programs: Programs, broker: Mosquitto, tmp_path: Path
) -> None:
    site = Troubled(programs, broker, tmp_path)
    camera = site.camera()
    site.more_rows()
    began = now_s()
    with read_only(tmp_path / "data" / "analyzed_images"):
        site.alarmed("pictures", "Read-only file system", began)
        site.more_rows()
        assert site.master.rows()[-1]["image_path"] is None
        found = site.doctor()["pictures folder"]
        assert found["state"] == "failed"
        assert "cannot be written" in found["text"]
    site.no_alarm("pictures")
    site.more_rows()
    assert site.master.rows()[-1]["image_path"] is not None
    site.nothing_lost(camera)
