"""A picture that kills whoever analyses it: it alone is given up."""

from collections.abc import Callable

import pytest

from support.site import Camera
from support.whole_site import Tell, WholeSite, people, steps

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]


def test_a_poison_frame_is_given_up_and_its_neighbours_are_unharmed(
    new_site: Callable[..., WholeSite], tell: Tell
) -> None:
    """It comes in the middle of a burst, so that its neighbours are in the same process when that crashes."""
    poison = {"POSTURE_CHILD_FAULT": "crash:bad"}
    site = new_site(threads=2, master_env=poison)
    site.master.start()
    site.worker("agx", env=poison)
    good, bad = (Camera(site.broker, pi_id) for pi_id in ("pi1", "bad"))
    site.count_also(good, bad)
    picture = people(site.folder, 480)[0].read_bytes()
    good.publish([picture] * 5)
    site.operator.override("policy:round-robin")
    site.ready("agx/main")
    good.publish([picture] * 20)
    bad.publish([picture])
    good.publish([picture] * 20)
    site.settled()
    good.publish([picture] * 10, fps=6)
    site.settled()
    for camera in (good, bad):
        camera.close()
    count = site.count()
    rows = site.rows()
    [failed] = [row for row in rows if row["pi_id"] == "bad"]
    others = {row["frame_id"] for row, _ in steps(rows, "requeued")} - {failed["frame_id"]}
    tell(count, f"{failed['posture_status']} after {failed['attempt']} attempts; {len(others)} neighbours went again")
    count.right(failed=1)
    assert failed["posture_status"] == "Failed"
    assert "crashed" in failed["reason"]
    assert failed["attempt"] <= 3
    assert others
