"""What an operator may tune about placement, with the defaults of the product."""

from typing import Final, Literal, get_args

import msgspec

PolicyName = Literal["threshold", "least-loaded", "round-robin", "spread"]
POLICIES: Final[tuple[PolicyName, ...]] = get_args(PolicyName)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of placement. Loads in per cent of a whole node, times in seconds."""

    policy: PolicyName = "threshold"
    """Who decides where no override does."""
    high: float = 60.0
    """The master offloads at this load or above; no node is filled up to it (0-100)."""
    low: float = 50.0
    """Work may return below this load (0-100, below `high`)."""
    interval_s: float = 3.0
    """Time between two decisions."""
    min_dwell_s: float = 15.0
    """Shortest time between two changes that a policy makes of its own accord."""
    guard: bool = True
    """False is the literal rule: back as soon as the load is below `low`, without projection or dwell."""
    on_missing: Literal["fallback", "hold"] = "fallback"
    """When a pinned node is absent: analyse where it works, or let the frames wait for the node."""
    start_timeout_s: float = 120.0
    """A side that is not READY after this long is given up; the old one has worked on."""
    shun_s: float = 60.0
    """A node that was given up, or whose Job failed, is not tried again for this long."""
    grace_s: float = 5.0
    """After a restart of the master, workers are waited for this long before they count as lost."""
    stale_s: float = 5.0
    """A node whose last sample is older than this is not eligible."""
    assumed_cpu_ms: float = 40.0
    """CPU time of one frame where none was measured yet (720p, full model, with decoding and drawing)."""
