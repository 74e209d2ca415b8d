import pytest

from posture_agent.timeline.episodes import Happened, Track, idle, step
from posture_agent.timeline.reading import Reading
from posture_agent.timeline.settings import EpisodeSettings
from posture_agent.timeline.tracks import Followed, Tracks

SETTINGS = EpisodeSettings()


def play(*parts: tuple[float, bool], fps: float = 2.0, start_s: float = 1000.0) -> tuple[Track, list[Happened]]:
    """Readings at `fps`: each part is so many seconds of bad (True) or good posture."""
    track, happened, at_s = Track(), list[Happened](), start_s
    for seconds, bad in parts:
        for _ in range(round(seconds * fps)):
            reading = Reading(at_s, bad, 30.0, 5.0, "head forward 19° (limit 12°)" if bad else "within the limits")
            track, now = step(track, reading, SETTINGS)
            happened += now
            at_s += 1 / fps
    return track, happened


def test_ten_seconds_of_bad_posture_begin_an_episode_and_three_of_good_end_it():
    _, happened = play((20, True), (6, False))
    assert [one.what for one in happened] == ["begin", "end"]
    begin, end = happened
    assert begin.at_s == 1010.0
    assert begin.episode.started_s == 1000.0
    assert 1019 <= end.at_s <= 1021
    assert 19 <= end.episode.bad_s <= 21


def test_nine_seconds_are_not_an_episode():
    assert play((9, True), (20, False), (9, True), (20, False))[1] == []


def test_single_wrong_pictures_neither_end_nor_begin_anything():
    spiky = [(4, True), (0.5, False)] * 6
    assert [one.what for one in play(*spiky)[1]] == ["begin"]
    assert play(*[(4, False), (0.5, True)] * 20)[1] == []


def test_no_clock_runs_while_nobody_is_judged():
    track, _ = play((6, True))
    _, happened = step(track, Reading(1065.0, True, 30.0, 5.0, "head forward 19° (limit 12°)"), SETTINGS)
    assert happened == [], "6 s of bad posture and a minute of nobody are no 10 s"


def test_two_seconds_of_good_posture_do_not_end_an_episode():
    _, happened = play((15, True), (2, False), (15, True))
    assert [one.what for one in happened] == ["begin"]


def feed(track: Track, *readings: Reading) -> tuple[Track, list[Happened]]:
    happened: list[Happened] = []
    for reading in readings:
        track, now = step(track, reading, SETTINGS)
        happened += now
    return track, happened


def test_a_gap_pauses_the_clock():
    track, _ = play((8, True))
    later = [Reading(1060.0 + n / 2, True, 30, 5, "head forward") for n in range(8)]
    _, happened = feed(track, *later)
    assert [one.what for one in happened] == ["begin"]
    assert happened[0].at_s < 1064.0


def test_a_person_who_left_ends_the_episode_where_it_was_last_seen():
    track, _ = play((20, True))
    assert idle(track, 1100.0, SETTINGS)[1] == []
    gone, happened = idle(track, 1400.0, SETTINGS)
    assert [(one.what, one.at_s) for one in happened] == [("end", 1019.5)]
    assert gone.open is None


def test_a_reading_that_comes_late_changes_nothing():
    track, _ = play((20, True))
    same, happened = step(track, Reading(1001.2, False, 0, 0, ""), SETTINGS)
    assert same == track
    assert happened == []


def test_a_clock_that_was_set_back_ends_the_episode_and_the_next_one_is_seen():
    track, _ = play((20, True), start_s=1_000_000.0)
    assert idle(track, 1_000_000.0 - 30, SETTINGS)[0] is track, "pictures may be a little ahead"
    tracks = Tracks(SETTINGS, {"pi1": Followed(track=track, episode_id="before")})
    [over] = tracks.idle(5000.0)
    assert (over.episode_id, over.ended is not None) == ("before", True)
    found = [tracks.feed("pi1", Reading(5000.0 + n / 2, True, 40.0, 30.0, "leaning forward")) for n in range(30)]
    [begun] = [episode for changes in found for episode in changes]
    assert begun.started.timestamp() == 5000.0


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("leaning forward 31° (limit 20°), head forward 14.5° (limit 12°)", "leaning forward, head forward"),
        ("leaning back 31° (limit 25°); no baseline yet", "leaning back"),
        ("neck 55.0° outside 10–50°, body 25.0° (limit 20°)", "neck outside, body"),
        ("leaning forward 20° of 15°", "leaning forward"),
    ],
)
def test_reasons_are_counted_without_their_numbers(reason: str, kind: str):
    track = Track()
    for n in range(40):
        track, _ = step(track, Reading(1000 + n / 2, True, 30, 25, reason), SETTINGS)
    assert track.open is not None
    assert track.open.reason == kind


def test_the_reason_of_an_episode_is_its_most_frequent_one_without_numbers():
    track, happened = Track(), list[Happened]()
    for n in range(40):
        reason = f"leaning forward {20 + n}° (limit 15°)" if n % 4 else "head forward 19° (limit 12°)"
        track, now = step(track, Reading(1000 + n / 2, True, 30, 25, reason), SETTINGS)
        happened += now
    assert track.open is not None
    assert track.open.reason == "leaning forward"
