"""A hint for whoever starts a worker as it was done before there was a master: with the database alone."""

from collections.abc import Mapping

from posture_shared.exits import Exit, Stop

OLD = "SUPABASE_"


def with_hint(stop: Stop, environment: Mapping[str, str]) -> Stop:
    """`stop`, or what to do now where no master is named and only variables of older installations are there."""
    if "'master' is missing" not in stop.sentence or not any(name.startswith(OLD) for name in environment):
        return stop
    return Stop(
        "setting 'master' is missing: a worker does not write to the database any more, so SUPABASE_* alone starts "
        "none. Give SUPABASE_* to `posture-agent master`, and this worker its address: "
        "--master tcp://HOST:5570, or POSTURE_MASTER",
        Exit.USAGE,
    )
