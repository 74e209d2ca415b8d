"""Which frame goes next, and which may be forgotten."""

import pytest

from posture_publisher.delivery import RECOVERY_S, SETTLE_S, STALL_S, Delivery
from posture_publisher.wire import Confirmation, FrameKey

RUN = "run-1"


def key(seq: int, run: str = RUN) -> FrameKey:
    return FrameKey(run, seq)


def confirm(upto: int = 0, also: set[int] = frozenset(), missing: set[int] = frozenset()) -> Confirmation:
    return Confirmation(RUN, upto, frozenset(also), frozenset(missing))


class Site:
    """A delivery with a clock; `send` sends all that may be sent now and returns the numbers."""

    def __init__(self, *, fps: float = 2.0, window: int = 20, unconfirmed: int = 200) -> None:
        self.delivery = Delivery(fps=fps, window=window, unconfirmed=unconfirmed)
        self.now = 100.0

    def capture(self, *seqs: int) -> None:
        for seq in seqs:
            self.delivery.add(key(seq))

    def connect(self, *, session_present: bool = True) -> None:
        self.delivery.connected(session_present=session_present, now_s=self.now)

    def send(self) -> list[int]:
        sent = []
        while (found := self.delivery.next(self.now)) is not None:
            self.delivery.sent(found, self.now)
            sent.append(found.seq)
        return sent

    def ack(self, *seqs: int, taken: bool = True) -> None:
        for seq in seqs:
            self.delivery.acked(key(seq), taken=taken, now_s=self.now)

    def confirm(self, confirmation: Confirmation) -> list[int]:
        return [freed.seq for freed in self.delivery.confirmed(confirmation, self.now)]

    def master(self, *, online: bool) -> None:
        self.delivery.master(online=online, now_s=self.now)

    def over(self, seconds: float) -> list[int]:
        """Let time pass in small steps, sending what becomes due."""
        sent = []
        for _ in range(round(seconds / 0.05)):
            self.now += 0.05
            self.delivery.tick(self.now)
            sent += self.send()
        return sent


@pytest.fixture
def site() -> Site:
    return Site()


def test_nothing_is_sent_while_the_broker_is_away_and_all_in_order_afterwards(site: Site):
    site.capture(1, 2, 3)
    assert site.send() == []
    site.connect()
    assert site.send() == [1, 2, 3]


def test_no_more_than_the_window_waits_for_the_broker():
    site = Site(window=2)
    site.connect()
    site.capture(1, 2, 3, 4)
    assert site.send() == [1, 2]
    site.ack(1)
    assert site.send() == [3]


def test_once_a_master_is_known_the_rest_waits_in_the_spool_while_it_confirms_nothing():
    site = Site(unconfirmed=2)
    site.connect()
    site.master(online=False)
    site.capture(1, 2, 3, 4)
    assert site.send() == [1, 2]
    site.ack(1, 2)
    assert site.send() == []
    site.confirm(confirm(upto=1))
    assert site.send() == [3]


def test_a_confirmation_frees_what_is_durable_and_keeps_what_is_missing(site: Site):
    site.connect()
    site.capture(*range(1, 9))
    site.ack(*site.send())
    assert site.confirm(confirm(upto=5, also={7}, missing={3})) == [1, 2, 4, 5, 7]
    assert site.delivery.kept == 3


def test_a_confirmation_of_another_run_frees_nothing(site: Site):
    site.capture(1)
    assert site.delivery.confirmed(Confirmation("another", 5), site.now) == []
    assert site.delivery.kept == 1


def test_only_what_the_master_lists_missing_is_sent_again(site: Site):
    site.connect()
    site.capture(1, 2, 3)
    site.ack(*site.send())
    site.now += 10
    site.confirm(confirm(also={3}, missing={1}))
    assert site.over(5) == [1]


def test_a_frame_that_was_just_sent_is_not_sent_again_at_once(site: Site):
    site.connect()
    site.capture(1, 2)
    site.ack(*site.send())
    site.confirm(confirm(also={2}, missing={1}))
    assert site.over(SETTLE_S - 0.5) == []
    assert site.over(1) == [1]


def test_a_frame_listed_missing_again_and_again_is_sent_again_once_per_settling_time(site: Site):
    site.connect()
    site.capture(1, 2)
    site.ack(*site.send())
    sent = []
    for _ in range(100):
        site.confirm(confirm(also={2}, missing={1}))
        sent += site.over(0.2)
        site.ack(1)
    assert 3 <= len(sent) <= 4


def test_after_the_broker_lost_our_session_everything_unconfirmed_is_sent_again(site: Site):
    site.connect()
    site.capture(1, 2, 3)
    site.ack(*site.send())
    site.confirm(confirm(upto=1))
    site.delivery.disconnected()
    site.connect(session_present=False)
    assert site.over(5) == [2, 3]


def test_a_reconnection_with_our_session_sends_nothing_again(site: Site):
    site.connect()
    site.capture(1, 2)
    site.ack(*site.send())
    site.delivery.disconnected()
    site.connect(session_present=True)
    assert site.over(30) == []


def test_resends_go_at_twice_the_cameras_rate_and_behind_live_frames():
    site = Site(fps=2.0, window=100)
    site.connect()
    site.capture(*range(1, 41))
    while sent := site.send():
        site.ack(*sent)
    site.delivery.disconnected()
    site.connect(session_present=False)
    site.capture(41)
    first = site.send()
    assert first[0] == 41
    again = site.over(5)
    assert 19 <= len(again) <= 21, "2 fps: at most four a second"


def test_without_progress_for_a_minute_the_rest_is_sent_again_and_then_ever_more_rarely(site: Site):
    site.connect()
    site.master(online=True)
    site.capture(1)
    site.ack(*site.send())
    assert site.over(STALL_S - 1) == []
    assert site.over(2) == [1]
    site.ack(1)
    assert site.over(2 * STALL_S - 3) == []
    assert site.over(4) == [1]


def test_a_master_that_is_offline_is_waited_for_without_sending_again(site: Site):
    site.connect()
    site.master(online=False)
    site.capture(1)
    site.ack(*site.send())
    assert site.over(3 * STALL_S) == []


def test_progress_postpones_the_stall(site: Site):
    site.connect()
    site.master(online=True)
    site.capture(1, 2)
    site.ack(*site.send())
    site.over(STALL_S - 5)
    site.confirm(confirm(upto=1))
    assert site.over(STALL_S - 5) == []


def test_frames_that_nobody_was_subscribed_for_are_sent_again_when_the_master_comes(site: Site):
    site.connect()
    site.capture(1, 2)
    site.send()
    site.ack(1, 2, taken=False)
    assert site.delivery.untaken == 2
    assert site.over(100) == []
    site.master(online=True)
    assert site.over(3) == [1, 2]


def test_frames_of_an_earlier_start_wait_for_the_retained_confirmation(site: Site):
    site.delivery.recover([key(1), key(2)])
    site.connect(session_present=True)
    assert site.over(RECOVERY_S - 0.5) == []
    site.confirm(confirm(upto=1))
    assert site.over(3) == [2]


def test_frames_of_an_earlier_start_that_are_found_late_are_sent_again(site: Site):
    site.connect(session_present=True)
    site.delivery.recover([key(1), key(2)])
    assert sorted(site.over(3)) == [1, 2]


def test_a_frame_that_the_broker_refused_is_tried_again(site: Site):
    site.connect()
    site.capture(1)
    site.send()
    site.delivery.refused(key(1), site.now)
    assert site.send() == []
    assert site.over(SETTLE_S + 0.5) == [1]


def test_a_confirmed_frame_still_counts_in_flight_until_its_puback():
    site = Site(window=1)
    site.connect()
    site.capture(1, 2)
    assert site.send() == [1]
    assert site.confirm(confirm(upto=1)) == [1]
    assert site.send() == []
    site.ack(1)
    assert site.send() == [2]


def test_a_forgotten_frame_is_not_sent_and_not_counted(site: Site):
    site.capture(1, 2)
    site.delivery.forget(key(1))
    site.connect()
    assert site.send() == [2]
    assert site.delivery.oldest(RUN) == 2
    assert site.delivery.kept == 1
