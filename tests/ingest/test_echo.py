"""A broker that lets the master hear nothing shows by the master's own word, which does not come back."""

from posture_agent.broker.echo import ASK_S, BACK_S, Echo


def missing(echo: Echo) -> bool:
    return echo.missing


def test_a_word_that_comes_back_is_no_matter() -> None:
    echo = Echo(0.0)
    echo.said(0.0)
    echo.heard(0.1, own=True)
    echo.look(5.0, held_up=False)
    assert not missing(echo)


def test_a_word_that_does_not_come_back_is_missing_until_one_does() -> None:
    echo = Echo(0.0)
    echo.said(0.0)
    echo.look(BACK_S, held_up=False)
    assert not missing(echo)
    echo.look(BACK_S + 0.1, held_up=False)
    assert missing(echo)
    echo.said(15.0)
    echo.heard(15.1, own=False)
    assert missing(echo), "a picture is not the word"
    echo.heard(15.2, own=True)
    assert not missing(echo)


def test_behind_frames_a_word_may_take_its_time() -> None:
    echo = Echo(0.0)
    echo.said(0.0)
    echo.look(60.0, held_up=True)
    echo.look(59.9 + BACK_S, held_up=False)
    assert not missing(echo)
    echo.look(60.1 + BACK_S, held_up=False)
    assert missing(echo)


def test_quiet_is_asked_about_once() -> None:
    echo = Echo(0.0)
    assert not echo.asks(ASK_S - 0.1)
    assert echo.asks(ASK_S)
    echo.said(ASK_S)
    assert not echo.asks(2 * ASK_S)
    echo.heard(ASK_S + 0.1, own=True)
    assert not echo.asks(2 * ASK_S)
    assert echo.asks(2 * ASK_S + 0.2)
