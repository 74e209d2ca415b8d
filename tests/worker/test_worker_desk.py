"""The worker's side: credit, outcomes kept until acknowledged, what happens on drain, loss and end."""

import pytest

from posture_agent.worker.desk import FAREWELL_S, Desk
from posture_agent.worker.pipe import Found, GiveBack, Taken, Work
from posture_shared.messages.worker import (
    Ack,
    Activate,
    Analysis,
    Beat,
    Done,
    Drain,
    Drained,
    Fail,
    Frame,
    Grant,
    Hello,
    MasterBeat,
    Ready,
    Refused,
    Rejoin,
    Started,
    Welcome,
)
from support.worker_world import hello

GOOD = Analysis(posture_status="Good", reason="")


def active_desk(threads: int = 2) -> Desk:
    desk = Desk(threads=threads)
    desk.connected(hello(), 0.0)
    desk.from_master(Welcome(version=1, epoch="e", settings={"rule": "classic"}), b"", 0.0)
    desk.from_master(Activate(generation=1), b"", 0.0)
    desk.child_loaded(0.0)
    desk.to_master.clear()
    return desk


def frame(lease: int, **fields) -> Frame:
    given = {"frame_id": f"f{lease}", "attempt": 1, "generation": 1, "ttl_ms": 5000, "pi_id": "pi1"} | fields
    return Frame(lease=lease, **given)


def said(desk: Desk, kind: type) -> list:
    return [message for message, _ in desk.to_master if isinstance(message, kind)]


def tickets(desk: Desk) -> list[int]:
    return [work.ticket for work, _ in desk.to_child if isinstance(work, Work)]


def test_on_standby_no_child_is_wanted():
    desk = Desk(threads=2)
    desk.connected(hello(), 0.0)
    desk.from_master(Welcome(version=1, epoch="e"), b"", 0.0)
    assert not desk.wants_child
    desk.from_master(Activate(generation=1), b"", 0.0)
    assert desk.wants_child


def test_ready_and_credit_only_with_the_model_loaded():
    desk = Desk(threads=2)
    desk.connected(hello(), 0.0)
    desk.from_master(Activate(generation=4), b"", 0.0)
    assert not said(desk, Ready)
    desk.child_loaded(1.0)
    assert said(desk, Ready) == [Ready(generation=4)]
    assert said(desk, Grant) == [Grant(generation=4, total=6)]


def test_hello_is_said_until_welcome_comes():
    desk = Desk(threads=1)
    desk.connected(hello(), 0.0)
    desk.beat(0.5)
    assert len(said(desk, Hello)) == 2
    desk.from_master(Welcome(version=1, epoch="e"), b"", 0.6)
    desk.beat(1.0)
    assert len(said(desk, Hello)) == 2


def test_credit_rises_with_each_outcome_and_never_falls():
    desk = active_desk()
    for lease in range(1, 7):
        desk.from_master(frame(lease), b"", 0.0)
    totals = []
    for ticket in tickets(desk):
        desk.taken(Taken(ticket), 0.1)
        desk.found(Found(ticket, GOOD), b"", 0.2)
    totals = [grant.total for grant in said(desk, Grant)]
    assert totals == sorted(totals)
    assert 10 - totals[-1] < desk.window // 2


def test_the_child_gets_a_few_frames_ahead_and_no_more():
    desk = active_desk()
    for lease in range(1, 7):
        desk.from_master(frame(lease), b"", 0.0)
    assert len(tickets(desk)) == 4
    desk.found(Found(tickets(desk)[0], GOOD), b"", 0.1)
    assert len(tickets(desk)) == 5


def test_a_suspect_is_in_the_child_alone():
    desk = active_desk()
    desk.from_master(frame(1), b"", 0.0)
    desk.from_master(frame(2, alone=True), b"", 0.0)
    desk.from_master(frame(3), b"", 0.0)
    assert len(tickets(desk)) == 1
    desk.found(Found(tickets(desk)[0], GOOD), b"", 0.1)
    assert len(tickets(desk)) == 2
    desk.found(Found(tickets(desk)[1], GOOD), b"", 0.2)
    assert len(tickets(desk)) == 3


def test_an_outcome_is_kept_and_repeated_until_it_is_acknowledged():
    desk = active_desk()
    desk.from_master(frame(1), b"", 0.0)
    desk.found(Found(tickets(desk)[0], GOOD), b"picture", 0.1)
    desk.beat(1.0)
    assert len(said(desk, Done)) == 1
    assert said(desk, Beat)[-1].leases == [1]
    desk.beat(2.5)
    assert desk.to_master.count((said(desk, Done)[0], b"picture")) == 2
    desk.from_master(Ack(leases=[1, 99]), b"", 2.6)
    desk.beat(9.0)
    assert len(said(desk, Done)) == 2
    assert said(desk, Beat)[-1].leases == []


def test_a_frame_said_twice_is_one_frame():
    desk = active_desk()
    desk.from_master(frame(1), b"", 0.0)
    desk.from_master(frame(1), b"", 0.0)
    assert len(tickets(desk)) == 1


def test_a_dead_child_fails_each_lease_as_far_as_it_was():
    desk = active_desk()
    for lease in range(1, 7):
        desk.from_master(frame(lease), b"", 0.0)
    for ticket in tickets(desk)[:2]:
        desk.taken(Taken(ticket), 0.1)
    desk.child_ended("crash", "signal 11", 0.2)
    failed = {fail.lease: (fail.kind, fail.started) for fail in said(desk, Fail)}
    assert failed == {lease: ("crash", lease <= 2) for lease in range(1, 7)}
    assert desk.wants_child
    desk.child_loaded(1.0)
    assert said(desk, Ready) == [Ready(generation=1)]
    assert said(desk, Grant)[-1].total == 12


def test_only_the_frame_past_its_time_hangs():
    desk = active_desk()
    desk.from_master(frame(1), b"", 0.0)
    desk.from_master(frame(2), b"", 0.0)
    desk.taken(Taken(tickets(desk)[0]), 0.0)
    desk.taken(Taken(tickets(desk)[1]), 4.0)
    assert not desk.hanging(4.9)
    assert desk.hanging(5.1)
    desk.child_ended("hang", "", 5.1)
    assert [fail.kind for fail in said(desk, Fail)] == ["hang", "killed"]


def test_a_child_that_takes_nothing_of_what_it_has_hangs_and_its_frames_are_blamed_for_nothing():
    desk = active_desk()
    desk.from_master(frame(1), b"a", 10.0)
    assert desk.waited_s(14.0) == 4.0
    assert not desk.hanging(15.0)
    assert desk.hanging(15.1)
    desk.child_ended("hang", "it hung", 15.1)
    assert [(fail.kind, fail.started) for fail in said(desk, Fail)] == [("killed", False)]
    assert desk.waited_s(99.0) == 0.0


def test_each_thing_that_the_child_does_is_progress():
    desk = active_desk()
    desk.from_master(frame(1), b"a", 10.0)
    desk.from_master(frame(2), b"b", 11.0)
    assert desk.waited_s(12.0) == 2.0, "a further frame is no progress"
    first, second = tickets(desk)
    desk.taken(Taken(ticket=first), 12.0)
    assert desk.waited_s(13.0) == 1.0
    desk.found(Found(first, GOOD), b"", 14.0)
    assert desk.waited_s(14.5) == 0.5
    desk.stalled(3.0, 17.5)
    assert desk.waited_s(17.5) == 0.5
    desk.found(Found(second, GOOD), b"", 18.0)
    assert desk.waited_s(100.0) == 0.0, "nothing is there to do"


def test_a_pause_of_the_process_is_nobodys_hang():
    desk = active_desk()
    desk.from_master(frame(1), b"", 0.0)
    desk.taken(Taken(tickets(desk)[0]), 0.0)
    desk.stalled(60.0, 60.0)
    assert not desk.hanging(60.0)
    assert desk.heard_s == 60.0


def test_drain_gives_back_what_no_thread_has_taken_and_then_says_drained():
    desk = active_desk()
    for lease in range(1, 7):
        desk.from_master(frame(lease), b"", 0.0)
    desk.taken(Taken(1), 0.1)
    desk.from_master(Drain(generation=1), b"", 0.2)
    assert [fail.lease for fail in said(desk, Fail)] == [5, 6]
    assert isinstance(desk.to_child[-1][0], GiveBack)
    assert not said(desk, Drained)
    desk.found(Found(1, GOOD), b"", 0.3)
    for ticket in (2, 3, 4):
        desk.found(Found(ticket, GOOD), b"", 0.4)
    assert said(desk, Drained) == [Drained(generation=1)]
    assert not desk.finished


def test_a_higher_activate_revokes_a_drain_and_an_old_drain_is_ignored():
    desk = active_desk()
    desk.from_master(frame(1), b"", 0.0)
    desk.taken(Taken(1), 0.0)
    desk.from_master(Drain(generation=1), b"", 0.1)
    desk.from_master(Activate(generation=2), b"", 0.2)
    assert said(desk, Ready)[-1] == Ready(generation=2)
    desk.from_master(Drain(generation=1), b"", 0.3)
    assert desk.active


def test_frames_of_another_generation_are_refused():
    desk = active_desk()
    desk.from_master(frame(1, generation=7), b"", 0.0)
    assert said(desk, Fail) == [Fail(lease=1, kind="refused", started=False)]


def test_a_leaving_worker_is_finished_when_all_is_acknowledged_or_nobody_answers():
    desk = active_desk()
    desk.from_master(frame(1), b"", 0.0)
    desk.taken(Taken(1), 0.0)
    desk.leave(0.1)
    desk.found(Found(1, GOOD), b"", 0.2)
    assert not desk.finished
    desk.beat(0.3)
    desk.beat(0.4 + FAREWELL_S)
    assert desk.finished


def test_a_worker_on_standby_that_is_told_to_stop_is_finished_at_once():
    desk = Desk(threads=1)
    desk.connected(hello(), 0.0)
    desk.from_master(Drain(generation=0, stop=True), b"", 0.0)
    assert desk.finished


@pytest.mark.parametrize("lost", [Rejoin(reason="restarted"), None])
def test_nothing_of_an_old_connection_is_told_on_a_new_one(lost):
    desk = active_desk()
    desk.from_master(frame(1), b"", 0.0)
    desk.taken(Taken(1), 0.0)
    if lost is not None:
        desk.from_master(lost, b"", 1.0)
        assert desk.rejoin == "restarted"
    desk.connected(hello(), 1.0)
    desk.from_master(Welcome(version=1, epoch="second"), b"", 1.0)
    desk.from_master(Activate(generation=1), b"", 1.1)
    desk.from_master(frame(1, frame_id="another"), b"", 1.2)
    desk.to_master.clear()
    desk.found(Found(1, GOOD), b"of the old one", 1.3)
    assert not said(desk, Done)
    desk.found(Found(2, GOOD), b"", 1.4)
    assert [done.frame_id for done in said(desk, Done)] == ["another"]


def test_a_resting_child_is_wanted_again_by_the_next_frame():
    desk = active_desk()
    assert desk.idle_since() == 0.0
    desk.child_rests()
    assert not desk.wants_child
    desk.from_master(frame(1), b"", 700.0)
    assert desk.wants_child
    assert not tickets(desk)
    desk.child_loaded(701.0)
    assert len(tickets(desk)) == 1


def test_what_a_child_that_is_ended_on_purpose_had_goes_back_without_blame():
    desk = active_desk(threads=1)
    desk.from_master(frame(1), b"jpeg", 1.0)
    desk.from_master(frame(2), b"jpeg", 1.0)
    desk.taken(Taken(tickets(desk)[0]), 1.0)
    desk.child_rests()
    desk.child_rested(2.0)
    assert [(fail.lease, fail.kind, fail.started) for fail in said(desk, Fail)] == [
        (1, "refused", False),
        (2, "refused", False),
    ]
    assert not desk.hanging(3600.0)
    assert desk.unfinished == 0


def test_started_is_passed_on_and_beats_echo_how_far_the_master_sent():
    desk = active_desk()
    desk.from_master(frame(3), b"", 0.0)
    desk.taken(Taken(1), 0.0)
    assert said(desk, Started) == [Started(lease=3)]
    desk.from_master(MasterBeat(upto=3), b"", 0.1)
    desk.beat(0.5)
    assert said(desk, Beat)[-1] == Beat(leases=[3], upto=3)


def test_a_refusal_is_kept_for_the_exit():
    desk = active_desk()
    desk.from_master(Refused(reason="superseded"), b"", 0.0)
    assert desk.refused == Refused(reason="superseded")


def test_a_refused_worker_does_not_join_again_whatever_is_said_after():
    desk = active_desk()
    desk.from_master(Refused(reason="another process joined as n1/main after this one"), b"", 1.0)
    desk.from_master(Rejoin(reason="this connection is not known"), b"", 1.0)
    assert desk.refused is not None
    assert desk.rejoin is None
