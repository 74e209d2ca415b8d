"""What the API server answers when all is not well: it is shown, borne, and asked again; nothing is left over."""

import asyncio
import time

import pytest

from posture_agent.kube.faults import KubeError
from support.kube_api import node
from support.launcher_site import Site
from support.processes import eventually


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (401, {}, "does not know this ServiceAccount"),
        (403, {}, "may not do this"),
        (410, {}, "too old"),
        (429, {"Retry-After": "1"}, "patience"),
        (500, {}, "500"),
    ],
)
async def test_what_the_server_answers_is_shown_and_passes(api, site, status, headers, said):
    api.fail[("GET", "*")] = (status, headers)
    site.launcher.open()
    await eventually(lambda: site.launcher.link().state == "down", 20)
    link = site.launcher.link()
    assert said in link.detail
    assert said in site.alarms[("kubernetes", "kubernetes")]
    assert link.retry_s == pytest.approx(1.1, abs=0.2)
    api.fail.clear()
    await eventually(lambda: site.launcher.link().state == "up", 10)
    assert site.alarms[("kubernetes", "kubernetes")] is None


async def test_the_servers_own_wish_for_patience_is_kept(api, site):
    api.fail[("GET", "*")] = (429, {"Retry-After": "7"})
    site.launcher.open()
    await eventually(lambda: site.launcher.link().state == "down", 20)
    assert 7 <= site.launcher.link().retry_s <= 9


async def test_a_server_that_hangs_costs_its_timeout_and_no_turn_of_the_loop(api, tmp_path):
    made = Site(api, tmp_path, request_timeout_s=0.5)
    await made.launcher.look()
    api.hang_s = 3
    made.launcher.open()
    slowest_s, until_s = 0.0, time.monotonic() + 15
    while made.launcher.link().state != "down" and time.monotonic() < until_s:
        before_s = time.monotonic()
        await asyncio.sleep(0.01)
        slowest_s = max(slowest_s, time.monotonic() - before_s)
    assert "does not answer" in made.launcher.link().detail
    assert slowest_s < 0.4
    await made.launcher.close()


async def test_no_cluster_at_all_is_said(tmp_path, api, site):
    api.close()
    site.launcher.open()
    await eventually(lambda: site.launcher.link().state == "down", 20)
    assert "does not answer" in site.launcher.link().detail


async def test_an_answer_that_is_cut_in_the_middle_is_shown_and_asked_for_again(api, site):
    site.want("agx")
    await site.launcher.look()
    api.cut = True
    site.launcher.open()
    await eventually(lambda: site.launcher.link().state == "down", 20)
    assert "does not answer" in site.launcher.link().detail
    api.cut = False
    await eventually(lambda: site.launcher.link().state == "up", 10)
    assert len(api.jobs) == 1


async def test_a_token_that_was_renewed_after_a_401_is_used_without_a_restart(api, site, tmp_path):
    await site.launcher.look()
    api.token = "renewed"
    site.launcher.open()
    await eventually(lambda: "does not know" in site.launcher.link().detail, 20)
    (tmp_path / "kubeconfig").write_text((tmp_path / "kubeconfig").read_text().replace("a-token", "renewed"))
    await eventually(lambda: site.launcher.link().state == "up", 10)


@pytest.mark.parametrize(("status", "headers"), [(409, {}), (429, {"Retry-After": "0"}), (500, {}), (503, {})])
async def test_a_job_that_cannot_be_created_just_now_is_shown_and_created_once_later(api, site, status, headers):
    await site.launcher.look()
    api.fail[("POST", "jobs")] = (status, headers)
    site.want("agx")
    site.launcher.open()
    await eventually(lambda: str(status) in str({**site.alarms, "link": site.launcher.link().detail}), 10)
    assert site.failed == []
    api.fail.clear()
    await eventually(lambda: len(api.jobs) == 1, 10)
    await eventually(lambda: site.launcher.link().state == "up", 10)
    await site.launcher.look()
    assert len(api.jobs) == 1


async def test_a_name_that_is_taken_already_is_cleared_and_another_one_used(api, site):
    await site.launcher.look()
    site.want("agx")
    order = site.launcher._order("agx")
    taken = site.launcher.preview(order)
    site.launcher.found = []
    api.jobs[order.name] = {**taken, "metadata": {**taken["metadata"], "creationTimestamp": "2026-01-01T00:00:00Z"}}
    api.hidden = {order.name}
    await site.launcher.look()
    assert "409" in site.alarms[("job", "agx")]
    api.hidden = set()
    await site.launcher.look()
    (name,) = api.jobs
    assert name != order.name


async def test_a_job_whose_answer_comes_too_late_is_made_once(api, tmp_path):
    api.nodes = [node("agx")]
    made = Site(api, tmp_path, request_timeout_s=0.5)
    await made.launcher.look()
    api.slow[("POST", "jobs")] = 1.0
    made.want("agx")
    made.launcher.open()
    await eventually(lambda: made.launcher.link().state == "down", 10)
    await eventually(lambda: made.launcher.link().state == "up" and len(api.jobs) == 1, 10)
    await asyncio.sleep(1.0)
    assert len(api.jobs) == 1
    assert made.failed == []
    await made.launcher.close()


async def test_the_same_order_twice_launches_one_job_even_where_the_first_was_not_seen(api, site):
    await site.launcher.look()
    order = site.launcher.order("agx", "ordered-once", "operator")
    first = await site.launcher.start_job(order)
    site.launcher.found = []
    again = await site.launcher.start_job(order)
    assert (again.name, len(api.jobs)) == (first.name, 1)


async def test_a_job_that_vanishes_while_it_is_created_is_refused_in_words(api, site):
    await site.launcher.look()
    order = site.launcher.order("agx", "vanishes", "operator")
    api.hidden.add(order.name)
    with pytest.raises(KubeError, match="is gone already"):
        await site.launcher.start_job(order)


async def test_tls_that_fails_is_one_sentence_and_no_traceback(api, tmp_path, caplog):
    api.url = api.url.replace("http://", "https://")
    made = Site(api, tmp_path)
    made.launcher.open()
    await eventually(lambda: made.launcher.link().state == "down", 20)
    assert "certificate-authority in the kubeconfig" in made.launcher.link().detail
    assert "\n" not in made.launcher.link().detail
    assert "Traceback" not in caplog.text
    await made.launcher.close()
