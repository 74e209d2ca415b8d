"""Which numbers a camera is told are durable, in flight or missing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from posture_agent.frames.runs import GRACE_S, LISTED, Run, RunState
from posture_agent.master.ingest.confirm import EVERY_S, Confirmations

LATER = 1000.0


def run_of(durable: list[int], pending: tuple[int, ...] = ()) -> Run:
    run = Run("r")
    for seq in durable:
        run.durable(seq, 0.0)
    for seq in pending:
        run.seen(seq, 0.0)
    return run


def test_upto_rises_with_durable_numbers() -> None:
    told = run_of([1, 2, 3]).confirmation(LATER)
    assert (told.upto, told.also, told.missing) == (3, [], [])


def test_a_frame_in_flight_holds_upto_back_and_later_ones_are_listed() -> None:
    told = run_of([1, 3, 4], pending=(2,)).confirmation(LATER)
    assert (told.upto, told.also, told.missing) == (1, [3, 4], [])


def test_a_gap_is_missing_only_after_the_grace() -> None:
    run = run_of([1, 4])
    soon = run.confirmation(GRACE_S / 2)
    assert (soon.upto, soon.also, soon.missing) == (1, [4], [])
    told = run.confirmation(GRACE_S)
    assert (told.upto, told.also, told.missing) == (4, [], [2, 3])


def test_a_missing_number_that_comes_is_no_longer_missing() -> None:
    run = run_of([1, 4])
    run.seen(3, LATER)
    told = run.confirmation(LATER)
    assert (told.upto, told.also, told.missing) == (2, [4], [2])


def test_numbers_that_the_publisher_no_longer_holds_are_lost_not_missing() -> None:
    run = run_of([5, 9])
    run.given_up(below=7)
    assert run.lost == 5
    told = run.confirmation(LATER)
    assert (told.upto, told.missing) == (9, [7, 8])


def test_a_wild_number_costs_nothing_and_lists_stay_bounded() -> None:
    run = run_of([1, 2**52])
    told = run.confirmation(LATER)
    assert told.upto < 2**52 - LISTED
    assert len(told.missing) == LISTED
    assert told.also == [2**52]


def test_a_run_is_the_same_after_a_restart_but_for_what_was_in_flight() -> None:
    run = run_of([1, 2, 6], pending=(3,))
    again = Run.restore(run.keep("pi1"), 0.0)
    told = again.confirmation(LATER)
    assert (told.upto, told.also, told.missing) == (6, [], [3, 4, 5])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=80), st.integers(0, 62))
def test_a_publisher_frees_exactly_the_durable_numbers(events: list[tuple[int, bool]], below: int) -> None:
    """Any order of arrivals and commits: whatever the confirmation covers is durable, and all of it is covered."""
    run, durable, seen = Run("r"), set(), set()
    for seq, commits in events:
        seen.add(seq)
        if commits:
            durable.add(seq)
            run.durable(seq, 0.0)
        else:
            run.seen(seq, 0.0)
    told = run.confirmation(LATER)
    covered = {n for n in range(1, 70) if (n <= told.upto or n in told.also) and n not in told.missing}
    assert covered == durable
    top = max(seen, default=0)
    assert set(told.missing) == set(range(1, top)) - seen
    run.given_up(below)
    assert run.confirmation(LATER).missing == [n for n in told.missing if n >= below]


def test_confirmations_of_a_fast_camera_are_conflated() -> None:
    confirmations = Confirmations([], 0.0)
    confirmations.durable("pi1", "r", 1, 10.0)
    assert [told.confirmation.upto for told in confirmations.take(10.0, 9)] == [1]
    for seq in range(2, 10):
        confirmations.durable("pi1", "r", seq, 10.0)
    assert list(confirmations.take(10.0 + EVERY_S / 2, 9)) == []
    assert [told.confirmation.upto for told in confirmations.take(10.0 + EVERY_S, 9)] == [9]
    assert confirmations.next_due() is None


def test_everyone_is_told_again_with_the_newest_run_last() -> None:
    states = [RunState(pi_id="pi1", run=run, top=3, gaps=[]) for run in ("old", "new")]
    confirmations = Confirmations(states, 0.0)
    confirmations.everyone(5.0)
    assert [told.confirmation.run for told in confirmations.take(5.0, 9)] == ["old", "new"]


def test_a_gap_is_told_when_its_grace_ends_without_further_frames() -> None:
    confirmations = Confirmations([], 0.0)
    confirmations.durable("pi1", "r", 1, 0.0)
    confirmations.durable("pi1", "r", 3, 0.0)
    list(confirmations.take(0.0, 9))
    due = confirmations.next_due()
    assert due is not None
    [told] = confirmations.take(due + EVERY_S, 9)
    assert told.confirmation.missing == [2]


def test_runs_of_strangers_are_bounded() -> None:
    confirmations = Confirmations([], 0.0)
    for number in range(100):
        confirmations.durable("pi1", f"run{number}", 1, 0.0)
    assert len(confirmations._cameras["pi1"]) <= 4
