"""Spans and moments as an operator types them."""

from datetime import UTC, datetime, timedelta

import pytest

from posture_console.core.moments import parse_since, parse_span

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("45m", 2700), ("1.5h", 5400), ("1d", 86400), ("2w", 1209600), (" 5 m ", 300)]
)
def test_a_span_has_a_number_and_a_unit(text: str, seconds: float):
    assert parse_span(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 minutes", "1e9h", "5mm"])
def test_what_is_no_span_is_refused_with_examples(text: str):
    with pytest.raises(ValueError, match="30s, 45m"):
        parse_span(text)


def test_since_is_a_span_before_now_or_a_time():
    assert parse_since("1d", NOW) == NOW - timedelta(days=1)
    assert parse_since("2026-03-29T08:30Z", NOW) == datetime(2026, 3, 29, 8, 30, tzinfo=UTC)
    assert parse_since("2026-03-29", NOW).tzinfo is not None
    for wrong in ("yesterday", "2026-13-01", "99999999w"):
        with pytest.raises(ValueError, match=wrong):
            parse_since(wrong, NOW)
