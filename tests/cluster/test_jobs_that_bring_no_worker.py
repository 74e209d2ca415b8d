"""Real pods that never become a worker: the Job ends with the reason, the next node is tried, no frame waits."""

import pytest
import yaml

from support.cluster_site import Stream, console, until_decided
from support.processes import wait_for
from support.site import exactly_one_row_each

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300, func_only=True)]


@pytest.fixture
def wrong(cluster, tmp_path):
    """A template whose program ends at once with an error."""
    job = yaml.safe_load(cluster.job_template(tmp_path, "0 5\n").read_text())
    job["spec"]["template"]["spec"]["containers"][0]["args"] += ["--no-such-flag"]
    file = tmp_path / "wrong-job.yaml"
    file.write_text(yaml.safe_dump(job))
    return file


def failures(master):
    return [one["reason"] for one in console(master, "decisions") if one["trigger"] == "job-failed"]


def goes_on_at_home(master, stream):
    """Both nodes are tried, the console shows why, and every frame is analysed by the master's own worker."""
    wait_for(lambda: all(any(node in why for why in failures(master)) for node in ("agx", "nano")), 90)
    alarms = [one["text"] for one in console(master, "alarms") if one["kind"] == "job"]
    ids = stream.end()
    rows = master.wait_rows(len(ids))
    exactly_one_row_each(rows, ids)
    assert {row["processed_by"] for row in rows} == {"orin"}
    return [*failures(master), *alarms]


def test_an_image_that_is_nowhere(cluster, outside):
    image = "localhost/posture-edge:nowhere"
    master = outside("0 20\n8 75\n", POSTURE_KUBE__IMAGE=image, POSTURE_KUBE__PULL_S="3")
    stream = Stream(master.broker, "pi1")
    until_decided(master, "job-failed", 60)
    said = goes_on_at_home(master, stream)
    assert all(image in one for one in said), said


def test_a_program_that_ends_with_an_error(cluster, outside, wrong):
    master = outside("0 20\n8 75\n", POSTURE_KUBE__TEMPLATE=str(wrong))
    stream = Stream(master.broker, "pi1")
    until_decided(master, "job-failed", 90)
    said = goes_on_at_home(master, stream)
    assert all("Error with exit code 2" in one for one in said), said
