"""A worker's node loses its kubelet, then its containers: frames go on, the operator sees why, nothing is left over."""

import pytest

from support.cluster_site import Stream, console, until_analysed_on, until_decided
from support.processes import wait_for
from support.site import exactly_one_row_each

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(420, func_only=True)]


def test_a_lost_node_costs_no_frame_and_its_job_is_forced_away(cluster, outside):
    cluster.broken = True
    cluster.reserve("nano", "1")
    master = outside("0 20\n10 75\n")
    stream = Stream(master.broker, "pi1")
    until_decided(master, "high", 60)
    until_analysed_on(master, "agx")

    cluster.end_kubelet("agx")
    wait_for(lambda: [a for a in _alarms(master) if a["kind"] == "node"], 90, what="NotReady is shown")
    until_analysed_on(master, "agx", after=len(master.rows()))
    assert [job["state"] for job in console(master, "jobs")][:1] == ["running"]

    cluster.kill_containers("agx")
    wait_for(lambda: len(master.rows()) > 0 and master.rows()[-1]["processed_by"] != "agx", 60)
    wait_for(lambda: not [one for one in cluster.pods() if one["spec"]["nodeName"] == "agx"], 120, what="it is forced")
    ids = stream.end()
    rows = master.wait_rows(len(ids), 120)
    exactly_one_row_each(rows, ids)


def _alarms(master):
    return console(master, "alarms")
